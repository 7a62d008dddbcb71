//! TCP throughput and small-packet rate, through the kernel and through kedged.

use std::{net::Ipv4Addr, time::Duration};

use kedge_lab::{
    Daemon, Domain, Host, Lab, LabError, Link, Process, Result,
    domain::{ANCHOR, Encapsulation, GATEWAYS, MAC, Plan, Transport},
    load::PAYLOAD,
    node, programs, wait,
};

use crate::{
    Outcome, ROUNDS, fastd, number,
    table::{self, Row},
};

/// Inner MTU of every path: what fits the largest of the encapsulations.
const MTU: u32 = 1400;
/// Length of one measurement.
const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(20);
/// The port nobody listens on: its packets are dropped as they enter the node.
const DISCARD: u16 = 9;
/// Octets of a small packet on the node's interface: Ethernet, IPv4 and UDP headers, payload.
const SMALL: u64 = 14 + 20 + 8 + PAYLOAD as u64;
/// Octets of the largest packet between anchor and gateway.
const LARGE: u64 = 14 + 1500;

/// How packets get from the anchor's host to the gateway's.
#[derive(Clone, Copy)]
enum Kind {
    Plain,
    Vxlan,
    Fastd,
    Kedge(Transport, Encapsulation),
}

const KERNEL: [(&str, Kind); 2] =
    [("kernel forwarding", Kind::Plain), ("kernel VXLAN", Kind::Vxlan)];
/// Measured where it is installed.
const OTHERS: [(&str, Kind); 1] = [("fastd, without encryption", Kind::Fastd)];
const KEDGE: [(&str, Kind); 3] = [
    ("kedged, UDP over IPv4", Kind::Kedge(Transport::Ipv4, Encapsulation::Udp)),
    ("kedged, GRE with key over IPv4", Kind::Kedge(Transport::Ipv4, Encapsulation::Gre)),
    ("kedged, IPv4 in IPv6", Kind::Kedge(Transport::Ipv6, Encapsulation::IpInIp)),
];

/// Measures and prints; without `kedge` only what the kernel does.
pub fn measure(kedge: bool) -> Outcome<()> {
    let comparable = fastd::is_installed();
    if !comparable {
        eprintln!("fastd is not installed: no figures of it");
    }
    let others = OTHERS.iter().filter(|_| comparable);
    let kinds = KERNEL.iter().chain(others).chain(KEDGE.iter().filter(|_| kedge));
    let paths: Vec<(&str, Line)> =
        kinds.map(|(name, kind)| Ok((*name, Line::set(*kind)?))).collect::<Result<_>>()?;
    let mut rows: Vec<Row> = paths.iter().map(|(name, _)| Row::new(name, 2)).collect();
    for round in 1..=ROUNDS {
        eprintln!("forwarding, round {round} of {ROUNDS}");
        for ((_, line), row) in paths.iter().zip(&mut rows) {
            row.figures[0].push(line.tcp()?);
            row.figures[1].push(line.small_packets()?);
        }
    }
    table::print("Forwarding", &["TCP, Gbit/s", "64 octets, kpps"], &rows);
    Ok(())
}

/// One path from the correspondent to the mobile node.
struct Line {
    cn: Host,
    mag: Host,
    mn: Host,
    target: Ipv4Addr,
    /// Daemons and servers, which end with the lab.
    _running: Running,
    // Last: it removes the rest.
    _lab: Lab,
}

#[derive(Default)]
struct Running {
    daemons: Vec<Daemon>,
    programs: Vec<Process>,
}

