//! Authenticated updates a second: kedged with few, many and very many bindings against a bare UDP
//! echo server, the same load on all.
//!
//! ```text
//!   gateways tp0 ════ tp0 anchor        kedged, or udp-echo on the same port
//! ```
//!
//! Each server has a processor of its own, if there are two; the load, which this process sends,
//! has another. A de-registration counts when it is answered; the end of the binding, after the
//! delete wait, falls into a pause. Indications to the gateways that nodes leave are not answered.

use std::{fs, net::SocketAddr, process::Command, sync::LazyLock, thread, time::Duration};

use kedge_lab::{
    Daemon, Domain, Host, Lab, LabError, Link, Process, Result,
    domain::{ANCHOR, GATEWAYS, KEY, Plan, REALM, Transport},
    load::{Load, Step, Updates},
    programs, wait,
};
use kedge_wire::auth::Key;

use crate::{Outcome, ROUNDS, table::median};

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// In the order of a round.
const STEPS: [(&str, Step, usize); 4] = [
    ("refresh", Step::Refresh, 50_000),
    ("handover", Step::HandOver, 8_000),
    ("de-registration", Step::Deregister, 8_000),
    ("initial registration", Step::Register, 8_000),
];
/// How far apart nodes are that follow one another: prime to every size.
const APART: usize = 7_919;
/// Mobility Headers over IPv4 (RFC 5844 section 4.1).
pub const PORT: u16 = 5436;
const DELETE_WAIT: u32 = 100;

pub fn measure() -> Outcome<()> {
    let mut echo = Pair::set(SIZES[0], |anchor| {
        let lab = programs::find("kedge-lab")?;
        let listen = format!("{}:{PORT}", ANCHOR.0);
        let mut echo = anchor.spawn("echo", &lab.to_string_lossy(), &["udp-echo", &listen])?;
        echo.wait_output(Duration::from_secs(5), "the echo server to listen", |log| {
            log.contains("listening").then_some(())
        })?;
        Ok(Server::Echo(echo))
    })?;
    let mut anchors = Vec::new();
    let mut octets = Vec::new();
    for size in SIZES {
        eprintln!("signalling, {size} bindings");
        let mut pair = Pair::set(size, |anchor| {
            Ok(Server::Kedged(Daemon::start_quietly(anchor, &config(size))?))
        })?;
        let before = pair.server.resident()?;
        pair.rate(Step::Register, 0..size)?;
        octets.push((pair.server.resident()? - before) / size as f64);
        anchors.push(pair);
    }
    let mut echoed = Vec::new();
    let mut rates = STEPS.map(|_| SIZES.map(|_| Vec::new()));
    for round in 0..ROUNDS {
        eprintln!("signalling, round {} of {ROUNDS}", round + 1);
        echoed.push(echo.rate(Step::Refresh, scattered(0..STEPS[0].2, SIZES[0]))?);
        for (place, pair) in anchors.iter_mut().enumerate() {
            for (rates, (_, step, updates)) in rates.iter_mut().zip(STEPS) {
                // Every node once, but for refreshes; and others than in the round before.
                let updates =
                    if step == Step::Refresh { updates } else { updates.min(SIZES[place]) };
                let numbers = round * updates..(round + 1) * updates;
                rates[place].push(pair.rate(step, scattered(numbers, SIZES[place]))?);
                if step == Step::Deregister {
                    wait::pause(Duration::from_millis(2 * u64::from(DELETE_WAIT)));
                }
            }
        }
    }
    print(&echoed, &rates, &octets);
    Ok(())
}

fn print(echoed: &[f64], rates: &[[Vec<f64>; SIZES.len()]], octets: &[f64]) {
    println!(
        "\nSignalling, thousands a second: medians of {ROUNDS} interleaved rounds, ratio to the \
         echo server and to {} bindings\n",
        SIZES[0]
    );
    println!("  {:<24}{:>14.1}", "UDP echo server", median(echoed.to_vec()));
    print!("\n  {:<24}", "kedged, bindings");
    SIZES.iter().for_each(|size| print!("{size:>24}"));
    for ((name, ..), rates) in STEPS.iter().zip(rates) {
        print!("\n  {name:<24}");
        for own in rates {
            let to = |others: &[f64]| median(own.iter().zip(others).map(|(a, b)| a / b).collect());
            let (echo, few) = (to(echoed), to(&rates[0]));
            print!("{:>10.1} ({echo:.2}; {few:.2})", median(own.clone()));
        }
    }
    // Of so few bindings, the memory tells nothing.
    print!("\n  {:<24}{:>24}", "octets a binding", "");
    octets.iter().skip(1).for_each(|octets| print!("{octets:>24.0}"));
    println!();
}

