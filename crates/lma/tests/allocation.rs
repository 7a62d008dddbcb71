//! A refresh that changes nothing allocates nothing.

mod kit;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use kedge_lma::{Authentication, AuthenticationHome, MobileNetworkPool, Output, Rhythm, Settings};
use kedge_model::Datagram;
use kedge_wire::DelegatedMobileNetworkPrefix;
use kedge_wire::auth::Key;
use kit::*;

/// The system's allocator, counting what this thread asks of it.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
#[expect(unsafe_code, reason = "counting allocations takes an allocator")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_steady_refresh_allocates_nothing_over_either_transport() {
    let key = Key::new(0x67, b"0123456789abcdef");
    let authentication = Some(Authentication {
        key: key.clone(),
        home_address: AuthenticationHome::CareOf,
        updates_only: false,
    });
    for mag in [MAG1, MAG1_V4] {
        let mut networks = settings().networks;
        let start = "172.16.0.0".parse().unwrap();
        networks.get_mut("home").unwrap().mobile_networks =
            vec![MobileNetworkPool { start, pool_len: 16, network_len: 24 }];
        let mut world = World::with(Settings {
            networks,
            authentication: authentication.clone(),
            heartbeat: Some(Rhythm { interval: secs(60), timeout: secs(3), allowed: 3 }),
            ..settings()
        });
        let any = DelegatedMobileNetworkPrefix { prefix: "0.0.0.0/0".parse().unwrap() };
        let update = attach(mag).ipv4("0.0.0.0/0").with(any).signed(&key);
        world.accepted(&update);
        assert_eq!(world.only_binding().delegated.len(), 1);
        let refresh = update.handoff(5).prefixes(&["2001:db8:100::/64"]);
        let messages: Vec<_> = (0..200)
            .map(|n| {
                world.advance(ms(10));
                (world.now, refresh.bytes(world.now, n))
            })
            .collect();
        let path = refresh.path();
        let mut answers = 0;
        let mut asked = 0;
        for (n, (now, bytes)) in messages.iter().enumerate() {
            if n == 10 {
                asked = ASKED.get(); // by then every queue and buffer has its size
            }
            let result = world.lma.handle_datagram(Datagram { path, dscp: 0, bytes }, *now);
            assert_eq!(result, Ok(()));
            world.lma.handle_timeout(*now);
            while let Some(output) = world.lma.poll_output() {
                let Output::Send { bytes, .. } = output else {
                    panic!("a refresh changes nothing")
                };
                answers += 1;
                world.lma.reclaim(bytes);
            }
        }
        assert_eq!((answers, ASKED.get() - asked), (200, 0), "{mag}");
    }
}

#[test]
fn the_counting_allocator_counts() {
    let before = ASKED.get();
    drop(std::hint::black_box(vec![1_u8; 100]));
    assert_eq!(ASKED.get() - before, 1);
}
