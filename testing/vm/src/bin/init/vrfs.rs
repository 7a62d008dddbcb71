//! One data plane in two pairs of VRF devices of one namespace, whose addresses are the same.
//!
//! ```text
//!                                          L
//!   A red  10.1.0.2 ── in-red  │ VRF red      VRF red-t  │ out-red  192.0.2.1 ══ 192.0.2.2 M red
//!   A blue 10.1.0.2 ── in-blue │ VRF blue     VRF blue-t │ out-blue 192.0.2.1 ══ 192.0.2.2 M blue
//! ```
//!
//! L is an anchor. Its subscriber is each M itself, at 10.64.0.5, behind the kernel's tunnel device.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use kedge_dataplane::{Change, Dataplane, Local, Side};
use kedge_dp_user::DpUser;
use kedge_lab::{Host, Lab, Link, wait};
use kedge_model::{BindingId, Path, VrfId, World};

use crate::row::{Family, UDP_PORT, forwarding, within};
use crate::tunnel::{Carriage, Devices};
use crate::{counters, probe};

/// The pairs of worlds, by number.
const NAMES: [&str; 2] = ["red", "blue"];
/// Octets of inner packets that the devices take.
const DEVICE_MTU: u16 = 1500;
/// And those that the tunnels take: what is larger, our data plane answers.
const MTU: u16 = 1400;

/// A pair of worlds, and the hosts at its two ends.
struct Pair {
    name: &'static str,
    number: u32,
    a: Host,
    m: Host,
}

struct Stage {
    l: Host,
    pairs: Vec<Pair>,
    // Removes the hosts when it goes.
    _lab: Lab,
}

impl Pair {
    fn inner(&self) -> VrfId {
        VrfId(10 + self.number)
    }

    fn transport(&self) -> VrfId {
        VrfId(20 + self.number)
    }

    fn node(&self) -> BindingId {
        BindingId(self.number.into())
    }

    /// The inner world and the transport world.
    fn worlds(&self) -> [World; 2] {
        [self.name.to_owned(), format!("{}-t", self.name)].map(World::Device)
    }

    /// The device of the inner world.
    fn device(&self) -> String {
        format!("kedge-{}", self.name)
    }

    /// What lets L's data plane in.
    fn enter(&self) -> Result<Vec<Change>> {
        let [inner, transport] = self.worlds();
        let (vrf, name) = (self.inner(), self.device());
        let mut changes = vec![Change::AddDevice { vrf, world: inner, name, mtu: DEVICE_MTU }];
        for family in Family::ALL {
            let (vrf, address) = (self.transport(), family.transport()[0].parse()?);
            let local = Local { vrf, address, udp_port: UDP_PORT, signalling_port: None };
            changes.push(Change::AddLocal { local, world: transport.clone() });
        }
        Ok(changes)
    }

    fn leave(&self) -> Result<Vec<Change>> {
        let mut changes = vec![Change::RemoveDevice(self.inner())];
        for family in Family::ALL {
            let (vrf, address) = (self.transport(), family.transport()[0].parse()?);
            changes.push(Change::RemoveLocal { vrf, address });
        }
        Ok(changes)
    }

    fn bind(&self, carriage: &Carriage) -> Result<Change> {
        let mut tunnel = carriage.tunnel()?;
        tunnel.transport = self.transport();
        tunnel.mtu = MTU;
        let mut want = forwarding(Side::Anchor, tunnel)?;
        want.vrf = self.inner();
        want.paths = vec![Path { tunnel, weight: 1 }];
        Ok(Change::Bind { binding: self.node(), want })
    }

    /// Routes from the inner world to its device.
    fn route(&self, l: &Host) -> Result<()> {
        let (device, vrf) = (self.device(), self.name);
        l.route(&format!("10.64.0.0/24 dev {device} vrf {vrf}"))?;
        l.route(&format!("2001:db8:5:5::/64 dev {device} vrf {vrf}"))?;
        Ok(())
    }
}

