//! Customers behind one anchor stand apart: the same addresses, names and gateways, and nothing
//! of one reaches another.

mod kit;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use kedge_lma::{
    Authentication, AuthenticationHome, CustomerSettings, Customers, CustomersSettings, Denial,
    Discard, Load, NoProfile, Now, Output, Profile, Refused, Rejection, Settings, What,
};
use kedge_model::{BindingId, CustomerId, Datagram, Forwarding, MnId, SignalPath, VrfId};
use kedge_telemetry::Group;
use kedge_wire::auth::Key;
use kedge_wire::registry::RevocationStatus;
use kit::{MAG1, MAG2, Outcome, Pbu, World, attach, message, network};

/// Where all customers' tunnels travel.
const TRANSPORT: VrfId = VrfId(1);
const NODE: &str = "mn1@corp";

/// The anchor's address for a customer.
fn address(customer: u32) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0xc, customer as u16, 0, 0, 0, 1)
}

fn key(customer: u32) -> Key {
    Key::new(100, format!("secret of {customer}").as_bytes())
}

/// A customer like every other, with its own key and its own realm beside one that all have.
fn customer(number: u32) -> CustomerSettings {
    let profile = Profile { network: Some("home".to_owned()), ..Profile::default() };
    let realms = ["@corp".to_owned(), format!("@cust{number}")];
    let settings = Settings {
        customer: CustomerId(number),
        vrf: VrfId(1_000 + number),
        addresses: vec![(TRANSPORT, address(number).into())],
        dynamic_mag_learning: true,
        authentication: Some(Authentication {
            key: key(number),
            home_address: AuthenticationHome::CareOf,
            updates_only: false,
        }),
        networks: BTreeMap::from([("home".to_owned(), network(24, 48))]),
        profiles: realms.into_iter().map(|realm| (realm, profile.clone())).collect(),
        ..Settings::default()
    };
    CustomerSettings { name: format!("CUST{number}"), settings }
}

fn settings(customers: impl IntoIterator<Item = u32>) -> CustomersSettings {
    let customers = customers.into_iter().map(customer).collect();
    CustomersSettings { customers, entitled: 128_000 }
}

/// An anchor of customers, and the time around it.
struct Anchor {
    customers: Customers,
    now: Now,
    sequence: u16,
}

impl Anchor {
    fn new(settings: CustomersSettings) -> Self {
        let now = World::new().now;
        Self { customers: Customers::new(settings, 7, now), now, sequence: 0 }
    }

    fn of(customers: impl IntoIterator<Item = u32>) -> Self {
        Self::new(settings(customers))
    }

    fn advance(&mut self, ms: u64) {
        let step = kit::ms(ms);
        self.now = Now { mono: self.now.mono + step, wall: self.now.wall + step };
    }

    /// Sends an update to the address of a customer, with the key of `keyed`.
    fn send_as(&mut self, to: u32, keyed: u32, pbu: Pbu) -> (Result<(), Refused>, Outcome) {
        self.advance(1);
        self.sequence = self.sequence.wrapping_add(1);
        let pbu = Pbu { to: (address(to), 0).into(), ..pbu }.signed(&key(keyed));
        let path = SignalPath { transport: TRANSPORT, ..pbu.path() };
        let bytes = pbu.bytes(self.now, self.sequence);
        self.deliver(path, &bytes)
    }

    fn send(&mut self, to: u32, pbu: Pbu) -> (Result<(), Refused>, Outcome) {
        self.send_as(to, to, pbu)
    }

    /// An update that is to be accepted.
    fn accepted(&mut self, to: u32, pbu: Pbu) -> Outcome {
        let (result, outcome) = self.send(to, pbu);
        assert_eq!(result, Ok(()));
        assert!(outcome.ack().expect("an answer").status().is_accepted());
        outcome
    }

    fn deliver(&mut self, path: SignalPath, bytes: &[u8]) -> (Result<(), Refused>, Outcome) {
        let result = self.customers.handle_datagram(Datagram { path, dscp: 0, bytes }, self.now);
        (result, self.drain())
    }

