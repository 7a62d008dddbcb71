//! How an anchor grows: octets and time per binding at 1,000 and at 1,000,000 bindings.
//!
//! ```text
//! cargo run --release -p kedge-lma --example scale
//! ```
//!
//! Every node refreshes in an order that no cache foresees; each update is authenticated, dual
//! stack, over UDP. Signing the updates is not part of what is timed.

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

fn main() {
    for bindings in [1_000, 1_000_000] {
        let resident_before = resident();
        let mut bench = Bench::new(bindings);
        let begin = Instant::now();
        for node in 0..bindings {
            bench.update(node, HandoffIndicatorValue::NEW_INTERFACE);
        }
        let made = begin.elapsed();
        assert_eq!(bench.lma.len(), bindings);
        let octets = (resident() - resident_before) / u64::from(bindings);

        let mut busy = Duration::ZERO;
        const REFRESHES: u32 = 400_000;
        // 7,919 is prime to both numbers: every node comes up.
        for n in 0..REFRESHES {
            let node = (u64::from(n) * 7_919 % u64::from(bindings)) as u32;
            busy += bench.update(node, HandoffIndicatorValue::NOT_CHANGED);
        }
        println!(
            "{bindings} bindings: {octets} octets each, made in {made:?}, {:.0} refreshes a second",
            f64::from(REFRESHES) / busy.as_secs_f64(),
        );
    }
}

struct Bench {
    lma: Lma,
    key: Key,
    start: Now,
    clock: Duration,
    message: Vec<u8>,
}

impl Bench {
    fn new(bindings: u32) -> Self {
        let key = Key::new(0x67, b"0123456789abcdef");
        let network = Network {
            ipv4: Some(Ipv4Pool { start: Ipv4Addr::new(10, 0, 0, 2), prefix_len: 8 }),
            ipv6: Some(Ipv6Pool {
                start: "2001:db8::".parse().expect("an address"),
                prefix_len: 40,
            }),
            ..Network::default()
        };
        let settings = Settings {
            bce_maximum: bindings,
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
            }),
            ..Settings::default()
        };
        let start = Now { mono: Instant::now(), wall: SystemTime::now() };
        let clock = Duration::ZERO;
        Self { lma: Lma::new(settings, 7), key, start, clock, message: Vec::new() }
    }

    /// Sends a node's update and gives the time that the anchor took.
    fn update(&mut self, node: u32, handoff: HandoffIndicatorValue) -> Duration {
        self.clock += Duration::from_micros(20);
        let now = Now { mono: self.start.mono + self.clock, wall: self.start.wall + self.clock };
        let gateway = Ipv4Addr::from_bits(0xc612_0000 + node % 1_000);
        let path = SignalPath {
            transport: VrfId::DEFAULT,
            local: SocketAddr::from((Ipv4Addr::new(198, 19, 0, 1), 5_436)),
            peer: SocketAddr::from((gateway, 5_436)),
        };
        self.encode(node, handoff, gateway, now);
        let begin = Instant::now();
        let datagram = Datagram { path, dscp: 0, bytes: &self.message };
        assert_eq!(self.lma.handle_datagram(datagram, now), Ok(()));
        while let Some(output) = self.lma.poll_output() {
            if let Output::Send { bytes, .. } = output {
                self.lma.reclaim(bytes);
            }
        }
        begin.elapsed()
    }

    fn encode(&mut self, node: u32, handoff: HandoffIndicatorValue, gateway: Ipv4Addr, now: Now) {
        let mn_id = MnId::nai(&format!("subscriber{node}@example.com")).expect("a short name");
        let mac = [2, 0, 0, (node >> 16) as u8, (node >> 8) as u8, node as u8];
        self.message.clear();
        let update = BindingUpdate {
            sequence: Sequence(0),
            flags: BuFlags::A | BuFlags::P,
            lifetime: Lifetime::from_secs(3_600),
        };
        let mut encoder = Encoder::new(&mut self.message, update);
        encoder.option(MnIdOption::from(&mn_id));
        encoder.option(HomeNetworkPrefix::new(Ipv6Net::default()));
        encoder.option(HandoffIndicator(handoff));
        encoder.option(AccessTechnology(AccessTechnologyType::IEEE_802_3));
        encoder.option(TimestampOption(Timestamp::from_system_time(now.wall)));
        encoder.option(MnLinkLayerId::new(&mac).expect("a short identifier"));
        encoder.option(Ipv4HomeAddressRequest { address: Ipv4Net::default() });
        encoder.finish();
        auth::sign(&mut self.message, 0, &self.key, gateway.into(), gateway.into());
    }
}

/// The memory that this process has in use, in octets (proc_pid_statm(5)).
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc is there");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("statm has a second number") * 4_096
}