impl Line {
    fn set(kind: Kind) -> Result<Self> {
        let lab = Lab::new("kedge-bench")?;
        let [cn, lma, mag, mn] = ["cn", "lma", "mag1", "mn"].map(|name| lab.host(name));
        let (cn, lma, mag, mn) = (cn?, lma?, mag?, mn?);
        Link::between(&cn, "eth0", &lma, "core0")?;
        Link::between(&lma, "tp0", &mag, "tp0")?.as_on_a_wire()?;
        mn.ip("link add eth0 type veth peer name node0")?;
        mn.ip(&format!("link set node0 name acc0 netns {}", mag.namespace()))?;
        mn.ip(&format!("link set eth0 address {MAC} up"))?;
        for (host, interface, address) in [
            (&cn, "eth0", "198.51.100.10/24".to_owned()),
            (&lma, "core0", "198.51.100.1/24".to_owned()),
            (&lma, "tp0", format!("{}/24", ANCHOR.0)),
            (&lma, "tp0", format!("{}/64", ANCHOR.1)),
            (&mag, "tp0", format!("{}/24", GATEWAYS[0].1)),
            (&mag, "tp0", format!("{}/64", GATEWAYS[0].2)),
        ] {
            host.address(interface, &address)?;
        }
        cn.route(&format!("default via 198.51.100.1 mtu {MTU}"))?;
        lma.router()?;
        mag.router()?;
        mag.ip("link set acc0 up")?;
        // Datagrams go to the node one by one, as on a real link. Of these paths only kedged's
        // makes trains of them, which would cross whole otherwise.
        mag.offload("acc0", "tx-udp-segmentation off")?;

        let mut running = Running::default();
        let target = match kind {
            Kind::Plain => by_routes(&lma, &mag, &mn)?,
            Kind::Vxlan => by_vxlan(&lma, &mag, &mn)?,
            Kind::Fastd => {
                running.programs.extend(fastd::join(&lma, &mag, MTU)?);
                through_ends(&lma, &mag, &mn)?
            }
            Kind::Kedge(transport, encapsulation) => {
                let plan = Plan { transport, encapsulation, ..Plan::default() };
                by_kedge(&lma, &mag, &mn, &plan, &mut running)?
            }
        };
        running.programs.push(mn.spawn("iperf3", "iperf3", &["-s"])?);
        let line = Self { cn, mag, mn, target, _running: running, _lab: lab };
        line.discard()?;
        wait::until(LIMIT, &format!("{target} to answer"), || {
            line.cn.exec("ping", &["-nqc1", "-W1", &target.to_string()]).map_err(|e| e.to_string())
        })?;
        Ok(line)
    }

    /// Small packets end where they enter the node, so that its stack is no part of the figure.
    fn discard(&self) -> Result<()> {
        let chain = "{ type filter hook ingress device eth0 priority 0; }";
        self.mn.exec("nft", &["add", "table", "netdev", "bench"])?;
        self.mn.exec("nft", &["add", "chain", "netdev", "bench", "entry", chain])?;
        let port = DISCARD.to_string();
        let rule = ["add", "rule", "netdev", "bench", "entry", "udp", "dport", &port, "drop"];
        self.mn.exec("nft", &rule).map(drop)
    }

    /// Gbit/s of one stream, as the receiver counts them.
    fn tcp(&self) -> Result<f64> {
        let (target, seconds) = (self.target.to_string(), SECOND.as_secs().to_string());
        let args = ["-c", &target, "-t", &seconds, "-f", "k"];
        let before = Count::of(&self.mag, "tp0")?;
        let said = wait::until(LIMIT, "iperf3 to measure", || {
            self.cn.exec("iperf3", &args).map_err(|e| e.to_string())
        })?;
        Count::of(&self.mag, "tp0")?.since(&before).are_apart(LARGE)?;
        let line = said.lines().find(|l| l.trim_end().ends_with("receiver"));
        let kilobits = line.and_then(|l| {
            let mut words = l.split_whitespace().rev();
            words.find(|w| w.ends_with("bits/sec"))?;
            words.next()?.parse::<f64>().ok()
        });
        kilobits
            .map(|k| k / 1e6)
            .ok_or_else(|| LabError::Unexpected(format!("iperf3 said {said:?}")))
    }

    /// Thousands of small packets a second that reach the node.
    fn small_packets(&self) -> Result<f64> {
        let lab = programs::find("kedge-lab")?;
        let to = format!("{}:{DISCARD}", self.target);
        let length = SECOND.as_millis().to_string();
        let before = Count::of(&self.mn, "eth0")?;
        let said = self.cn.exec(&lab.to_string_lossy(), &["udp-flood", &to, &length])?;
        let count = Count::of(&self.mn, "eth0")?.since(&before);
        count.are_apart(SMALL)?;
        // The interface counts the odd neighbour discovery, too.
        let arrived = count.packets as f64;
        if number(&said, "sent=")? * 1.01 < arrived {
            return Err(LabError::Unexpected(format!("{arrived} arrived of {said}")));
        }
        Ok(arrived / SECOND.as_secs_f64() / 1e3)
    }
}

