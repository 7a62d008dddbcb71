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
//!
//! Of twice as many nodes as there are bindings, those that have one stand in a row. In each cycle
//! the same number at every size leaves at its beginning, comes at its end and moves between, so
//! that what differs is the size of the tables alone: neither how long a burst is nor how many
//! packets of its own the load has to look for. Of very many nodes, each that takes a step has not
//! been heard of for long.
//!
//! ```text
//!     leave ◄─┤    hand over    ┊    refresh       ├─◄ come
//! ```

use std::{fs, net::SocketAddr, process::Command, sync::LazyLock, thread, time::Duration};

use kedge_lab::{
    Daemon, Domain, Host, Lab, LabError, Link, Process, Result,
    domain::{ANCHOR, GATEWAYS, KEY, Plan, REALM, Transport},
    load::{Load, Step, Updates},
    programs, wait,
};
use kedge_wire::auth::Key;

use crate::{Outcome, table::median};

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// In the order of a round.
const STEPS: [(&str, Step); 4] = [
    ("refresh", Step::Refresh),
    ("handover", Step::HandOver),
    ("de-registration", Step::Deregister),
    ("initial registration", Step::Register),
];
/// So many, as single ones differ by a quarter: what else the host does falls on one size alone.
const ROUNDS: usize = 15;
const CYCLES: usize = 8;
/// Refreshes of a cycle.
const REFRESHES: usize = 6_000;
/// Updates of every other kind in a cycle.
const NODES: usize = SIZES[0];
/// How far apart nodes are that follow one another: prime to twice every size.
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
        let mut pair = Pair::set(2 * size, |anchor| {
            Ok(Server::Kedged(Daemon::start_quietly(anchor, &config(size))?))
        })?;
        let before = pair.server.resident()?;
        let mut first: Vec<usize> = (0..size).map(|place| scattered(place, size)).collect();
        first.sort_unstable();
        pair.rate(Step::Register, first)?;
        octets.push((pair.server.resident()? - before) / size as f64);
        anchors.push(pair);
    }
    let mut echoed = Vec::new();
    let mut rates = STEPS.map(|_| SIZES.map(|_| Vec::new()));
    for round in 0..ROUNDS {
        eprintln!("signalling, round {} of {ROUNDS}", round + 1);
        echoed.push(echo.rate(Step::Refresh, (0..CYCLES * REFRESHES).map(|n| n % SIZES[0]))?);
        for (place, pair) in anchors.iter_mut().enumerate() {
            let mut sums = STEPS.map(|_| Sum::default());
            for cycle in 0..CYCLES {
                for (sum, (_, step)) in sums.iter_mut().zip(STEPS) {
                    let nodes = nodes(step, round * CYCLES + cycle, SIZES[place]);
                    sum.add(pair.run(step, nodes)?);
                    if step == Step::Deregister {
                        wait::pause(Duration::from_millis(2 * u64::from(DELETE_WAIT)));
                    }
                }
            }
            for (rates, sum) in rates.iter_mut().zip(sums) {
                rates[place].push(sum.rate());
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
    for ((name, _), rates) in STEPS.iter().zip(rates) {
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

/// The nodes that take a step in a cycle.
fn nodes(step: Step, cycle: usize, size: usize) -> impl Iterator<Item = usize> {
    let (first, count) = match step {
        Step::Deregister => (0, NODES),
        Step::HandOver => (size / 4, NODES),
        Step::Refresh => (size / 2 + cycle * REFRESHES, REFRESHES),
        Step::Register => (size, NODES),
    };
    (first..first + count).map(move |at| {
        let place = if step == Step::Register { at } else { at % size };
        scattered(cycle * NODES + place, size)
    })
}

/// The node in a place of the row: far in any table from those beside it.
fn scattered(place: usize, size: usize) -> usize {
    place * APART % (2 * size)
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

/// Updates that were answered as they should be, and how long that took.
#[derive(Clone, Copy, Default)]
struct Sum {
    good: f64,
    took: Duration,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.good += other.good;
        self.took += other.took;
    }

    /// Thousands a second.
    fn rate(self) -> f64 {
        self.good / self.took.as_secs_f64() / 1e3
    }
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
    pub fn rate(&mut self, step: Step, nodes: impl IntoIterator<Item = usize>) -> Outcome<f64> {
        self.run(step, nodes).map(Sum::rate)
    }

    /// Updates, and how long they took.
    fn run(&mut self, step: Step, nodes: impl IntoIterator<Item = usize>) -> Outcome<Sum> {
        let count = self.gateways.run(step, nodes)?;
        let good = match self.server {
            Server::Echo(_) => count.answered,
            Server::Kedged(_) => count.accepted,
        } as f64;
        // An update that is refused or lost would flatter the rate of those that are not.
        if good < 0.99 * count.sent as f64 {
            return Err(LabError::Unexpected(format!("{step:?}: {count:?}")).into());
        }
        Ok(Sum { good, took: count.took })
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
