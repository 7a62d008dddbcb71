use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use kedge_net::netlink::{DeviceIndex, Route, Table};

use super::*;

/// A kernel that remembers, and does not take what somebody else has.
#[derive(Clone, Default)]
struct Fake(Rc<RefCell<Held>>);

#[derive(Default)]
struct Held {
    routes: BTreeSet<(IpNet, u32)>,
    others: BTreeSet<IpNet>,
    largest: usize,
}

impl Kernel for Fake {
    fn add(&mut self, routes: &[Route]) -> Result<Vec<(usize, NetError)>, NetError> {
        let mut held = self.0.borrow_mut();
        held.largest = held.largest.max(routes.len());
        let mut failures = Vec::new();
        for (at, route) in routes.iter().enumerate() {
            if held.others.contains(&route.destination) {
                failures.push((at, refusal()));
            } else {
                assert!(held.routes.insert((route.destination, route.metric)), "{route} is there");
            }
        }
        Ok(failures)
    }

    fn remove(&mut self, routes: &[Route]) -> Result<Vec<(usize, NetError)>, NetError> {
        let mut held = self.0.borrow_mut();
        for route in routes {
            assert!(held.routes.remove(&(route.destination, route.metric)), "{route} is not there");
        }
        Ok(Vec::new())
    }
}

/// Any error of the kernel's.
fn refusal() -> NetError {
    kedge_net::namespace::Namespace::open("no such namespace").expect_err("there is none")
}

impl Fake {
    fn routes(&self) -> Vec<String> {
        self.0.borrow().routes.iter().map(|(net, _)| net.to_string()).collect()
    }
}

fn plan(blocks: &[&str], metric: u32) -> RoutePlan {
    let blocks = blocks.iter().map(|net| net.parse().unwrap()).collect();
    RoutePlan { blocks, hidden: Vec::new(), metric }
}

fn world(blocks: &[&str]) -> (Routes, Fake) {
    let (mut routes, kernel) = (Routes::default(), Fake::default());
    let its = kernel.clone();
    let outlet = Outlet { device: DeviceIndex(7), table: Table::MAIN };
    routes.place(VrfId::DEFAULT, outlet, || Ok(Box::new(its))).unwrap();
    routes.plan(VrfId::DEFAULT, &plan(blocks, 0));
    (routes, kernel)
}

fn forwarding(nets: &[&str]) -> Forwarding {
    let inner = nets.iter().map(|net| net.parse().unwrap()).collect();
    Forwarding { vrf: VrfId::DEFAULT, inner, paths: Vec::new() }
}

#[test]
fn only_what_is_of_no_block_has_a_route_and_it_goes_with_the_binding() {
    let (mut routes, kernel) = world(&["10.0.0.0/24"]);
    let now = Instant::now();
    let want = forwarding(&["10.0.0.5/32", "198.51.100.0/24", "2001:db8:7::/64"]);
    routes.want(BindingId(1), Some(&want));
    routes.commit(now);
    assert_eq!(kernel.routes(), ["198.51.100.0/24", "2001:db8:7::/64"]);
    routes.want(BindingId(1), None);
    routes.commit(now);
    assert_eq!(kernel.routes().len(), 2, "kept for a handover");
    routes.want(BindingId(1), Some(&forwarding(&["10.0.0.5/32", "198.51.100.0/24"])));
    routes.commit(now);
    assert_eq!(kernel.routes(), ["198.51.100.0/24"]);
    routes.release(BindingId(1));
    routes.commit(now);
    assert!(kernel.routes().is_empty() && routes.bindings.is_empty());
    assert_eq!((routes.count(), routes.poll_timeout(now)), (Count::default(), None));
}

#[test]
fn a_prefix_passes_from_one_binding_to_another_without_a_gap() {
    let (mut routes, kernel) = world(&[]);
    let now = Instant::now();
    let want = forwarding(&["198.51.100.0/24"]);
    routes.want(BindingId(1), Some(&want));
    routes.commit(now);
    // In either order within a turn; the kernel here refuses to add twice and to remove nothing.
    routes.release(BindingId(1));
    routes.want(BindingId(2), Some(&want));
    routes.want(BindingId(3), Some(&want));
    routes.release(BindingId(2));
    routes.commit(now);
    assert_eq!(kernel.routes(), ["198.51.100.0/24"]);
    routes.release(BindingId(3));
    routes.commit(now);
    assert!(kernel.routes().is_empty());
}