    fn drain(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        while let Some(output) = self.customers.poll_output() {
            match output {
                Output::Send { path, dscp, bytes } => outcome.sent.push((path, dscp, bytes)),
                Output::Forward { binding, want } => outcome.forwards.push((binding, want)),
                Output::Authorize(question) => outcome.questions.push(*question),
                Output::Event(event) => outcome.events.push(event),
            }
        }
        outcome
    }

    fn apply(&mut self, settings: CustomersSettings) -> (usize, Outcome) {
        let expected = self.customers.ended_by(&settings);
        let ended = self.customers.apply(settings, self.now);
        assert_eq!(ended, expected, "what was said before is what happens");
        (ended, self.drain())
    }

    fn len_of(&self, customer: u32) -> u32 {
        self.customers.customer(CustomerId(customer)).map_or(0, |found| found.lma().len())
    }

    fn groups_of(&self, customer: u32) -> Vec<Group> {
        self.customers.customer(CustomerId(customer)).expect("a customer").lma().statistics()
    }
}

fn denied(denial: Denial) -> Refused {
    Rejection::Denied(denial).into()
}

fn count(groups: &[Group], name: &str) -> u64 {
    let (group, row) = name.split_once('.').unwrap();
    let group = groups.iter().find(|g| g.key == group).expect("a group of that name");
    group.rows.iter().find(|r| r.key == row).expect("a counter of that name").value
}

fn forwarding(outcome: &Outcome) -> (BindingId, Forwarding) {
    let (binding, want) = outcome.forwards.first().expect("a change of the forwarding");
    (*binding, want.clone().expect("something is forwarded"))
}

#[test]
fn two_customers_have_the_same_node_at_the_same_addresses_in_worlds_of_their_own() {
    let mut anchor = Anchor::of([1, 2]);
    let both = || attach(MAG1).mn(NODE).ipv4("0.0.0.0/0");
    let [(first, one), (second, two)] =
        [1, 2].map(|customer| forwarding(&anchor.accepted(customer, both())));
    assert_eq!(one.inner, two.inner);
    assert_eq!([one.vrf, two.vrf], [VrfId(1_001), VrfId(1_002)]);
    let ends = |held: &Forwarding| (held.paths[0].tunnel.transport, held.paths[0].tunnel.local);
    assert_eq!(ends(&one), (TRANSPORT, IpAddr::from(address(1))));
    assert_eq!(ends(&two), (TRANSPORT, IpAddr::from(address(2))));
    assert_eq!(
        [first.0 >> 48, second.0 >> 48],
        [1, 2],
        "a binding's name begins with its customer"
    );
    assert_eq!(anchor.customers.len(), 2);
    assert_eq!(anchor.customers.bindings().count(), 2);
}

#[test]
fn the_key_of_one_customer_opens_nothing_at_another() {
    let mut anchor = Anchor::of([1, 2]);
    let (result, outcome) = anchor.send_as(1, 2, attach(MAG1).mn(NODE));
    assert_eq!(result, Err(denied(Denial::AuthenticationFailed)));
    assert!(outcome.forwards.is_empty());
    assert_eq!([anchor.len_of(1), anchor.len_of(2)], [0, 0]);
    assert_eq!(count(&anchor.groups_of(1), "deny_reasons.mn_auth_failure"), 1);
    assert_eq!(count(&anchor.groups_of(2), "binding_updates_received.total"), 0);
}

#[test]
fn a_node_of_another_customer_is_not_this_ones() {
    let mut anchor = Anchor::of([1, 2]);
    let (result, outcome) = anchor.send(1, attach(MAG1).mn("mn1@cust2"));
    assert_eq!(result, Err(denied(Denial::UnknownNode)));
    assert_eq!(outcome.ack().expect("an answer").status().0, 153);
    anchor.accepted(2, attach(MAG1).mn("mn1@cust2"));
}

