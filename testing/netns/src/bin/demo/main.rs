//! `kedge-demo`: a node keeps its addresses while it roams.
//!
//! Draws the domain of [`kedge_lab::domain`], starts an anchor and two gateways in it, lets an
//! ordinary Linux host attach, and moves it MAG1 → MAG2 → MAG1 under a ping of each family and
//! one TCP transfer. Each step is narrated as it happens. The exit status is 0 only if the
//! addresses stayed, the transfer arrived intact, every daemon ended cleanly and nothing was left
//! on the host.

mod host;
mod narrator;

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::ExitCode,
    thread,
    time::Duration,
};

use host::Snapshot;
use kedge_lab::{
    Daemon, Domain, Lab, LabError, Ping, Transfer,
    domain::{CORRESPONDENT, GATEWAYS, Plan, Transport},
    interrupted,
};
use narrator::{Narrator, moved};

/// A probe of each family every so often: the resolution of what is said about a handover.
const PROBE: Duration = Duration::from_millis(10);
/// Probes answered in a row that count as a path that works.
const STEADY: u64 = 100;
/// Octets a second of the TCP transfer.
const RATE: u64 = 4_000_000;
/// No step takes nearly this long when things work.
const LIMIT: Duration = Duration::from_secs(15);

const DRAWING: &str = concat!(
    "                             ┌── mag1 )))\n",
    "cn ────── lma ── IPv4+IPv6 ──┤              mn\n",
    "                             └── mag2 )))",
);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let say = Narrator::new();
    match demonstrate(&say) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // The signal's own thread cleans up and ends the process; a step that failed because its
        // namespace went away has nothing to add.
        Err(_) if interrupted() => loop {
            thread::park();
        },
        Err(error) => {
            eprintln!("kedge-demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demonstrate(say: &Narrator) -> Outcome<bool> {
    let before = Snapshot::take();
    say.title("Kedge: a node keeps its addresses while it roams");
    say.drawing(DRAWING);

    let lab = Lab::new("kedge-demo")?;
    let tag = lab.tag().to_owned();
    say.step("Drawing the network");
    let domain = Domain::draw(&lab)?;
    say.fact(&format!("correspondent {} and {}", CORRESPONDENT.0, CORRESPONDENT.1));

    let mut stage = Stage::set(say, domain)?;
    stage.attach(say)?;
    let stayed = stage.roam(say)?;
    let ending = stage.leave(say)?;
    let closed = lab.close();
    let tidy = closed.and_then(|()| before.unchanged(&tag));

    say.step("The promises");
    let promises = [
        say.verdict("the node kept its addresses at every gateway", stayed),
        say.verdict("the TCP connection survived with every octet right", ending.transfer),
        say.verdict("the daemons stopped cleanly", ending.stopped),
        say.verdict("nothing is left on this host", tidy),
    ];
    say.fact(&format!("done in {:.1} s", say.elapsed().as_secs_f64()));
    Ok(promises.iter().all(|kept| *kept))
}

/// How the traffic and the daemons ended.
struct Ending {
    transfer: Result<(), LabError>,
    stopped: Result<(), LabError>,
}

/// Everybody on the stage: the daemons, the node with its addresses, the traffic.
struct Stage {
    domain: Domain,
    lma: Daemon,
    mags: [Daemon; 2],
    node: Option<Node>,
}

/// The node once it is attached, and what runs over it.
struct Node {
    v4: Ipv4Addr,
    v6: Ipv6Addr,
    pings: [(&'static str, Ping); 2],
    transfer: Transfer,
}

impl Stage {
    /// Starts the three daemons. The first gateway speaks to the anchor over IPv6, the second
    /// over IPv4, so that a handover changes even the family of the transport.
    fn set(say: &Narrator, domain: Domain) -> Outcome<Self> {
        say.step("Starting the anchor and the two gateways");
        let plan = Plan::default();
        let over_ipv4 = Plan { transport: Transport::Ipv4, ..plan };
        let lma = Daemon::start(&domain.core.lma, &Domain::lma_config(&plan))?;
        let [mag1, mag2] = &domain.mags;
        let mags = [
            Daemon::start(mag1, &Domain::mag_config(&plan, 0))?,
            Daemon::start(mag2, &Domain::mag_config(&over_ipv4, 1))?,
        ];
        let [(_, _, first), (_, second, _)] = GATEWAYS;
        say.fact(&format!(
            "mag1 reaches the anchor over IPv6 ({first}), mag2 over IPv4 ({second})"
        ));
        Ok(Self { domain, lma, mags, node: None })
    }

    /// The node comes into range of the first gateway and gets its addresses.
    fn attach(&mut self, say: &Narrator) -> Outcome<()> {
        say.step("The mobile node comes into range of mag1");
        self.domain.attach(0)?;
        let mn = &mut self.domain.mn;
        mn.start_dhcp()?;
        let v6 = mn.wait_ipv6(LIMIT)?;
        say.fact(&format!("IPv6 {v6}, formed by the kernel from the router advertisement"));
        let v4 = mn.wait_ipv4(LIMIT)?;
        say.fact(&format!("IPv4 {v4}, leased by dhclient"));

        say.step("Ping in both families and one long TCP transfer begin");
        let host = mn.host();
        let (cn4, cn6) = CORRESPONDENT;
        let pings = [
            ("IPv4", Ping::start(host, "ping4", &cn4.to_string(), PROBE)?),
            ("IPv6", Ping::start(host, "ping6", &cn6.to_string(), PROBE)?),
        ];
        let mut transfer = Transfer::start(&self.domain.core.cn, IpAddr::V6(cn6), host, RATE)?;
        for (_, ping) in &pings {
            ping.wait_steady(LIMIT, 0, STEADY)?;
        }
        transfer.wait_progress(LIMIT, RATE / 10)?;
        self.node = Some(Node { v4, v6, pings, transfer });
        self.show(say, "show ipv6 mobile pmipv6 lma bindings", str::to_owned)?;
        self.show(say, "show lma-service statistics", moved)
    }

    /// MAG1 → MAG2 → MAG1, with everything counted. The inner error is an address that changed.
    fn roam(&mut self, say: &Narrator) -> Outcome<Result<(), LabError>> {
        let [(_, _, first), (_, second, _)] = GATEWAYS;
        let there = self.handover(say, 0, 1, IpAddr::V4(second))?;
        let back = self.handover(say, 1, 0, IpAddr::V6(first))?;
        self.show(say, "show ipv6 mobile pmipv6 lma bindings", str::to_owned)?;
        self.show(say, "show lma-service statistics", moved)?;
        Ok(there.and(back))
    }

    fn handover(
        &mut self,
        say: &Narrator,
        from: usize,
        to: usize,
        care_of: IpAddr,
    ) -> Outcome<Result<(), LabError>> {
        say.step(&format!("The node moves from {} to {}", GATEWAYS[from].0, GATEWAYS[to].0));
        let node = self.node.as_mut().ok_or("the node is not attached")?;
        let before = node.pings.each_ref().map(|(_, ping)| ping.newest());
        self.domain.roam(from, to)?;
        for ((family, ping), before) in node.pings.iter().zip(before) {
            let after = ping.wait_steady(LIMIT, before, STEADY)?;
            let span = ping.span(before, after);
            say.fact(&format!(
                "{family}: {} of {} probes lost, handover {} ms",
                span.lost,
                span.sent,
                span.silence.as_millis()
            ));
        }
        let arrived = node.transfer.wait_progress(LIMIT, RATE / 10)?;
        let (v4, v6) = (node.v4, node.v6);
        say.fact(&format!("TCP: the connection goes on, {:.1} MB so far", arrived as f64 / 1e6));

        self.wait_care_of(care_of)?;
        say.fact(&format!("the anchor's binding points to {care_of}"));

        let held = (self.domain.mn.ipv4()?, self.domain.mn.ipv6()?);
        let names: Vec<String> = held
            .0
            .iter()
            .map(ToString::to_string)
            .chain(held.1.iter().map(ToString::to_string))
            .collect();
        say.fact(&format!("the node has {}", names.join(" and ")));
        if held == (vec![v4], vec![v6]) {
            return Ok(Ok(()));
        }
        Ok(Err(LabError::Unexpected(format!("it had {v4} and {v6}"))))
    }

    /// The anchor names the gateway's address in its binding.
    fn wait_care_of(&self, care_of: IpAddr) -> Result<(), LabError> {
        let wanted = care_of.to_string();
        kedge_lab::wait::until(LIMIT, &format!("the anchor to name {wanted}"), || {
            match self.lma.kedge("show ipv6 mobile pmipv6 lma bindings") {
                Ok(listing) if listing.contains(&wanted) => Ok(()),
                Ok(listing) => Err(listing),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    /// Ends the traffic and the daemons.
    fn leave(mut self, say: &Narrator) -> Outcome<Ending> {
        say.step("The transfer ends, then the daemons");
        let node = self.node.take().ok_or("the node is not attached")?;
        let transfer = node.transfer.finish(LIMIT).map(|outcome| {
            say.fact(&format!(
                "TCP: {:.1} MB arrived; the longest pause was {} ms",
                outcome.octets as f64 / 1e6,
                outcome.longest_stall.as_millis()
            ));
        });
        for (_, ping) in node.pings {
            ping.stop()?;
        }
        let mut daemons = self.mags.iter_mut().chain([&mut self.lma]);
        Ok(Ending { transfer, stopped: daemons.try_for_each(Daemon::stop) })
    }

    fn show(&self, say: &Narrator, command: &str, render: fn(&str) -> String) -> Outcome<()> {
        say.terminal("lma1", command, &render(&self.lma.kedge(command)?));
        Ok(())
    }
}