#[test]
fn a_route_that_is_refused_is_shown_counted_and_tried_again() {
    let (mut routes, kernel) = world(&[]);
    let now = Instant::now();
    let net = "198.51.100.0/24";
    kernel.0.borrow_mut().others.insert(net.parse().unwrap());
    routes.want(BindingId(1), Some(&forwarding(&[net, "203.0.113.0/24"])));
    let standing = |routes: &Routes| {
        routes.of_binding(BindingId(1)).map(|(_, s)| format!("{s:?}")).collect::<Vec<_>>()
    };
    assert_eq!(standing(&routes), ["Waiting", "Waiting"]);
    routes.commit(now);
    let first = standing(&routes);
    assert!(first[0].starts_with("Refused") && first[1] == "Made", "{first:?}");
    let count = Count { made: 1, waiting: 0, refused: 1, refusals: 1 };
    assert_eq!((routes.count(), routes.poll_timeout(now)), (count, Some(now + RETRY)));
    routes.commit(now + RETRY);
    assert_eq!(routes.count(), Count { refusals: 2, ..count });
    kernel.0.borrow_mut().others.clear();
    routes.commit(now + RETRY);
    assert_eq!(routes.count().refused, 1, "not before its time");
    routes.commit(now + 2 * RETRY);
    assert_eq!(standing(&routes), ["Made", "Made"]);
    assert_eq!(routes.count(), Count { made: 2, waiting: 0, refused: 0, refusals: 2 });
    assert_eq!(routes.poll_timeout(now), None);
}

#[test]
fn a_refused_route_that_nobody_wants_any_more_is_forgotten() {
    let (mut routes, kernel) = world(&[]);
    let now = Instant::now();
    kernel.0.borrow_mut().others.insert("198.51.100.0/24".parse().unwrap());
    routes.want(BindingId(1), Some(&forwarding(&["198.51.100.0/24"])));
    routes.commit(now);
    routes.release(BindingId(1));
    routes.commit(now);
    assert_eq!(routes.count(), Count { refusals: 1, ..Count::default() });
}

#[test]
fn ten_thousand_routes_take_turns() {
    let (mut routes, kernel) = world(&[]);
    let now = Instant::now();
    for n in 0..10_000_u32 {
        let net = format!("10.{}.{}.0/24", n >> 8, n & 0xff);
        routes.want(BindingId(n.into()), Some(&forwarding(&[&net])));
    }
    let mut turns = 0;
    loop {
        routes.commit(now);
        turns += 1;
        if routes.poll_timeout(now).is_none() {
            break;
        }
    }
    assert_eq!((turns, kernel.routes().len()), (10_000_usize.div_ceil(BATCH), 10_000));
    assert!(kernel.0.borrow().largest <= BATCH);
}

#[test]
fn another_metric_and_other_blocks_change_the_routes_that_are_there() {
    let (mut routes, kernel) = world(&["10.0.0.0/24"]);
    let now = Instant::now();
    let want = forwarding(&["10.0.0.5/32", "198.51.100.0/24"]);
    routes.want(BindingId(1), Some(&want));
    routes.commit(now);
    routes.plan(VrfId::DEFAULT, &plan(&["198.51.100.0/22"], 5 << 24));
    routes.want(BindingId(1), Some(&want));
    routes.commit(now);
    let held: Vec<_> = kernel.0.borrow().routes.iter().copied().collect();
    assert_eq!(held, [("10.0.0.5/32".parse().unwrap(), 5 << 24)]);
    // One that is not forwarded keeps its route, unless a block has come to lead there.
    routes.plan(VrfId::DEFAULT, &plan(&["10.0.0.0/24"], 0));
    routes.commit(now);
    assert!(kernel.routes().is_empty());
}