#[test]
fn a_handover_to_another_customers_address_begins_a_session_there_and_moves_none() {
    let mut anchor = Anchor::of([1, 2]);
    let (binding, held) = forwarding(&anchor.accepted(1, attach(MAG1).mn(NODE)));
    // The same node, interface and prefix come from another gateway, as in a handover.
    let prefix = held.inner[0].to_string();
    let moved = || attach(MAG2).mn(NODE).handoff(3).prefixes(&[&prefix]);
    let outcome = anchor.accepted(2, moved());
    assert!(outcome.indications().is_empty(), "no gateway of the first customer is told anything");
    let (other, there) = forwarding(&outcome);
    assert_eq!((there.vrf, other == binding), (VrfId(1_002), false));
    let lma = anchor.customers.customer(CustomerId(1)).unwrap().lma();
    let mn_id = MnId::nai(NODE).unwrap();
    let care_of: Vec<IpAddr> =
        lma.find(CustomerId(1), &mn_id).map(kedge_lma::Binding::care_of).collect();
    assert_eq!(care_of, [MAG1.parse::<IpAddr>().unwrap()]);
    // Neither does a de-registration there end the session here.
    let (result, _) = anchor.send(2, attach(MAG1).mn(NODE).prefixes(&[&prefix]).deregister());
    assert_eq!(result, Err(Rejection::Discarded(Discard::SessionNotFound).into()));
    assert_eq!(anchor.len_of(1), 1);
}

#[test]
fn the_answer_to_one_customers_revocation_is_nobody_elses() {
    let mut anchor = Anchor::of([1, 2]);
    anchor.accepted(1, attach(MAG1).mn(NODE));
    anchor.accepted(2, attach(MAG1).mn(NODE));
    let now = anchor.now;
    assert_eq!(anchor.customers.with(CustomerId(1), |lma| lma.clear_all(now)), Some(1));
    let bri = anchor.drain().indication();
    assert_eq!(bri.path.local.ip(), IpAddr::from(address(1)));
    let (status, sequence) = (RevocationStatus::SUCCESS, bri.body.sequence);
    let flags = bri.body.flags;
    let body = kedge_wire::BindingRevocationAcknowledgement { status, sequence, flags };
    let elsewhere = SignalPath { local: (address(2), 0).into(), ..bri.path };
    let bytes = message(elsewhere, body, kedge_wire::Options::new());
    assert!(anchor.deliver(elsewhere, &bytes).0.is_err());
    assert_eq!([anchor.len_of(1), anchor.len_of(2)], [1, 1]);
}

#[test]
fn a_message_to_nobodys_address_is_counted_and_dropped() {
    let mut anchor = Anchor::of([1]);
    let pbu = Pbu { to: (address(9), 0).into(), ..attach(MAG1) };
    let bytes = pbu.bytes(anchor.now, 1);
    let nobodys = SignalPath { transport: TRANSPORT, ..pbu.path() };
    let wrong_world = SignalPath { local: (address(1), 0).into(), ..pbu.path() };
    for path in [nobodys, wrong_world] {
        let (result, outcome) = anchor.deliver(path, &bytes);
        assert_eq!(result, Err(Refused::Unaddressed));
        assert!(outcome.is_empty());
    }
    assert_eq!(count(&anchor.customers.statistics(), "dispatch.unaddressed"), 2);
    assert_eq!(count(&anchor.customers.statistics(), "binding_updates_received.total"), 0);
}

#[test]
fn at_an_address_that_leaves_updates_are_counted_and_dropped_and_answers_are_heard() {
    let mut anchor = Anchor::of([1]);
    anchor.accepted(1, attach(MAG1).mn(NODE));
    let now = anchor.now;
    anchor.customers.with(CustomerId(1), |lma| lma.clear_all(now));
    let bri = anchor.drain().indication();
    let pbu = Pbu { to: (address(1), 0).into(), ..attach(MAG2).mn("new@corp") }.signed(&key(1));
    let path = SignalPath { transport: TRANSPORT, ..pbu.path() };
    let bytes = pbu.bytes(anchor.now, 7);
    let before = count(&anchor.groups_of(1), "binding_updates_received.total");
    let update = Datagram { path, dscp: 0, bytes: &bytes };
    assert_eq!(anchor.customers.handle_last_datagram(update, now), Err(Refused::Unaddressed));
    assert!(anchor.drain().is_empty());
    assert_eq!(count(&anchor.customers.statistics(), "dispatch.unaddressed"), 1);
    assert_eq!(count(&anchor.groups_of(1), "binding_updates_received.total"), before);
    let (status, sequence) = (RevocationStatus::SUCCESS, bri.body.sequence);
    let flags = bri.body.flags;
    let body = kedge_wire::BindingRevocationAcknowledgement { status, sequence, flags };
    let mut bytes = message(bri.path, body, kedge_wire::Options::new());
    let care_of = attach(MAG1).from.ip();
    kedge_wire::auth::sign(&mut bytes, 0, &key(1), care_of, care_of);
    kedge_wire::set_checksum(kit::v6(MAG1), address(1), &mut bytes);
    let answer = Datagram { path: bri.path, dscp: 0, bytes: &bytes };
    assert_eq!(anchor.customers.handle_last_datagram(answer, now), Ok(()));
    assert_eq!(anchor.customers.len(), 0);
}

