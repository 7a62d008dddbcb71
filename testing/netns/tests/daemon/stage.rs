//! What the tests of this program share: one-shot runs of `kedged`, what a host looks like, and
//! the domain with one gateway.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    process::Output,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kedge_lab::{
    Daemon, Domain, Host, Lab, LabError, Ping,
    domain::{self, CORRESPONDENT, Core, GATEWAYS, KEY, Plan, Transport},
    programs, wait,
};
use serde_json::Value;

/// Longer than anything here takes.
pub const SOON: Duration = Duration::from_secs(15);

/// One test at a time: they measure silences, and two cores are few.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The smallest anchor: one address of each family, on loopback.
pub const ANCHOR: &str = "\
ipv6 mobile pmipv6-domain example.net
 nai @example.net
  network home
  service dual
 !
!
ipv6 mobile pmipv6-lma lma1 domain example.net
 address ipv4 192.0.2.1
 address ipv6 2001:db8:7::1
 dynamic mag learning
 network home
  pool mobile-node ipv4 start-address 203.0.113.0 pool-prefix 24
  pool mobile-node ipv6 start-address 2001:db8:100:: pool-prefix 56
 !
!
";

/// One host with the addresses of [`ANCHOR`], and files for the daemons on it.
pub struct Single {
    pub host: Host,
    // Last: it removes the rest.
    lab: Lab,
}

/// What a program came to.
#[derive(Debug)]
pub struct Ended {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Single {
    pub fn set() -> Self {
        let lab = Lab::new("kgrob").expect("lab");
        let host = lab.host("one").expect("host");
        host.address("lo", "192.0.2.1/32").expect("IPv4 address");
        host.address("lo", "2001:db8:7::1/128").expect("IPv6 address");
        Self { host, lab }
    }

    /// A file of the lab.
    pub fn file(&self, name: &str) -> PathBuf {
        self.lab.dir().join(name)
    }

    /// Writes a configuration; its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.file(name);
        fs::write(&path, text).expect("a file in the lab's directory");
        path.to_string_lossy().into_owned()
    }

    /// One more host, with the same addresses.
    pub fn another(&self, name: &str) -> Host {
        let host = self.lab.host(name).expect("host");
        host.address("lo", "192.0.2.1/32").expect("IPv4 address");
        host.address("lo", "2001:db8:7::1/128").expect("IPv6 address");
        host
    }

    /// Runs a shell line with `$KEDGED` set and, for the usual daemon, `$RUN`: the program with
    /// the configuration `conf`, the socket `sock` and the state directory `state` of the lab. A
    /// daemon that starts after all is ended, with status 124.
    pub fn run(&self, script: &str) -> Ended {
        self.run_on(&self.host, script)
    }

    /// The same on another host.
    pub fn run_on(&self, host: &Host, script: &str) -> Ended {
        let kedged = programs::find("kedged").expect("kedged").to_string_lossy().into_owned();
        let dir = self.lab.dir().to_string_lossy();
        let run = format!(
            "timeout 10 {kedged} --config {dir}/conf --socket {dir}/sock --state-dir {dir}/state"
        );
        let mut command = host.command("sh");
        command.args(["-c", script]).env("KEDGED", kedged).env("RUN", run);
        ended(command.current_dir(self.lab.dir()).output().expect("sh"))
    }

    /// Runs the usual daemon on `config` under `script`, which must refuse to start in one line
    /// that holds `words`, with status 1, and leave the host as it was.
    pub fn refused(&self, config: &str, script: &str, words: &[&str]) {
        self.write("conf", config);
        let before = look(&self.host);
        let ended = self.run(script);
        assert_eq!(ended.status, Some(1), "{script}: {ended:?}");
        let errors: Vec<&str> = ended.err.lines().filter(|l| l.contains("ERROR")).collect();
        let [line] = errors[..] else { panic!("{script}: one line of error in {ended:?}") };
        for word in words {
            assert!(line.contains(word), "{script}: no {word:?} in {line:?}");
        }
        assert!(!line.contains("os error"), "{line}");
        assert_eq!(look(&self.host), before, "{script}");
        assert!(!self.file("sock").exists(), "no socket is left");
    }
}

