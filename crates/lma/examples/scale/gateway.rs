//! A thousand gateways that serve the nodes of one anchor.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use kedge_lma::{
    Authentication, AuthenticationHome, Ipv4Pool, Ipv6Pool, Lma, Network, Now, Output, Profile,
    Service, Settings,
};
use kedge_model::{
    Datagram, Ipv4Net, Ipv6Net, Lifetime, MnId, Sequence, SignalPath, Timestamp, VrfId,
};
use kedge_wire::auth::{self, Key};
use kedge_wire::registry::{AccessTechnologyType, HandoffIndicatorValue};
use kedge_wire::{
    AccessTechnology, BindingUpdate, BuFlags, Encoder, HandoffIndicator, HomeNetworkPrefix,
    Ipv4HomeAddressRequest, MnIdOption, MnLinkLayerId, TimestampOption,
};

use crate::timed;

/// Datagrams the daemon reads at a time.
const BATCH: u32 = 16;
const GATEWAYS: u32 = 1_000;
const DELETE_WAIT: Duration = Duration::from_millis(100);

/// What a node's gateway tells.
pub struct Step {
    pub handoff: HandoffIndicatorValue,
    /// Whether it is another gateway than before.
    pub moves: bool,
    pub leaves: bool,
}

/// It is new.
pub const COMES: Step =
    Step { handoff: HandoffIndicatorValue::NEW_INTERFACE, moves: false, leaves: false };

/// An anchor and what it is sent.
pub struct Bench {
    lma: Lma,
    key: Key,
    bindings: u32,
    /// By node, how often it has moved.
    moves: Vec<u8>,
    start: Now,
    clock: Duration,
    messages: Vec<(SignalPath, Vec<u8>)>,
}

impl Bench {
    /// An anchor at which every node is registered.
    pub fn new(bindings: u32) -> Self {
        let key = Key::new(0x67, b"0123456789abcdef");
        let network = Network {
            ipv4: vec![Ipv4Pool { start: Ipv4Addr::new(10, 0, 0, 2), last: None, prefix_len: 8 }],
            ipv6: vec![Ipv6Pool {
                start: "2001:db8::".parse().expect("an address"),
                prefix_len: 40,
            }],
            ..Network::default()
        };
        let settings = Settings {
            bce_maximum: bindings,
            delete_wait: DELETE_WAIT,
            dynamic_mag_learning: true,
            authentication: Some(Authentication {
                key: key.clone(),
                home_address: AuthenticationHome::CareOf,
                updates_only: false,
            }),
            networks: BTreeMap::from([("home".to_owned(), network)]),
            default_profile: Some(Profile {
                service: Service::Dual,
                network: Some("home".to_owned()),
                apn: None,
                ..Profile::default()
            }),
            ..Settings::default()
        };
        let mut bench = Self {
            lma: Lma::new(settings, 7),
            key,
            bindings,
            moves: vec![0; 2 * bindings as usize],
            start: Now { mono: Instant::now(), wall: SystemTime::now() },
            clock: Duration::ZERO,
            messages: vec![
                (
                    SignalPath {
                        transport: VrfId::DEFAULT,
                        local: SocketAddr::from((Ipv4Addr::new(198, 19, 0, 1), 5_436)),
                        peer: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5_436)),
                    },
                    Vec::new(),
                );
                BATCH as usize
            ],
        };
        let mut first: Vec<u32> = (0..bindings).map(|place| bench.node(place)).collect();
        first.sort_unstable();
        bench.update(&first, &COMES);
        assert_eq!(bench.lma.len(), bindings);
        bench
    }

    /// Takes a step for a part of the nodes and gives the time that the anchor took. They are
    /// `count` from `first` on in the row that begins at `begin`: as many as there are bindings, and
    /// behind them those who come.
    pub fn run(&mut self, begin: u32, first: u32, count: u32, step: &Step) -> Duration {
        let size = self.bindings;
        let place = |at| if first == size { at } else { at % size };
        let nodes = (first..first + count).map(|at| self.node(begin + place(at)));
        let nodes: Vec<u32> = nodes.collect();
        self.update(&nodes, step)
    }

    /// The node in a place of the row, of twice as many as there are bindings.
    fn node(&self, place: u32) -> u32 {
        // Prime to twice every size, so each node comes up once, and far from the one before in
        // whatever order they were registered.
        const APART: u64 = 7_919;
        (u64::from(place) * APART % (2 * u64::from(self.bindings))) as u32 // below that
    }

    fn update(&mut self, nodes: &[u32], step: &Step) -> Duration {
        let mut busy = Duration::ZERO;
        for batch in nodes.chunks(BATCH as usize) {
            self.clock += Duration::from_millis(1);
            for (place, node) in batch.iter().enumerate() {
                self.write(place, *node, step);
            }
            busy += self.deliver(batch.len());
        }
        if step.leaves {
            self.clock += 2 * DELETE_WAIT;
            busy += self.deliver(0);
        }
        busy
    }

    /// What the daemon does with a batch.
    fn deliver(&mut self, count: usize) -> Duration {
        let now = self.now();
        let Self { lma, messages, .. } = self;
        let datagrams =
            messages[..count].iter().map(|(path, bytes)| Datagram { path: *path, dscp: 0, bytes });
        timed(|| {
            lma.look_ahead(datagrams.clone());
            for datagram in datagrams {
                assert_eq!(lma.handle_datagram(datagram, now), Ok(()));
            }
            lma.handle_timeout(now);
            while let Some(output) = lma.poll_output() {
                if let Output::Send { bytes, .. } = output {
                    lma.reclaim(bytes);
                }
            }
        })
    }

    fn now(&self) -> Now {
        Now { mono: self.start.mono + self.clock, wall: self.start.wall + self.clock }
    }

    fn write(&mut self, place: usize, node: u32, step: &Step) {
        let timestamp = Timestamp::from_system_time(self.now().wall);
        let moves = &mut self.moves[node as usize];
        *moves = moves.wrapping_add(step.moves.into());
        let gateway = (node + u32::from(*moves)) % GATEWAYS;
        let gateway = Ipv4Addr::from_bits(0xc612_0000 + gateway);
        // As long at every size: an octet more may be one block more to authenticate.
        let mn_id = format!("subscriber{node:07}@example.com");
        let mn_id = MnId::nai(&mn_id).expect("a short name");
        let mac = [2, 0, 0, (node >> 16) as u8, (node >> 8) as u8, node as u8];
        let (path, message) = &mut self.messages[place];
        path.peer.set_ip(gateway.into());
        message.clear();
        let update = BindingUpdate {
            sequence: Sequence(0),
            flags: BuFlags::A | BuFlags::P,
            lifetime: Lifetime::from_secs(if step.leaves { 0 } else { 3_600 }),
        };
        let mut encoder = Encoder::new(message, update);
        encoder.option(MnIdOption::from(&mn_id));
        encoder.option(HomeNetworkPrefix::new(Ipv6Net::default()));
        encoder.option(HandoffIndicator(step.handoff));
        encoder.option(AccessTechnology(AccessTechnologyType::IEEE_802_3));
        encoder.option(TimestampOption(timestamp));
        encoder.option(MnLinkLayerId::new(&mac).expect("a short identifier"));
        encoder.option(Ipv4HomeAddressRequest { address: Ipv4Net::default() });
        encoder.finish();
        auth::sign(message, 0, &self.key, gateway.into(), gateway.into());
    }
}
