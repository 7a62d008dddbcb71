//! The independent speaker (`testing/interop`) against `kedged` as an anchor.
//!
//! ```text
//!   cn ──── lma ══ transport ══ speaker
//!   echo   kedged               both gateways' addresses, python3 speaker.py
//! ```
//!
//! Every scenario runs over both transports, and what the anchor sent meanwhile is judged by
//! tshark. The speaker exits with an error at the first thing that is not as an RFC says.

use std::{
    fs,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kedge_lab::{
    Capture, Daemon, Domain, Host, Lab, Process,
    domain::{ANCHOR, CORRESPONDENT, Core, Encapsulation, GATEWAYS, KEY, Plan, Transport},
    wait::SOON,
};

const SPEAKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop/speaker.py");
const BOTH: [Transport; 2] = [Transport::Ipv6, Transport::Ipv4];

#[test]
fn a_foreign_gateway_registers_refreshes_hands_over_and_leaves_unauthenticated() {
    let _turn = turn();
    for transport in BOTH {
        Stage::set(Plan { transport, authenticated: false, ..Plan::default() })
            .play("lifecycle", &[]);
    }
}

#[test]
fn a_foreign_gateway_registers_refreshes_hands_over_and_leaves_authenticated() {
    let _turn = turn();
    for transport in BOTH {
        Stage::set(Plan { transport, ..Plan::default() }).play("lifecycle", &[]);
    }
}

#[test]
fn what_must_be_refused_is_refused_with_the_status_of_the_rfc() {
    let _turn = turn();
    for transport in BOTH {
        Stage::set(Plan { transport, ..Plan::default() }).play("refusals", &[]);
    }
}

#[test]
fn user_packets_cross_in_udp() {
    traffic(Encapsulation::Udp, "udp");
}

#[test]
fn user_packets_cross_in_gre_with_keys() {
    traffic(Encapsulation::Gre, "gre");
}

#[test]
fn user_packets_cross_in_gre_without_keys() {
    traffic(Encapsulation::Gre, "gre-nokey");
}

#[test]
fn user_packets_cross_in_ip() {
    traffic(Encapsulation::IpInIp, "ipip");
}

#[test]
fn ten_thousand_mutations_leave_the_anchor_at_work_and_its_counters_in_balance() {
    let _turn = turn();
    for transport in BOTH {
        let mut stage = Stage::set(Plan { transport, delete_wait: 100, ..Plan::default() });
        let before = stage.statistics("before");
        let said = stage.play("mutate", &["--count", "10000", "--seed", "5213"]);
        let after = stage.statistics("after");
        let received = said.trim_end().rsplit_once("received ").expect("the speaker's count").1;
        stage
            .speaker
            .exec("python3", &[SPEAKER, "balance", &before, &after, received])
            .expect("balance");
        assert!(stage.daemon.alive(), "the same process has served all that");
        stage.daemon.stop().expect("a clean stop");
    }
}

fn traffic(encapsulation: Encapsulation, name: &str) {
    let _turn = turn();
    let (echo4, echo6) = (CORRESPONDENT.0.to_string(), CORRESPONDENT.1.to_string());
    for transport in BOTH {
        Stage::set(Plan { transport, encapsulation, delete_wait: 100, ..Plan::default() })
            .play("traffic", &["--encapsulation", name, "--echo4", &echo4, "--echo6", &echo6]);
    }
}

/// One anchor, one speaker, one correspondent that echoes.
struct Stage {
    plan: Plan,
    core: Core,
    speaker: Host,
    daemon: Daemon,
    _echo: Process,
    // Last: it removes the rest.
    _lab: Lab,
}

impl Stage {
    fn set(plan: Plan) -> Self {
        let lab = Lab::new("kglab").expect("lab");
        let core = Core::draw(&lab).expect("core");
        let speaker = lab.host("speaker").expect("speaker");
        let addresses = GATEWAYS.map(|(_, v4, v6)| (v4, v6));
        core.connect(&speaker, &addresses).expect("speaker's cable");
        let mut echo = core.cn.spawn("echo", "python3", &[SPEAKER, "echo"]).expect("echo");
        echo.wait_output(SOON, "the echo", |log| log.contains("listening").then_some(()))
            .expect("listening");
        let daemon = Daemon::start(&core.lma, &Domain::lma_config(&plan)).expect("kedged");
        Self { plan, core, speaker, daemon, _echo: echo, _lab: lab }
    }

    /// Runs one scenario of the speaker; tshark judges what the anchor sent meanwhile.
    fn play(&self, scenario: &str, args: &[&str]) -> String {
        let capture = Capture::start(&self.core.lma, "tp0", "").expect("capture");
        let [local, other] = GATEWAYS.map(|(_, v4, v6)| self.address(v4.into(), v6.into()));
        let anchor = self.address(ANCHOR.0.into(), ANCHOR.1.into());
        let [local, other, anchor] = [local, other, anchor].map(|a| a.to_string());
        let key = format!("{:x}:{}", KEY.0, KEY.1);
        let mut words = vec![SPEAKER, scenario, "--local", &local, "--other", &other];
        words.extend(["--anchor", &anchor]);
        if self.plan.authenticated {
            words.extend(["--key", &key]);
        }
        words.extend(args);
        let said = self
            .speaker
            .exec("python3", &words)
            .unwrap_or_else(|e| panic!("{:?}: {e}\nkedged: {}", self.plan, self.daemon.log()));
        let recording = capture.stop().expect("capture");
        let judged = recording.malformed_from(anchor.parse().expect("an address")).expect("tshark");
        assert_eq!(judged, Vec::<String>::new(), "{:?}", self.plan);
        let answers = recording.count("mip6.mhtype == 6").expect("tshark");
        assert!(answers > 0, "the capture holds what the anchor sent: {:?}", self.plan);
        said
    }

    fn address(&self, v4: IpAddr, v6: IpAddr) -> IpAddr {
        match self.plan.transport {
            Transport::Ipv4 => v4,
            Transport::Ipv6 => v6,
        }
    }

    /// The anchor's counters as a JSON file; its path.
    fn statistics(&self, name: &str) -> String {
        let json = self.daemon.kedge("show lma-service statistics | json").expect("statistics");
        let file = self.core.lma.dir().join(format!("{name}.json"));
        fs::write(&file, json).expect("a file in the lab's directory");
        file.to_string_lossy().into_owned()
    }
}

/// One scenario at a time: they measure silences, and two cores are few.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
