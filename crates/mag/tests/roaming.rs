//! Two gateways and the anchor itself in one process: a node roams and keeps its addresses, and
//! both ends of its tunnel agree.
//!
//! ```text
//!   node ─ gateway 0 ─┐
//!                     ├─ anchor          messages are carried at once, none is lost
//!   node ─ gateway 1 ─┘
//! ```

#[path = "scenarios/world.rs"]
#[expect(dead_code, reason = "the scenarios use more of their kit")]
mod world;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use kedge_lma::{self as lma, Lma};
use kedge_mag::{Auth, AuthHome, BindingState, LinkState, Mag, Settings, TunnelMode};
use kedge_model::{BindingId, Datagram, Encapsulation, Forwarding, IpNet, SignalPath};
use kedge_wire::auth::Key;

use world::*;

struct Domain {
    anchor: Lma,
    gateways: [World; 2],
    /// What the anchor wants forwarded.
    downlink: BTreeMap<BindingId, Forwarding>,
}

/// What a test varies.
#[derive(Clone, Copy, Debug)]
struct Variant {
    mode: TunnelMode,
    lma: &'static str,
    authenticated: bool,
}

impl Variant {
    const PLAIN: Self = Self { mode: TunnelMode::IpInIp, lma: "2001:db8::1", authenticated: false };

    fn key(self) -> Option<Key> {
        self.authenticated.then(|| Key::new(0x100, b"0123456789abcdef"))
    }

    fn gateway(self, number: u8) -> Settings {
        let mut settings = with_lma(settings(), |lma| {
            lma.address = self.lma.parse().unwrap();
            lma.encapsulation = self.mode;
            let home = AuthHome::CareOf;
            lma.auth = self.key().map(|key| Auth { key, home, updates_only: false });
        });
        settings.care_of.ipv4 = Some(Ipv4Addr::new(192, 0, 2, 10 + number));
        settings.care_of.ipv6 = Some(format!("2001:db8::1{number}").parse().unwrap());
        settings
    }

    fn anchor(self) -> lma::Settings {
        let network = lma::Network {
            ipv4: vec![lma::Ipv4Pool {
                start: Ipv4Addr::new(10, 1, 0, 2),
                last: None,
                prefix_len: 24,
            }],
            ipv6: vec![lma::Ipv6Pool { start: "2001:db8:1::".parse().unwrap(), prefix_len: 48 }],
            ..Default::default()
        };
        let profile = lma::Profile { network: Some("net".to_owned()), ..Default::default() };
        lma::Settings {
            dynamic_mag_learning: true,
            default_profile: Some(profile),
            networks: BTreeMap::from([("net".to_owned(), network)]),
            authentication: self.key().map(|key| lma::Authentication {
                key,
                home_address: lma::AuthenticationHome::CareOf,
                updates_only: false,
            }),
            ..lma::Settings::default()
        }
    }
}

impl Domain {
    fn new(variant: Variant) -> Self {
        Self {
            anchor: Lma::new(variant.anchor(), 1),
            gateways: [1, 2].map(|number| World::new(variant.gateway(number))),
            downlink: BTreeMap::new(),
        }
    }

    fn input(&mut self, gateway: usize, input: impl FnOnce(&mut World)) {
        input(&mut self.gateways[gateway]);
        self.carry();
    }

    /// Carries messages until nobody has one.
    fn carry(&mut self) {
        let now = self.gateways[0].now();
        for _ in 0..100 {
            let sent: Vec<Sent> = self.gateways.iter_mut().flat_map(|g| g.sent.drain(..)).collect();
            for Sent { path, dscp, bytes, .. } in &sent {
                let datagram = Datagram { path: turned(*path), dscp: *dscp, bytes };
                // What the anchor thinks of it shows in what it does.
                let _ = self.anchor.handle_datagram(datagram, now);
            }
            if !self.carry_from_anchor() && sent.is_empty() {
                return;
            }
        }
        panic!("gateways and anchor never come to rest");
    }

    fn carry_from_anchor(&mut self) -> bool {
        let mut any = false;
        while let Some(output) = self.anchor.poll_output() {
            match output {
                lma::Output::Send { path, dscp, bytes } => {
                    any = true;
                    let is_at = |world: &&mut World| {
                        let care_of = world.mag.settings().care_of;
                        let addresses =
                            [care_of.ipv4.map(IpAddr::V4), care_of.ipv6.map(IpAddr::V6)];
                        addresses.contains(&Some(path.peer.ip()))
                    };
                    let to = self.gateways.iter_mut().find(is_at).expect("sent to a gateway");
                    let datagram = Datagram { path: turned(path), dscp, bytes: &bytes };
                    to.input(|mag: &mut Mag, now| {
                        mag.handle_datagram(datagram, now);
                    });
                }
                lma::Output::Forward { binding, want: Some(want) } => {
                    self.downlink.insert(binding, want);
                }
                lma::Output::Forward { binding, want: None } => {
                    self.downlink.remove(&binding);
                }
                lma::Output::Authorize(_) | lma::Output::Event(_) => {}
            }
        }
        any
    }