/// What an interface has received.
struct Count {
    packets: u64,
    octets: u64,
}

impl Count {
    fn of(host: &Host, interface: &str) -> Result<Self> {
        let [packets, octets] = ["rx_packets", "rx_bytes"].map(|c| host.counter(interface, c));
        Ok(Self { packets: packets?, octets: octets? })
    }

    fn since(&self, before: &Self) -> Self {
        let (packets, octets) = (self.packets - before.packets, self.octets - before.octets);
        Self { packets, octets }
    }

    /// Fails if these are more octets than so many packets have, by more than the odd packet of
    /// the measurement before: a train that crossed whole counts as one, and no wire carries it.
    fn are_apart(&self, largest: u64) -> Result<()> {
        let Self { packets, octets } = self;
        if *octets <= packets * largest * 11 / 10 {
            return Ok(());
        }
        Err(LabError::Unexpected(format!("{octets} octets in {packets} packets, in trains")))
    }
}

const NODE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);

/// The node's address and routes where no daemon gives them.
fn number_node(mag: &Host, mn: &Host) -> Result<Ipv4Addr> {
    mag.address("acc0", "203.0.113.1/24")?;
    mn.address("eth0", &format!("{NODE}/24"))?;
    mn.route(&format!("default via 203.0.113.1 mtu {MTU}"))?;
    Ok(NODE)
}

fn by_routes(lma: &Host, mag: &Host, mn: &Host) -> Result<Ipv4Addr> {
    lma.route(&format!("203.0.113.0/24 via {}", GATEWAYS[0].1))?;
    mag.route(&format!("default via {}", ANCHOR.0))?;
    number_node(mag, mn)
}

fn by_vxlan(lma: &Host, mag: &Host, mn: &Host) -> Result<Ipv4Addr> {
    let (anchor, gateway) = (ANCHOR.0, GATEWAYS[0].1);
    for (host, local, remote, own) in
        [(lma, anchor, gateway, "10.255.0.1/30"), (mag, gateway, anchor, "10.255.0.2/30")]
    {
        host.ip(&format!(
            "link add vx0 type vxlan id 7 local {local} remote {remote} dstport 4789"
        ))?;
        host.address("vx0", own)?;
        host.ip("link set vx0 up")?;
    }
    through_ends(lma, mag, mn)
}

/// Routes through the two ends of a tunnel.
fn through_ends(lma: &Host, mag: &Host, mn: &Host) -> Result<Ipv4Addr> {
    lma.route("203.0.113.0/24 via 10.255.0.2")?;
    mag.route("default via 10.255.0.1")?;
    number_node(mag, mn)
}

/// The node gets its address as it would anywhere: from the gateway, by DHCP.
fn by_kedge(
    lma: &Host,
    mag: &Host,
    mn: &Host,
    plan: &Plan,
    running: &mut Running,
) -> Result<Ipv4Addr> {
    running.daemons.push(Daemon::start(lma, &Domain::lma_config(plan))?);
    running.daemons.push(Daemon::start(mag, &Domain::mag_config(plan, 0))?);
    let client = node::dhclient(mn)?;
    let address = wait::until(LIMIT, "the node to lease an address", || {
        let leased = mn.addresses("eth0", 4).map_err(|e| e.to_string())?;
        let first = leased.first().and_then(|a| a.split('/').next()?.parse().ok());
        first.ok_or_else(|| format!("{leased:?}"))
    })?;
    let route = wait::until(LIMIT, "the node's default route", || {
        let route = mn.ip("route show default").map_err(|e| e.to_string())?;
        if route.starts_with("default") { Ok(route) } else { Err(route) }
    })?;
    // Its socket is shown all that enters the node, which on the other paths nobody is.
    drop(client);
    mn.ip(&format!("route replace {} mtu {MTU}", route.trim_end()))?;
    Ok(address)
}