fn scattered(numbers: std::ops::Range<usize>, size: usize) -> impl Iterator<Item = usize> {
    numbers.map(move |number| number * APART % size)
}

/// The domain's anchor with room for this many nodes.
pub fn config(bindings: usize) -> String {
    let plan = Plan { transport: Transport::Ipv4, delete_wait: DELETE_WAIT, ..Plan::default() };
    Domain::lma_config(&plan)
        .replace("bce maximum 1000", &format!("bce maximum {bindings}"))
        .replace("bce lifetime 300", "bce lifetime 3000")
        .replace("203.0.113.0 pool-prefix 24", "10.0.0.0 pool-prefix 8")
        .replace("2001:db8:100:: pool-prefix 56", "2001:db8:100:: pool-prefix 40")
}

/// The gateways' host and an anchor's host with something that answers.
pub struct Pair {
    pub gateways: Updates,
    pub server: Server,
    // Last: it removes the rest.
    _lab: Lab,
}

pub enum Server {
    Echo(Process),
    Kedged(Daemon),
}

impl Pair {
    pub fn set(bindings: usize, serve: impl Fn(&Host) -> Result<Server>) -> Result<Self> {
        let lab = Lab::new("kedge-bench")?;
        let (gateway, anchor) = (lab.host("gateway")?, lab.host("anchor")?);
        Link::between(&gateway, "tp0", &anchor, "tp0")?;
        for (_, address, _) in GATEWAYS {
            gateway.address("tp0", &format!("{address}/24"))?;
        }
        anchor.address("tp0", &format!("{}/24", ANCHOR.0))?;
        anchor.address("tp0", &format!("{}/64", ANCHOR.1))?;
        let server = serve(&anchor)?;
        apart(server.id())?;
        let load = Load {
            gateways: GATEWAYS.map(|(_, address, _)| SocketAddr::from((address, PORT))),
            anchor: SocketAddr::from((ANCHOR.0, PORT)),
            bindings,
            realm: REALM.to_owned(),
            key: Key::new(KEY.0, KEY.1.as_bytes()),
        };
        let sockets = gateway.inside(|| load.open())?;
        let gateways = Updates::new(load, sockets);
        Ok(Self { gateways, server, _lab: lab })
    }

    /// Thousands of updates a second.
    pub fn rate(&mut self, step: Step, nodes: impl Iterator<Item = usize>) -> Outcome<f64> {
        let count = self.gateways.run(step, nodes)?;
        let good = match self.server {
            Server::Echo(_) => count.answered,
            Server::Kedged(_) => count.accepted,
        } as f64;
        // An update that is refused or lost would flatter the rate of those that are not.
        if good < 0.99 * count.sent as f64 {
            return Err(LabError::Unexpected(format!("{step:?}: {count:?}")).into());
        }
        Ok(good / count.took.as_secs_f64() / 1e3)
    }
}

impl Server {
    pub fn id(&self) -> u32 {
        match self {
            Self::Echo(process) => process.id(),
            Self::Kedged(daemon) => daemon.id(),
        }
    }

    /// The memory it has in use, in octets (proc_pid_statm(5)).
    fn resident(&self) -> Outcome<f64> {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.id()))?;
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
        pages.map(|pages| pages * 4096.0).ok_or_else(|| format!("statm is {statm:?}").into())
    }
}

/// Gives a server a processor of its own, if there are two, and says whether it has one: this
/// process keeps to the other.
pub fn apart(server: u32) -> Result<bool> {
    // A process that keeps to one processor is told of no other: asked once, before it does.
    static PROCESSORS: LazyLock<usize> =
        LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));
    let apart = *PROCESSORS > 1;
    if apart {
        pin(std::process::id(), 0)?;
        pin(server, 1)?;
    }
    Ok(apart)
}

/// Keeps every thread of a process on one processor.
fn pin(process: u32, processor: usize) -> Result<()> {
    let mut command = Command::new("taskset");
    command.args(["-a", "-c", "-p", &processor.to_string(), &process.to_string()]);
    match command.output() {
        Ok(out) if out.status.success() => Ok(()),
        other => Err(LabError::Unexpected(format!("taskset: {other:?}"))),
    }
}