#[test]
fn one_address_in_two_routing_worlds_can_be_two_customers() {
    let mut both = settings([1, 2]);
    let shared = IpAddr::from(address(1));
    both.customers[1].settings.addresses = vec![(VrfId(2), shared), (VrfId(3), shared)];
    let anchor = Anchor::new(both);
    let at = |vrf: u32| anchor.customers.at(VrfId(vrf), shared);
    assert_eq!([at(1), at(2), at(3)], [1, 2, 2].map(|id| Some(CustomerId(id))));
    assert_eq!(at(4), None);
}

#[test]
fn the_most_bindings_are_those_of_all_customers_together() {
    let mut three = settings([1, 2]);
    three.customers.iter_mut().for_each(|customer| customer.settings.bce_maximum = 3);
    let mut anchor = Anchor::new(three);
    for (customer, nai) in [(1, "a@corp"), (1, "b@corp"), (2, "a@corp")] {
        anchor.accepted(customer, attach(MAG1).mn(nai));
    }
    let (result, _) = anchor.send(2, attach(MAG1).mn("b@corp"));
    assert_eq!(result, Err(denied(Denial::TooManyBindings)));
    let denied = "deny_insufficient_resources.simultaneous_bindings_exceeded";
    assert_eq!(count(&anchor.groups_of(2), denied), 1);
    assert_eq!(count(&anchor.customers.statistics(), denied), 1);
    anchor.accepted(2, attach(MAG1).mn("a@corp").handoff(5));
}

#[test]
fn more_bindings_than_entitled_are_served_and_reported_once() {
    let mut anchor = Anchor::new(CustomersSettings { entitled: 2, ..settings([1, 2]) });
    let mut said = Vec::new();
    for nai in ["a@corp", "b@corp", "c@corp"] {
        for customer in [1, 2] {
            let outcome = anchor.accepted(customer, attach(MAG1).mn(nai));
            said.extend(outcome.events.into_iter().map(|event| event.what));
        }
    }
    let exceeded = What::EntitlementExceeded { entitled: 2 };
    assert_eq!(said.iter().filter(|what| **what == exceeded).count(), 1);
    let entitlement = anchor.customers.entitlement().clone();
    assert_eq!((entitlement.bindings, entitlement.is_exceeded), (6, true));
    assert_eq!(entitlement.peak.bindings, 6);
    let (_, outcome) = anchor.apply(CustomersSettings { entitled: 6, ..settings([1, 2]) });
    let what: Vec<What> = outcome.events.into_iter().map(|event| event.what).collect();
    assert_eq!(what, [What::EntitlementMet { entitled: 6 }]);
}

#[test]
fn each_customer_has_a_peak_of_its_own_that_is_cleared_alone() {
    let mut anchor = Anchor::of([1, 2]);
    for nai in ["a@corp", "b@corp"] {
        anchor.accepted(1, attach(MAG1).mn(nai));
    }
    anchor.accepted(2, attach(MAG1).mn("a@corp"));
    anchor.customers.with(CustomerId(1), |lma| lma.clear_all(anchor.now));
    let all_gone = |anchor: &Anchor| {
        anchor.customers.customer(CustomerId(1)).is_some_and(|customer| customer.lma().is_empty())
    };
    while !all_gone(&anchor) {
        let mono = anchor.customers.poll_timeout().expect("revocations end some time");
        anchor.customers.handle_timeout(Now { mono, ..anchor.now });
    }
    let peaks = |anchor: &Anchor| {
        let of = |id| anchor.customers.customer(CustomerId(id)).expect("a customer").peak();
        [of(1).bindings, of(2).bindings, anchor.customers.entitlement().peak.bindings]
    };
    assert_eq!(peaks(&anchor), [2, 1, 3]);
    let cleared = anchor.now.wall;
    anchor.customers.clear_peak(Some(CustomerId(1)), cleared);
    assert_eq!(peaks(&anchor), [0, 1, 3], "nobody else's");
    let since = |id| anchor.customers.customer(CustomerId(id)).expect("a customer").peak().since;
    assert_eq!([since(1), since(2)], [Some(cleared), None]);
    anchor.customers.clear_peak(None, cleared);
    assert_eq!(peaks(&anchor), [0, 1, 1]);
}

