//! Four hosts in a row: our data plane in L, the kernel's tunnel devices in M.
//!
//! ```text
//!   A 10.1.0.2 ──── L 192.0.2.1 ═════════ 192.0.2.2 M ──── B 10.64.0.5
//!     2001:db8:a::2   2001:db8:f::1   2001:db8:f::2         2001:db8:5:5::5
//! ```
//!
//! L is an anchor whose subscriber is B, or a gateway whose subscriber is A.

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::thread;

use anyhow::{Context, Result, anyhow};
use kedge_dataplane::{Change, Dataplane, Local, Side};
use kedge_dp_user::DpUser;
use kedge_lab::{Host, Lab, Link};
use kedge_model::{BindingId, Encapsulation, Forwarding, Path, Tunnel, VrfId, World};
use nix::sched::{CloneFlags, setns};

/// The only binding.
pub const NODE: BindingId = BindingId(5);
/// The port of UDP encapsulation (RFC 5844 §4.1.4.1).
pub const UDP_PORT: u16 = 5437;

const INNER: VrfId = VrfId(1);
const TRANSPORT: VrfId = VrfId(2);
const DEVICE: &str = "kedge0";

/// One of the two address families.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    V4,
    V6,
}

/// The hosts and the cable between L and M.
pub struct Row {
    pub a: Host,
    pub l: Host,
    pub m: Host,
    pub b: Host,
    pub transport: Link,
    // Removes the hosts when it goes.
    _lab: Lab,
}

impl Family {
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// Of the two texts, the one of this family.
    pub fn pick<T>(self, v4: T, v6: T) -> T {
        if self == Self::V4 { v4 } else { v6 }
    }

    /// The addresses of L and M on their cable.
    pub fn transport(self) -> [&'static str; 2] {
        self.pick(["192.0.2.1", "192.0.2.2"], ["2001:db8:f::1", "2001:db8:f::2"])
    }

    /// The address of A.
    pub fn a(self) -> &'static str {
        self.pick("10.1.0.2", "2001:db8:a::2")
    }

    /// The address of B.
    pub fn b(self) -> &'static str {
        self.pick("10.64.0.5", "2001:db8:5:5::5")
    }
}

impl Row {
    /// Draws it, with routes up to L and M but none between them.
    pub fn draw() -> Result<Self> {
        let lab = Lab::new("kgvm")?;
        let [a, l, m, b] = ["a", "l", "m", "b"].map(|name| lab.host(name));
        let (a, l, m, b) = (a?, l?, m?, b?);
        for host in [&a, &l, &m, &b] {
            // Interfaces that appear later inherit these.
            host.sysctl("net.ipv6.conf.default.accept_dad", "0")?;
            host.sysctl("net.ipv6.conf.default.accept_ra", "0")?;
        }
        l.router()?;
        m.router()?;
        Link::between(&a, "to-l", &l, "to-a")?;
        let transport = Link::between(&l, "to-m", &m, "to-l")?;
        Link::between(&m, "to-b", &b, "to-m")?;
        for (host, interface, v4, v6) in [
            (&a, "to-l", "10.1.0.2/24", "2001:db8:a::2/64"),
            (&l, "to-a", "10.1.0.1/24", "2001:db8:a::1/64"),
            (&l, "to-m", "192.0.2.1/24", "2001:db8:f::1/64"),
            (&m, "to-l", "192.0.2.2/24", "2001:db8:f::2/64"),
            (&m, "to-b", "10.64.0.1/24", "2001:db8:5:5::1/64"),
            (&b, "to-m", "10.64.0.5/24", "2001:db8:5:5::5/64"),
        ] {
            host.address(interface, v4)?;
            host.address(interface, v6)?;
        }
        for (host, via4, via6) in
            [(&a, "10.1.0.1", "2001:db8:a::1"), (&b, "10.64.0.1", "2001:db8:5:5::1")]
        {
            host.route(&format!("default via {via4}"))?;
            host.route(&format!("default via {via6}"))?;
        }
        quiet(&l)?;
        Ok(Self { a, l, m, b, transport, _lab: lab })
    }

    /// Starts our data plane in L, with routes into its device.
    pub fn start(&self, side: Side, mtu: u16) -> Result<DpUser> {
        let world = || World::Namespace(self.l.namespace().to_owned());
        let local = |family: Family| -> Result<Change> {
            let address = family.transport()[0].parse()?;
            let local =
                Local { vrf: TRANSPORT, address, udp_port: UDP_PORT, signalling_port: None };
            Ok(Change::AddLocal { local, world: world() })
        };
        let mut started = DpUser::start(side)?;
        let device = Change::AddDevice { vrf: INNER, world: world(), name: DEVICE.into(), mtu };
        started.apply(&[device, local(Family::V4)?, local(Family::V6)?])?;
        self.l.route(&format!("10.64.0.0/24 dev {DEVICE}"))?;
        self.l.route(&format!("2001:db8:5:5::/64 dev {DEVICE}"))?;
        Ok(started)
    }
}

/// Keeps L's kernel from telling M that it knows no tunnel: our raw sockets do, but its own tunnel
/// modules, which this machine has for M's sake, answer what none of their devices takes with
/// "port unreachable". To a routing rule the type and the code of an ICMP message are its port.
fn quiet(l: &Host) -> Result<()> {
    let [v4, v6] = Family::ALL.map(|family| family.transport()[0]);
    l.ip(&format!("rule add from {v4} ipproto 1 dport {} blackhole", 3 << 8 | 3))?;
    l.ip(&format!("-6 rule add from {v6} ipproto 58 dport {} blackhole", 1 << 8 | 4))?;
    Ok(())
}

/// The tunnel from L to M.
pub fn tunnel(over: Family, encapsulation: Encapsulation, mtu: u16) -> Result<Tunnel> {
    let [local, peer] = over.transport().map(str::parse::<IpAddr>);
    Ok(Tunnel { transport: TRANSPORT, local: local?, peer: peer?, encapsulation, mtu })
}

/// What our data plane is to hold: its subscriber, behind this tunnel.
pub fn forwarding(side: Side, tunnel: Tunnel) -> Result<Forwarding> {
    let subscriber = match side {
        Side::Anchor => ["10.64.0.5/32", "2001:db8:5:5::/64"],
        Side::Gateway => ["10.1.0.2/32", "2001:db8:a::/64"],
    };
    let [v4, v6] = subscriber.map(str::parse);
    Ok(Forwarding { vrf: INNER, inner: vec![v4?, v6?], paths: vec![Path { tunnel, weight: 1 }] })
}

/// The network namespace of a host.
pub fn netns(host: &Host) -> Result<OwnedFd> {
    let path = format!("/run/netns/{}", host.namespace());
    Ok(File::open(&path).context(path)?.into())
}

/// Runs `work` on a thread inside a host.
pub fn within<T: Send>(host: &Host, work: impl FnOnce() -> T + Send) -> Result<T> {
    let netns = netns(host)?;
    let work = || -> Result<T> {
        setns(netns, CloneFlags::CLONE_NEWNET)?;
        Ok(work())
    };
    thread::scope(|scope| scope.spawn(work).join().map_err(|_| anyhow!("the thread panicked"))?)
}
