//! Four namespaces in a row, with two data planes in the middle.
//!
//! ```text
//!   A 10.1.0.2 ──veth── L 192.0.2.1 ══transport══ 192.0.2.2 M ──veth── B 10.64.0.5
//!     2001:db8:a::2       2001:db8:f::1  2001:db8:f::2            2001:db8:5:5::5
//!                         anchor                gateway
//! ```

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kedge_dataplane::{Change, Dataplane, Local, Side};
use kedge_dp_user::DpUser;
use kedge_model::{BindingId, Encapsulation, Forwarding, Path, Tunnel, VrfId, World};

pub const INNER: VrfId = VrfId(1);
pub const TRANSPORT: VrfId = VrfId(2);
pub const NODE: BindingId = BindingId(5);
pub const DEVICE: &str = "kgdp0";
pub const UDP_PORT: u16 = 5437;
/// The port of signalling, which data can share.
pub const SIGNALLING_PORT: u16 = 5436;

/// The subscriber, B.
pub const NODE_V4: &str = "10.64.0.5";
pub const NODE_V6: &str = "2001:db8:5:5::5";
/// The correspondent host, A.
pub const HOST_V4: &str = "10.1.0.2";
pub const HOST_V6: &str = "2001:db8:a::2";

/// The four namespaces; dropping it removes them, and all that is in them.
pub struct Row {
    prefix: String,
}

impl Row {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let row = Self { prefix: format!("kgdp-{}-{number}", std::process::id()) };
        for name in ["a", "l", "m", "b"] {
            row.host(&format!("ip netns add {}", row.name(name)));
            row.run(name, "ip link set lo up");
            // Interfaces that appear later inherit these.
            for setting in [
                "net.ipv4.conf.all.rp_filter=0",
                "net.ipv4.conf.default.rp_filter=0",
                "net.ipv6.conf.default.accept_dad=0",
                "net.ipv6.conf.default.accept_ra=0",
            ] {
                row.run(name, &format!("sysctl -qw {setting}"));
            }
        }
        for name in ["l", "m"] {
            row.run(name, "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
        }
        row.link("a", "l", "10.1.0", "2001:db8:a:");
        row.link("l", "m", "192.0.2", "2001:db8:f:");
        row.link("m", "b", "10.64.0", "2001:db8:5:5");
        for (name, via4, via6) in
            [("a", "10.1.0.1", "2001:db8:a::1"), ("b", "10.64.0.1", "2001:db8:5:5::1")]
        {
            row.run(name, &format!("ip route add default via {via4}"));
            row.run(name, &format!("ip -6 route add default via {via6}"));
        }
        row
    }

    /// A veth pair `to-y` in x and `to-x` in y. The left end has host number 1, unless it is A.
    fn link(&self, x: &str, y: &str, v4: &str, v6: &str) {
        let (x_ns, y_ns) = (self.name(x), self.name(y));
        self.host(&format!(
            "ip link add to-{y} netns {x_ns} type veth peer name to-{x} netns {y_ns}"
        ));
        let numbers = match (x, y) {
            ("a", _) => [2, 1],
            (_, "b") => [1, 5],
            _ => [1, 2],
        };
        for (name, other, number) in [(x, y, numbers[0]), (y, x, numbers[1])] {
            self.run(name, &format!("ip addr add {v4}.{number}/24 dev to-{other}"));
            let v6 = if v6.ends_with(':') {
                format!("{v6}:{number}")
            } else {
                format!("{v6}::{number}")
            };
            self.run(name, &format!("ip addr add {v6}/64 dev to-{other} nodad"));
            self.run(name, &format!("ip link set to-{other} up"));
        }
    }

    /// What the routes of anchor and gateway are once they have their devices.
    pub fn route_through_devices(&self) {
        self.run("l", &format!("ip route add 10.64.0.0/24 dev {DEVICE}"));
        self.run("l", &format!("ip -6 route add 2001:db8:5::/48 dev {DEVICE}"));
        for family in ["-4", "-6"] {
            self.run("m", &format!("ip {family} rule add iif to-b lookup 100"));
            self.run("m", &format!("ip {family} route add default dev {DEVICE} table 100"));
        }
    }