impl Stage {
    fn set() -> Result<Self> {
        let lab = Lab::new("kgvrf")?;
        let l = lab.host("l")?;
        prepare(&l)?;
        l.router()?;
        // What the kernel's documentation of VRF devices asks for where addresses overlap: they are
        // asked for local addresses, too, before the table of all others is.
        for family in ["-4", "-6"] {
            l.ip(&format!("{family} rule add pref 32765 table local"))?;
            l.ip(&format!("{family} rule del pref 0"))?;
        }
        l.sysctl("net.ipv4.raw_l3mdev_accept", "0")?;
        let mut pairs = Vec::new();
        for (name, number) in NAMES.into_iter().zip(0..) {
            let (a, m) = (lab.host(&format!("a-{name}"))?, lab.host(&format!("m-{name}"))?);
            prepare(&a)?;
            prepare(&m)?;
            Link::between(&a, "to-l", &l, &format!("in-{name}"))?;
            Link::between(&l, &format!("out-{name}"), &m, "to-l")?;
            for (vrf, port, table) in [
                (name.to_owned(), format!("in-{name}"), 100 + number),
                (format!("{name}-t"), format!("out-{name}"), 200 + number),
            ] {
                l.ip(&format!("link add {vrf} type vrf table {table}"))?;
                l.ip(&format!("link set {vrf} up"))?;
                l.ip(&format!("link set {port} master {vrf}"))?;
            }
            for (host, interface, v4, v6) in [
                (&a, "to-l", "10.1.0.2/24", "2001:db8:a::2/64"),
                (&l, &*format!("in-{name}"), "10.1.0.1/24", "2001:db8:a::1/64"),
                (&l, &*format!("out-{name}"), "192.0.2.1/24", "2001:db8:f::1/64"),
                (&m, "to-l", "192.0.2.2/24", "2001:db8:f::2/64"),
                (&m, "lo", "10.64.0.5/32", "2001:db8:5:5::5/128"),
            ] {
                host.address(interface, v4)?;
                host.address(interface, v6)?;
            }
            a.route("default via 10.1.0.1")?;
            a.route("default via 2001:db8:a::1")?;
            pairs.push(Pair { name, number, a, m });
        }
        // As kedged does it, and before the VRF devices have their tables looked up.
        let [v4, v6] = Family::ALL.map(|family| family.transport()[0]);
        l.ip(&format!("rule add pref 521 from {v4} ipproto 1 dport 771 blackhole"))?;
        l.ip(&format!("-6 rule add pref 521 from {v6} ipproto 58 dport 260 blackhole"))?;
        Ok(Self { l, pairs, _lab: lab })
    }

    /// Has the data plane make changes; it sees the worlds as a daemon in L does.
    fn apply(&self, ours: &mut DpUser, changes: &[Change]) -> Result<()> {
        Ok(within(&self.l, || ours.apply(changes))??)
    }
}

fn prepare(host: &Host) -> Result<()> {
    // Interfaces that appear later inherit these.
    for entry in ["ipv6.conf.default.accept_dad", "ipv6.conf.default.accept_ra"] {
        host.sysctl(&format!("net.{entry}"), "0")?;
    }
    for entry in ["all", "default"] {
        host.sysctl(&format!("net.ipv4.conf.{entry}.rp_filter"), "0")?;
    }
    Ok(())
}

/// With each of these encapsulations, every pair carries its own packets and no other's.
pub fn apart(carriages: &[Carriage]) -> Result<()> {
    let stage = Stage::set()?;
    let mut ours = DpUser::start(Side::Anchor)?;
    for pair in &stage.pairs {
        stage.apply(&mut ours, &pair.enter()?)?;
        pair.route(&stage.l)?;
    }
    for carriage in carriages {
        apart_with(&stage, &mut ours, carriage).with_context(|| format!("{:?}", carriage.ours))?;
    }
    for pair in &stage.pairs {
        let told = counters::unreachables(&pair.m)?;
        ensure!(told == 0, "M {} was told {told} times that it is not understood", pair.name);
    }
    Ok(())
}