#[test]
fn a_customer_that_comes_and_one_that_goes_leave_the_others_alone() {
    let mut anchor = Anchor::of([1, 2]);
    anchor.accepted(1, attach(MAG1).mn(NODE));
    anchor.accepted(2, attach(MAG1).mn(NODE));
    let (ended, outcome) = anchor.apply(settings([1, 2, 3]));
    assert_eq!((ended, outcome.is_empty()), (0, true), "{outcome:?}");
    let (ended, outcome) = anchor.apply(settings([2, 3]));
    assert_eq!(ended, 1);
    let bri = outcome.indication();
    assert_eq!(bri.path.local.ip(), IpAddr::from(address(1)));
    assert!(outcome.forwards.iter().all(|(binding, _)| binding.0 >> 48 == 1));
    // Nobody registers there any more; the answer to the revocation is heard.
    let (result, _) = anchor.send(1, attach(MAG2).mn("new@corp"));
    assert_eq!(result, Err(denied(Denial::UnknownNode)));
    let received = count(&anchor.customers.statistics(), "binding_updates_received.total");
    let (status, sequence) = (RevocationStatus::SUCCESS, bri.body.sequence);
    let flags = bri.body.flags;
    let body = kedge_wire::BindingRevocationAcknowledgement { status, sequence, flags };
    let pbu = Pbu { to: (address(1), 0).into(), ..attach(MAG1) };
    let mut bytes = message(bri.path, body, kedge_wire::Options::new());
    let care_of = pbu.from.ip();
    kedge_wire::auth::sign(&mut bytes, 0, &key(1), care_of, care_of);
    kedge_wire::set_checksum(kit::v6(MAG1), address(1), &mut bytes);
    let (result, outcome) = anchor.deliver(bri.path, &bytes);
    assert_eq!(result, Ok(()));
    assert!(matches!(outcome.what()[..], [What::Released { .. }]), "{outcome:?}");
    assert!(anchor.customers.customer(CustomerId(1)).is_none(), "it is gone with its last binding");
    assert_eq!(anchor.customers.at(TRANSPORT, address(1).into()), None);
    let sums = anchor.customers.statistics();
    assert_eq!(count(&sums, "binding_updates_received.total"), received, "sums do not shrink");
    assert_eq!(count(&sums, "disconnects.other"), 1);
    assert_eq!([anchor.len_of(2), anchor.customers.len()], [1, 1]);
}

#[test]
fn a_customer_whose_gateways_do_not_answer_is_gone_when_its_revocations_are_given_up() {
    let mut anchor = Anchor::of([1]);
    anchor.accepted(1, attach(MAG1).mn(NODE));
    anchor.apply(settings([]));
    for _ in 0..100 {
        anchor.advance(1_000);
        anchor.customers.handle_timeout(anchor.now);
        anchor.drain();
    }
    assert_eq!(anchor.customers.iter().count(), 0);
    assert_eq!((anchor.customers.len(), anchor.customers.poll_timeout()), (0, None));
}

#[test]
fn a_customer_that_is_back_before_it_is_gone_goes_on() {
    let mut anchor = Anchor::of([1, 2]);
    anchor.accepted(1, attach(MAG1).mn(NODE));
    anchor.apply(settings([2]));
    anchor.apply(settings([1, 2]));
    anchor.accepted(1, attach(MAG1).mn("other@corp"));
    assert_eq!(anchor.customers.named("CUST1"), Some(CustomerId(1)));
}