    pub fn name(&self, which: &str) -> String {
        format!("{}-{which}", self.prefix)
    }

    pub fn netns(&self, which: &str) -> OwnedFd {
        let path = format!("/run/netns/{}", self.name(which));
        File::open(&path).unwrap_or_else(|e| panic!("{path}: {e}")).into()
    }

    /// Runs a command in a namespace; it must succeed.
    pub fn run(&self, which: &str, command: &str) -> String {
        self.host(&format!("ip netns exec {} {command}", self.name(which)))
    }

    fn host(&self, command: &str) -> String {
        let mut words = command.split(' ');
        let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether a command in a namespace succeeds.
    pub fn succeeds(&self, which: &str, command: &str) -> bool {
        let words = ["netns", "exec", &self.name(which)].map(str::to_owned);
        let words = words.into_iter().chain(command.split(' ').map(str::to_owned));
        Command::new("ip").args(words).output().unwrap().status.success()
    }

    /// Runs `work` on a thread inside a namespace.
    pub fn within<T: Send + 'static>(
        &self,
        which: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::thread::JoinHandle<T> {
        let netns = self.netns(which);
        std::thread::spawn(move || {
            nix::sched::setns(netns, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            work()
        })
    }

    /// One of the namespaces as a routing world.
    pub fn world(&self, which: &str) -> World {
        World::Namespace(self.name(which))
    }

    /// Starts the data plane of L or M.
    pub fn start(&self, which: &str, mtu: u16) -> DpUser {
        let (side, number) = if which == "l" { (Side::Anchor, 1) } else { (Side::Gateway, 2) };
        let local = |address: String| {
            let address: IpAddr = address.parse().unwrap();
            let signalling_port = address.is_ipv4().then_some(SIGNALLING_PORT);
            let local = Local { vrf: TRANSPORT, address, udp_port: UDP_PORT, signalling_port };
            Change::AddLocal { local, world: self.world(which) }
        };
        let mut started = DpUser::start(side).unwrap();
        let (name, world) = (DEVICE.into(), self.world(which));
        let device = Change::AddDevice { vrf: INNER, world, name, mtu };
        let v4 = local(format!("192.0.2.{number}"));
        let v6 = local(format!("2001:db8:f::{number}"));
        started.apply(&[device, v4, v6]).unwrap();
        started
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        for name in ["a", "l", "m", "b"] {
            let _ = Command::new("ip").args(["netns", "del", &self.name(name)]).status();
        }
    }
}

/// What L or M holds for the node.
pub fn bind(which: &str, encapsulation: Encapsulation, over_ipv4: bool, mtu: u16) -> Change {
    let ends: [IpAddr; 2] = if over_ipv4 {
        ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()]
    } else {
        ["2001:db8:f::1".parse().unwrap(), "2001:db8:f::2".parse().unwrap()]
    };
    let [local, peer] = if which == "l" { ends } else { [ends[1], ends[0]] };
    let tunnel = Tunnel { transport: TRANSPORT, local, peer, encapsulation, mtu };
    Change::Bind {
        binding: NODE,
        want: Forwarding {
            vrf: INNER,
            inner: vec![
                format!("{NODE_V4}/32").parse().unwrap(),
                "2001:db8:5:5::/64".parse().unwrap(),
            ],
            paths: vec![Path { tunnel, weight: 1 }],
        },
    }
}

/// Waits until `condition` holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < limit, "{what}: not within a minute");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Both ends of the tunnel, the node bound.
pub struct Pair {
    pub anchor: DpUser,
    pub gateway: DpUser,
}

impl Pair {
    pub fn start(row: &Row, mtu: u16) -> Self {
        let pair = Self { anchor: row.start("l", mtu), gateway: row.start("m", mtu) };
        row.route_through_devices();
        pair
    }

    pub fn bind(&mut self, encapsulation: Encapsulation, over_ipv4: bool, mtu: u16) {
        self.anchor.apply(&[bind("l", encapsulation, over_ipv4, mtu)]).unwrap();
        self.gateway.apply(&[bind("m", encapsulation, over_ipv4, mtu)]).unwrap();
    }
}