fn apart_with(stage: &Stage, ours: &mut DpUser, carriage: &Carriage) -> Result<()> {
    let mut devices = Vec::new();
    for pair in &stage.pairs {
        stage.apply(ours, &[pair.bind(carriage)?])?;
        devices.push(carriage.make(&pair.m)?);
    }
    for inner in carriage.families() {
        for pair in &stage.pairs {
            probe::until_answered(&pair.a, inner.b()).with_context(|| pair.name.to_owned())?;
        }
        for (number, pair) in stage.pairs.iter().enumerate() {
            let what = || format!("{}, inner {inner:?}", pair.name);
            let before = settled(stage, ours, &devices)?;
            probe::answered(&pair.a, inner.b(), 500, true).with_context(what)?;
            let after = settled(stage, ours, &devices)?;
            for (other, (before, after)) in before.iter().zip(&after).enumerate() {
                let more = std::array::from_fn(|place| after[place] - before[place]);
                // Ours sends the echoes, the kernel takes and answers them: three, or one more
                // where ping had to wait.
                let [sent, received, taken]: [u64; 3] = more;
                let its_own = other == number && sent >= 3;
                let right = sent == received && sent == taken && (its_own || sent == 0);
                let name = stage.pairs[other].name;
                ensure!(right, "{}: {name} carried {more:?}", what());
            }
        }
    }
    for inner in carriage.families() {
        for pair in &stage.pairs {
            let what = || format!("{}, inner {inner:?}", pair.name);
            // What is too big for the tunnel is answered in the world that it is of.
            probe::told_too_big(&pair.a, inner.b(), MTU + 1, MTU).with_context(what)?;
            probe::forget_path_mtus(&pair.a, inner)?;
            named(pair, inner).with_context(what)?;
        }
    }
    Ok(())
}

/// [`carried`], when nothing is on its way any more.
fn settled(stage: &Stage, ours: &DpUser, devices: &[Devices<'_>]) -> Result<Vec<[u64; 3]>> {
    let mut last = Vec::new();
    let settled = wait::until(wait::SOON, "counters at rest", || {
        let now = carried(stage, ours, devices).map_err(|error| format!("{error:#}"))?;
        let before = std::mem::replace(&mut last, now.clone());
        if now == before { Ok(now) } else { Err(format!("{now:?}")) }
    })?;
    Ok(settled)
}

/// For each pair, what our data plane has sent and received, and what M's devices have received.
fn carried(stage: &Stage, ours: &DpUser, devices: &[Devices<'_>]) -> Result<Vec<[u64; 3]>> {
    let each = stage.pairs.iter().zip(devices).map(|(pair, devices)| {
        let counters = ours.counters(pair.node()).context("it is bound")?;
        Ok([counters.sent_packets, counters.received_packets, devices.received()?])
    });
    each.collect()
}

/// Asked for its name, the subscriber of a pair says the pair's.
fn named(pair: &Pair, inner: Family) -> Result<()> {
    let address: std::net::IpAddr = inner.b().parse()?;
    let listener = within(&pair.m, || TcpListener::bind((address, 0)))??;
    let at = listener.local_addr()?;
    let name = pair.name;
    let said = thread::scope(|scope| -> Result<String> {
        let saying = scope.spawn(move || listener.accept()?.0.write_all(name.as_bytes()));
        let mut stream = within(&pair.a, || TcpStream::connect(at))??;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        saying.join().map_err(|_| anyhow!("the subscriber panicked"))??;
        Ok(said)
    })?;
    ensure!(said == name, "the subscriber calls itself {said}");
    Ok(())
}

/// A pair comes, goes and comes again while another one is served.
pub fn in_service(carriage: &Carriage) -> Result<()> {
    let stage = Stage::set()?;
    let [red, blue] = &stage.pairs[..] else { return Err(anyhow!("there are two pairs")) };
    let mut ours = DpUser::start(Side::Anchor)?;
    let _devices = [carriage.make(&red.m)?, carriage.make(&blue.m)?];
    let enter = |ours: &mut DpUser, pair: &Pair| -> Result<()> {
        stage.apply(ours, &pair.enter()?)?;
        pair.route(&stage.l)?;
        stage.apply(ours, &[pair.bind(carriage)?])?;
        for inner in carriage.families() {
            probe::until_answered(&pair.a, inner.b()).with_context(|| pair.name.to_owned())?;
        }
        Ok(())
    };
    enter(&mut ours, red)?;
    for _ in 0..2 {
        enter(&mut ours, blue)?;
        let master = stage.l.ip(&format!("-o link show {} vrf blue", blue.device()))?;
        ensure!(master.contains(&format!("mtu {DEVICE_MTU}")), "in the VRF device: {master}");
        stage.apply(&mut ours, &blue.leave()?)?;
        let there = stage.l.ip(&format!("link show {}", blue.device()));
        ensure!(there.is_err(), "it is there still: {there:?}");
        for inner in carriage.families() {
            probe::answered(&red.a, inner.b(), 500, true)?;
            probe::unanswered(&blue.a, inner.b())?;
        }
    }
    let refused = stage.apply(&mut ours, &[blue.bind(carriage)?]);
    ensure!(refused.is_err(), "it is bound in a world that was left");
    Ok(())
}