    fn pass(&mut self, time: Duration) {
        const STEP: Duration = Duration::from_millis(100);
        for _ in 0..time.as_millis() / STEP.as_millis() {
            self.gateways.iter_mut().for_each(|gateway| gateway.pass(STEP));
            let now = self.gateways[0].now();
            self.anchor.handle_timeout(now);
            self.carry();
        }
    }

    /// The addresses and the encapsulation of the node at a gateway, once both ends agree.
    #[track_caller]
    fn served_at(&self, gateway: usize) -> (Vec<IpNet>, Encapsulation) {
        let world = &self.gateways[gateway];
        let mut views = world.mag.bindings(world.now().mono);
        let view = views.find(|view| view.state == BindingState::Active).expect("it is served");
        let uplink = &world.forwarding[&view.binding];
        assert_eq!(self.downlink.len(), 1);
        let downlink = self.downlink.values().next().unwrap();
        assert_eq!(uplink.inner, downlink.inner);
        let (up, down) = (uplink.paths[0].tunnel, downlink.paths[0].tunnel);
        assert_eq!((up.local, up.peer, up.mtu), (down.peer, down.local, down.mtu));
        // Each end sends with the key that the other one chose.
        let mirrored = match down.encapsulation {
            Encapsulation::Gre { send_key, receive_key } => {
                Encapsulation::Gre { send_key: receive_key, receive_key: send_key }
            }
            Encapsulation::Udp { local_port, peer_port } => {
                Encapsulation::Udp { local_port: peer_port, peer_port: local_port }
            }
            Encapsulation::IpInIp => Encapsulation::IpInIp,
            Encapsulation::GreUdp { .. } => panic!("there is no translator here"),
        };
        assert_eq!(up.encapsulation, mirrored);
        (uplink.inner.clone(), up.encapsulation)
    }

    fn leave(&mut self, gateway: usize) {
        self.input(gateway, |w| w.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now)));
    }

    fn arrive(&mut self, gateway: usize) {
        self.input(gateway, |w| w.input(|mag, now| mag.handle_link(IF1, LinkState::Up, now)));
        self.input(gateway, |world| world.solicit(IF1, NODE));
    }
}

fn turned(path: SignalPath) -> SignalPath {
    SignalPath { local: path.peer, peer: path.local, ..path }
}

#[test]
fn a_roaming_node_keeps_its_addresses_in_every_encapsulation() {
    let is_right = |mode, got| match mode {
        TunnelMode::IpInIp => got == Encapsulation::IpInIp,
        TunnelMode::Gre | TunnelMode::StaticGre => {
            got == Encapsulation::Gre { send_key: None, receive_key: None }
        }
        TunnelMode::GreKeyed => {
            matches!(got, Encapsulation::Gre { send_key: Some(_), receive_key: Some(_) })
        }
        TunnelMode::Udp => got == Encapsulation::Udp { local_port: 5437, peer_port: 5437 },
    };
    for mode in [TunnelMode::IpInIp, TunnelMode::Gre, TunnelMode::GreKeyed, TunnelMode::Udp] {
        for lma in ["2001:db8::1", "192.0.2.1"] {
            for authenticated in [false, true] {
                let variant = Variant { mode, lma, authenticated };
                let mut domain = Domain::new(variant);
                domain.arrive(0);
                let (addresses, encapsulation) = domain.served_at(0);
                assert_eq!(addresses.len(), 2, "{variant:?}");
                assert!(is_right(mode, encapsulation), "{variant:?}: {encapsulation:?}");
                // Break before make, make before break, and the first again.
                for (from, to, make_first) in [(0, 1, false), (1, 0, true), (0, 1, false)] {
                    domain.pass(secs(5));
                    if make_first {
                        domain.arrive(to);
                        domain.leave(from);
                    } else {
                        domain.leave(from);
                        domain.arrive(to);
                    }
                    // Both gateways' updates have the same time here, and the later one loses;
                    // then behind the farewells and the anchor's waiting for them.
                    for wait in [Duration::from_millis(100), secs(15)] {
                        domain.pass(wait);
                        let (kept, encapsulation) = domain.served_at(to);
                        assert_eq!(kept, addresses, "{variant:?}");
                        assert!(is_right(mode, encapsulation), "{variant:?}: {encapsulation:?}");
                    }
                    assert!(domain.gateways[from].mag.is_idle());
                }
                domain.pass(secs(700));
                assert_eq!(domain.served_at(1).0, addresses, "refreshed twice: {variant:?}");
            }
        }
    }
}

#[test]
fn a_node_that_comes_back_unnoticed_is_found_again() {
    let mut domain = Domain::new(Variant::PLAIN);
    domain.arrive(0);
    domain.pass(secs(5));
    domain.arrive(1);
    domain.served_at(1);
    domain.pass(secs(5));
    // The first gateway never knew that the node had left.
    domain.input(0, |world| world.solicit(IF1, NODE));
    domain.pass(secs(1));
    domain.served_at(0);
}

#[test]
fn a_session_ends_at_both_ends() {
    let mut domain = Domain::new(Variant::PLAIN);
    domain.arrive(0);
    domain.leave(0);
    assert!(domain.gateways[0].mag.is_idle());
    domain.pass(secs(11));
    assert!(domain.anchor.is_empty(), "after MinDelayBeforeBCEDelete");
    assert!(domain.downlink.is_empty());
}