#[test]
fn a_customer_that_is_changed_loses_only_what_has_no_place_any_more() {
    let mut anchor = Anchor::of([1, 2]);
    for customer in [1, 2] {
        anchor.accepted(customer, attach(MAG1).mn(NODE));
        anchor.accepted(customer, attach(MAG1).mn(&format!("mn1@cust{customer}")));
    }
    let mut changed = settings([1, 2]);
    changed.customers[0].settings.profiles.remove("@cust1");
    let (ended, outcome) = anchor.apply(changed);
    assert_eq!(ended, 1);
    assert!(outcome.forwards.iter().all(|(binding, _)| binding.0 >> 48 == 1));
    assert_eq!(anchor.len_of(2), 2);
}

#[test]
fn the_load_of_one_customer_denies_no_other_a_session() {
    let mut anchor = Anchor::of([1, 2]);
    anchor.accepted(1, attach(MAG1).mn(NODE));
    anchor.customers.set_load(CustomerId(1), Load::Saturated);
    let (result, _) = anchor.send(1, attach(MAG1).mn("a@corp"));
    assert_eq!(result, Err(Rejection::Discarded(Discard::Congestion).into()));
    anchor.accepted(2, attach(MAG1).mn("a@corp"));
    assert_eq!(anchor.customers.load(), Load::Saturated);
}

#[test]
fn time_comes_to_each_customer_when_its_own_is_due() {
    let mut anchor = Anchor::of(1..=3);
    let start = anchor.now.mono;
    for (customer, lifetime) in [(1, 40), (2, 20), (3, 60)] {
        anchor.accepted(customer, attach(MAG1).mn(NODE).lifetime(lifetime));
    }
    let mut ended = Vec::new();
    while let Some(due) = anchor.customers.poll_timeout() {
        anchor.advance(due.duration_since(anchor.now.mono).as_millis() as u64);
        anchor.customers.handle_timeout(anchor.now);
        let released = anchor.drain().events.into_iter();
        ended.extend(released.map(|event| (event.customer.0, due.duration_since(start).as_secs())));
    }
    assert_eq!(ended, [(2, 20), (1, 40), (3, 60)]);
}

/// Every customer has the same pool, the same nodes and the same gateways. 128,000 bindings where
/// the compiler optimizes, fewer where it does not.
#[test]
fn a_thousand_customers_with_identical_pools_have_no_address_of_each_other() {
    let (customers, nodes) = (1_000, if cfg!(debug_assertions) { 4 } else { 128 });
    let mut anchor = Anchor::of(1..=customers);
    let mut names = BTreeSet::new();
    let mut worlds: BTreeMap<VrfId, BTreeSet<String>> = BTreeMap::new();
    let mut ends = BTreeMap::new();
    for node in 0..nodes {
        let mac = [2, 0, 0, 0, 0, node as u8];
        for customer in 1..=customers {
            let mag = if (customer + node) % 2 == 0 { MAG1 } else { MAG2 };
            let pbu = attach(mag).mn(&format!("mn{node}@corp")).link_layer_id(&mac);
            let (binding, held) = forwarding(&anchor.accepted(customer, pbu));
            assert!(names.insert(binding), "a name is given once");
            assert_eq!(held.vrf, VrfId(1_000 + customer));
            for net in &held.inner {
                assert!(worlds.entry(held.vrf).or_default().insert(net.to_string()));
            }
            let tunnel = held.paths[0].tunnel;
            let owner = ends.entry((tunnel.transport, tunnel.local)).or_insert(customer);
            assert_eq!(*owner, customer, "a tunnel's near end is one customer's");
        }
    }
    assert_eq!(anchor.customers.len(), customers * nodes);
    let first = worlds.values().next().expect("some").clone();
    assert!(worlds.values().all(|addresses| *addresses == first), "the pools are identical");
    // One customer ends; of all others nothing does.
    let (ended, outcome) = anchor.apply(settings((1..=customers).filter(|number| *number != 500)));
    assert_eq!(ended, nodes as usize);
    assert_eq!(outcome.forwards.len(), nodes as usize);
    assert!(outcome.forwards.iter().all(|(name, want)| name.0 >> 48 == 500 && want.is_none()));
    assert!(outcome.sent.iter().all(|(path, ..)| path.local.ip() == IpAddr::from(address(500))));
}