pub fn ended(output: Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Everything of a host's network that a daemon may change: devices, addresses, routes, rules,
/// sysctls, and who holds which name and port. Waits first for what the kernel still does by itself.
pub fn look(host: &Host) -> String {
    until("the kernel to have come to rest", || at_rest(host));
    let script = "ip -d link; ip -d addr; ip rule; ip -6 rule; ip route show table all; \
        ip -6 route show table all; ip neigh show nud permanent; \
        sysctl -a -r '^net\\.ipv[46]\\.' 2>/dev/null; \
        ss -Hlnuwx | grep -v NetworkManager; cat /proc/net/packet | wc -l; \
        grep -c kedge /proc/net/unix";
    let seen = host.exec("sh", &["-c", &format!("{script}; true")]).expect("a look");
    // What counts down or up by itself.
    let steady = |line: &&str| {
        !["valid_lft", "expires", "stable_secret", "gc_stale", "mtu_expires"]
            .iter()
            .any(|word| line.contains(word))
    };
    seen.lines().filter(steady).map(|line| format!("{line}\n")).collect()
}

/// Whether each link that is up has the link-local address that the kernel gives it, and no address
/// is tentative any more.
fn at_rest(host: &Host) -> Result<(), String> {
    let (links, addresses) = (host.ip("-d -o link"), host.ip("-o -6 addr"));
    let (links, addresses) = (links.expect("links"), addresses.expect("addresses"));
    let has_one = |link: &str| {
        let name = link.split(": ").nth(1).and_then(|name| name.split('@').next());
        let is_its = |line: &str| line.split_whitespace().nth(1) == name;
        addresses.lines().any(|line| is_its(line) && line.contains(" fe80:"))
    };
    let gets_one = |link: &&str| {
        link.contains("LOWER_UP") && link.contains("eui64") && !link.contains("LOOPBACK")
    };
    let bare = links.lines().filter(gets_one).find(|link| !has_one(link));
    let tentative = addresses.lines().find(|line| line.contains(" tentative"));
    bare.or(tentative).map_or(Ok(()), |line| Err(line.to_owned()))
}

/// The domain with its anchor and its first gateway running.
pub struct Site {
    pub domain: Domain,
    pub lma: Daemon,
    pub mag: Daemon,
    // Last: it removes the rest.
    pub lab: Lab,
}

impl Site {
    pub fn set(plan: Plan) -> Self {
        Self::with(plan, |lma| lma, |mag| mag)
    }

    /// The domain, its configurations changed.
    pub fn with(
        plan: Plan,
        lma: impl FnOnce(String) -> String,
        mag: impl FnOnce(String) -> String,
    ) -> Self {
        let lab = Lab::new("kgrob").expect("lab");
        let domain = Domain::draw(&lab).expect("domain");
        let configs = [lma(Domain::lma_config(&plan)), mag(Domain::mag_config(&plan, 0))];
        Self::on(lab, domain, configs.each_ref().map(String::as_str))
    }

    /// The daemons start in a domain that is drawn already.
    pub fn on(lab: Lab, domain: Domain, [lma, mag]: [&str; 2]) -> Self {
        let lma = Daemon::start(&domain.core.lma, lma).expect("anchor");
        let mag = Daemon::start(&domain.mags[0], mag).expect("gateway");
        Self { domain, lma, mag, lab }
    }

    /// The node comes into range; the addresses it gets.
    pub fn attach(&mut self) -> (Ipv4Addr, Ipv6Addr) {
        self.domain.attach(0).expect("in range");
        self.domain.mn.start_dhcp().expect("dhclient");
        self.held()
    }

    /// The addresses that the node has, or gets.
    pub fn held(&self) -> (Ipv4Addr, Ipv6Addr) {
        let v6 = self.domain.mn.wait_ipv6(SOON).unwrap_or_else(|e| panic!("{e}\n{}", self.logs()));
        let v4 = self.domain.mn.wait_ipv4(SOON).unwrap_or_else(|e| panic!("{e}\n{}", self.logs()));
        (v4, v6)
    }

    /// Both families get through between the node and the correspondent.
    pub fn answered(&self) {
        for (name, to) in
            [("ping4", CORRESPONDENT.0.to_string()), ("ping6", CORRESPONDENT.1.to_string())]
        {
            let every = Duration::from_millis(20);
            let ping = Ping::start(self.domain.mn.host(), name, &to, every).expect("ping");
            let steady = ping.wait_steady(SOON, 0, 5);
            steady.unwrap_or_else(|e| panic!("{e}\n{}", self.logs()));
            ping.stop().expect("stop");
        }
    }

    pub fn logs(&self) -> String {
        format!("lma: {}\nmag: {}", self.lma.log(), self.mag.log())
    }
}

/// An anchor and a host with the gateways' addresses, from which `hostile.py` speaks.
pub struct Talk {
    pub core: Core,
    pub speaker: Host,
    pub daemon: Daemon,
    plan: Plan,
    // Last: it removes the rest.
    _lab: Lab,
}

impl Talk {
    /// The anchor with its configuration changed, over IPv6.
    pub fn set(change: impl FnOnce(String) -> String) -> Self {
        Self::over(Transport::Ipv6, change)
    }

    pub fn over(transport: Transport, change: impl FnOnce(String) -> String) -> Self {
        let lab = Lab::new("kgrob").expect("lab");
        let core = Core::draw(&lab).expect("core");
        let speaker = lab.host("speaker").expect("speaker");
        let addresses = GATEWAYS.map(|(_, v4, v6)| (v4, v6));
        core.connect(&speaker, &addresses).expect("cable");
        let plan = Plan { transport, delete_wait: 100, ..Plan::default() };
        let config = change(Domain::lma_config(&plan));
        let daemon = Daemon::start(&core.lma, &config).expect("kedged");
        Self { core, speaker, daemon, plan, _lab: lab }
    }

    /// Plays a scenario; what it said.
    pub fn play(&self, scenario: &str, words: &[&str]) -> String {
        let address = |v4: Ipv4Addr, v6: Ipv6Addr| match self.plan.transport {
            Transport::Ipv4 => v4.to_string(),
            Transport::Ipv6 => v6.to_string(),
        };
        let local = address(GATEWAYS[0].1, GATEWAYS[0].2);
        let anchor = address(domain::ANCHOR.0, domain::ANCHOR.1);
        let key = format!("{:x}:{}", KEY.0, KEY.1);
        let (program, options) =
            (script("hostile.py"), ["--local", &local, "--anchor", &anchor, "--key", &key]);
        let all: Vec<&str> = [&[program.as_str(), scenario][..], &options, words].concat();
        let played = self.speaker.exec("python3", &all);
        played.unwrap_or_else(|e| panic!("{scenario}: {e}\nkedged: {}", self.daemon.log()))
    }

    /// The anchor's counters of updates: those received, and what became of them.
    pub fn updates(&self) -> [u64; 4] {
        let counted = json(&self.daemon, "show lma-service statistics");
        ["total", "accepted", "denied", "discarded"]
            .map(|key| counted["binding_updates_received"][key].as_u64().expect("a counter"))
    }
}

/// An answer of `kedge`, as JSON.
pub fn json(daemon: &Daemon, command: &str) -> Value {
    let text = daemon.kedge(&format!("{command} | json")).expect("an answer");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{command}: {e} in {text}"))
}

/// A counter of `show`, by a path such as `/discard_reasons/checksum`.
pub fn counter(daemon: &Daemon, command: &str, path: &str) -> u64 {
    let answer = json(daemon, command);
    let found = answer.pointer(path).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("no {path} in {answer}"))
}

/// The bindings of an anchor or a gateway.
pub fn bindings(daemon: &Daemon, role: &str) -> Vec<Value> {
    let answer = json(daemon, &format!("show ipv6 mobile pmipv6 {role} bindings"));
    answer["bindings"].as_array().expect("a list").clone()
}

/// Waits until an answer is as wanted.
pub fn until<T>(what: &str, probe: impl FnMut() -> Result<T, String>) -> T {
    wait::until(SOON, what, probe).unwrap_or_else(|e| panic!("{e}"))
}

/// What a command of the lab complained of.
pub fn complaint<T: std::fmt::Debug>(result: Result<T, LabError>) -> String {
    match result {
        Err(LabError::Command { output, .. }) => output,
        other => panic!("a complaint, not {other:?}"),
    }
}

/// A script of this folder.
pub fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemon").join(name).to_string_lossy().into()
}