#[test]
fn what_aaa_says_of_a_node_is_said_of_one_customers() {
    let mut customers = settings([1, 2]);
    for customer in &mut customers.customers {
        customer.settings.aaa = true;
        customer.settings.profiles.clear();
    }
    let mut anchor = Anchor::new(customers);
    let mut asks = |customer| {
        let (result, mut outcome) = anchor.send(customer, attach(MAG1).mn(NODE));
        assert_eq!(result, Ok(()));
        outcome.questions.pop().expect("a question")
    };
    let [first, second] = [1, 2].map(&mut asks);
    assert_eq!([first.customer, second.customer], [CustomerId(1), CustomerId(2)]);
    assert_eq!(first.mn_id, second.mn_id);
    assert_eq!(anchor.customers.pending(), 2);
    let profile = Profile { network: Some("home".to_owned()), ..Profile::default() };
    let now = anchor.now;
    let taken = anchor
        .customers
        .with(second.customer, |lma| lma.handle_authorization(second.ticket, Ok(profile), now));
    assert_eq!(taken, Some(Ok(())));
    let outcome = anchor.drain();
    assert!(outcome.ack().expect("an answer").status().is_accepted());
    assert_eq!(forwarding(&outcome).1.vrf, VrfId(1_002));
    assert_eq!([anchor.len_of(1), anchor.len_of(2)], [0, 1]);
    let refused = anchor.customers.with(first.customer, |lma| {
        lma.handle_authorization(first.ticket, Err(NoProfile::Refused), now)
    });
    assert_eq!(refused, Some(Err(Denial::NotAuthorized.into())));
    anchor.drain();
    assert_eq!([anchor.len_of(1), anchor.len_of(2)], [0, 1]);
}

#[test]
fn a_customer_that_leaves_asks_aaa_nothing_more() {
    let mut customers = settings([1]);
    customers.customers[0].settings.aaa = true;
    let mut anchor = Anchor::new(customers);
    anchor.accepted(1, attach(MAG1).mn(NODE));
    anchor.apply(settings([]));
    let (result, outcome) = anchor.send(1, attach(MAG1).mn("mn2@elsewhere"));
    assert_eq!(result, Err(denied(Denial::UnknownNode)));
    assert!(outcome.questions.is_empty());
}

#[test]
fn what_aaa_says_to_a_customer_that_is_gone_is_nothing_to_the_one_in_its_place() {
    let with_aaa = || {
        let mut customers = settings([1]);
        customers.customers[0].settings.aaa = true;
        customers
    };
    let mut anchor = Anchor::new(with_aaa());
    let ask = |anchor: &mut Anchor, node| {
        let (result, outcome) = anchor.send(1, attach(MAG1).mn(node));
        assert_eq!(result, Ok(()));
        outcome.questions[0].ticket
    };
    let before = ask(&mut anchor, "known@elsewhere");
    anchor.apply(settings([]));
    assert_eq!(anchor.customers.iter().count(), 0);
    anchor.apply(with_aaa());
    let after = ask(&mut anchor, "unknown@elsewhere");
    let profile = Profile { network: Some("home".to_owned()), ..Profile::default() };
    let now = anchor.now;
    let answer = |lma: &mut kedge_lma::Lma, ticket| {
        let _rejected = lma.handle_authorization(ticket, Ok(profile.clone()), now);
    };
    anchor.customers.with(CustomerId(1), |lma| answer(lma, before));
    assert_eq!(anchor.len_of(1), 0, "nobody has said that this node may be served");
    anchor.customers.with(CustomerId(1), |lma| answer(lma, after));
    assert_eq!(anchor.len_of(1), 1);
}

#[test]
fn what_a_customer_loses_that_comes_back_with_other_pools_is_said_before() {
    let mut anchor = Anchor::of([1]);
    anchor.accepted(1, attach(MAG1).mn(NODE));
    assert_eq!(anchor.apply(settings([])).0, 1);
    let mut other = settings([1]);
    other.customers[0].settings.networks.clear();
    // `apply` compares the two numbers.
    assert_eq!(anchor.apply(other).0, 1);
}
