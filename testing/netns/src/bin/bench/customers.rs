//! What one customer notices of another's flood, and of how many others there are.
//!
//! ```text
//!   gateways of A ════ tp1 ┐
//!   gateways of B ════ tp2 ┴ anchor, kedged: A, B, and 998 others or none, each with a
//!                            namespace, a device, pools and an address of its own
//! ```
//!
//! B refreshes its bindings one after the other at a steady pace, and every answer is timed: first
//! alone, then while A sends as fast as it can, on the processor that B's gateway has (and has
//! first) but not on kedged's. A bare echo server in kedged's place shows what of that is the
//! kernel's doing. How many refreshes B gets answered at most follows, and all of that over IPv4 and
//! over IPv6, where the kernel shows a packet to every address's socket. Then an operator is timed:
//! the start with so many customers, one customer more in service, a look at the whole configuration,
//! all customers but A and B removed by one commit and added by another, and the stop; beside it, what
//! the kernel takes for as many devices.

use std::{
    fmt::Write as _,
    fs, io,
    net::UdpSocket,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use kedge_lab::{
    Daemon, Host, Lab, Link, Process, Result,
    load::{Flood, Load, Paced, Step, Updates},
    programs,
};
use kedge_wire::auth::Key;

use crate::{
    Outcome, ROUNDS,
    devices::{self, Took},
    signalling::{PORT, apart},
    table::median,
    tenants::{Over, SERVICE, configuration, customer, key, profile, vrf, without},
};

const SIZES: [usize; 2] = [2, 1_000];
/// Bindings of A and of B.
const NODES: usize = 128;
const ECHO_PORT: u16 = 5999;
/// Of B as fast as they are answered.
const REFRESHES: usize = 20_000;
const PACE: Duration = Duration::from_micros(200);
const LENGTH: Duration = Duration::from_secs(1);
const KINDS: [(&str, Option<Flood>); 4] = [
    ("B alone", None),
    ("A floods with refreshes", Some(Flood::Valid)),
    ("A floods with forged updates", Some(Flood::Forged)),
    ("A floods with noise", Some(Flood::Noise)),
];

pub fn measure() -> Outcome<()> {
    for size in SIZES {
        for over in [Over::Ipv6, Over::Ipv4] {
            eprintln!("customers, {size}, {over}");
            let stage = Stage::set(size, over)?;
            let kedged = Some((format!("kedged, {over}"), &stage.gateways));
            let echo = stage.echo.as_ref().map(|echo| (echo.name.clone(), &echo.gateways));
            for (server, gateways) in kedged.into_iter().chain(echo) {
                let mut rows = KINDS.map(|_| [const { Vec::new() }; 4]);
                let mut most = Vec::new();
                for round in 0..ROUNDS {
                    eprintln!("customers, {size}, {server}, round {} of {ROUNDS}", round + 1);
                    for (row, (_, flood)) in rows.iter_mut().zip(KINDS) {
                        let noticed = notice(gateways, flood)?;
                        row.iter_mut().zip(noticed).for_each(|(all, one)| all.push(one));
                    }
                    let count = gateways[1].updates()?.run(Step::Refresh, refreshed())?;
                    most.push(count.answered as f64 / count.took.as_secs_f64() / 1e3);
                }
                print(size, &server, &rows);
                println!("  B answered at most, k/s {:>20.1}", median(most));
            }
            if over == Over::Ipv4 {
                stage.operate(size)?;
            }
        }
    }
    Ok(())
}

/// Each of B's nodes, many times.
fn refreshed() -> impl Iterator<Item = usize> {
    (0..NODES).cycle().take(REFRESHES)
}

fn print(size: usize, server: &str, rows: &[[Vec<f64>; 4]; KINDS.len()]) {
    println!(
        "\n{size} customers, {server}, B refreshes every {} µs: medians of {ROUNDS} rounds, ratio \
         to B alone\n\n  {:<30}{:>22}{:>22}{:>22}{:>14}",
        PACE.as_micros(),
        "",
        "B answered, a second",
        "median, µs",
        "99 of 100, µs",
        "A sent, k/s",
    );
    for ((name, _), row) in KINDS.iter().zip(rows) {
        print!("  {name:<30}");
        for (own, alone) in row.iter().zip(&rows[0]).take(3) {
            let ratio = median(own.iter().zip(alone).map(|(a, b)| a / b).collect());
            print!("{:>14.0} ({ratio:>5.2})", median(own.clone()));
        }
        println!("{:>14.1}", median(row[3].clone()));
    }
}

/// A customer's gateways: what they send, and through what.
struct Gateways {
    load: Load,
    sockets: [UdpSocket; 2],
}

impl Gateways {
    fn updates(&self) -> io::Result<Updates> {
        let [one, other] = &self.sockets;
        Ok(Updates::new(self.load.clone(), [one.try_clone()?, other.try_clone()?]))
    }
}

/// An echo server that answers B at another port, where nobody reads what A sends.
struct Echo {
    name: String,
    gateways: [Gateways; 2],
    _server: Process,
    _unread: UdpSocket,
}

impl Echo {
    fn start(host: &Host, gateways: [Gateways; 2]) -> Outcome<Self> {
        let [of_a, of_b] = gateways.each_ref().map(|of_one| of_one.load.anchor);
        let unread = host.inside(|| UdpSocket::bind(of_a))?;
        let program = programs::find("kedge-lab")?;
        let arguments = ["udp-echo", &of_b.to_string()];
        let mut server = host.spawn("echo", &program.to_string_lossy(), &arguments)?;
        server.wait_output(Duration::from_secs(5), "the echo server to listen", |log| {
            log.contains("listening").then_some(())
        })?;
        if apart(server.id())? {
            first_served("--all-tasks", server.id())?;
        }
        let name = "a bare echo server".to_owned();
        Ok(Self { name, gateways, _server: server, _unread: unread })
    }
}

struct Stage {
    gateways: [Gateways; 2],
    echo: Option<Echo>,
    anchor: Daemon,
    took: Duration,
    next: String,
    worlds: Vec<Host>,
    // Last: it removes the rest.
    _lab: Lab,
}

impl Stage {
    fn set(size: usize, over: Over) -> Outcome<Self> {
        let lab = Lab::new("kedge-bench")?;
        let host = lab.host("anchor")?;
        let sites: Result<Vec<Host>> =
            [1, 2].map(|number| site(&lab, &host, number, over)).into_iter().collect();
        let sites = sites?;
        // One more than there are at the start.
        let mut addresses = String::new();
        for number in 1..=size + 1 {
            match over {
                Over::Ipv4 => writeln!(addresses, "addr add {}/32 dev tp1", over.anchor(number))?,
                Over::Ipv6 => {
                    writeln!(addresses, "addr add {}/128 dev tp1 nodad", over.anchor(number))?;
                }
            }
        }
        host.ip_batch(&addresses)?;
        let worlds = lab.worlds("v", size + 1)?;
        let (config, next) = (configuration(&worlds, 1..=size, over), customer(size + 1, over));
        let next = format!(
            "{}ipv6 mobile pmipv6-domain D1\n{} !\n{SERVICE}{next}",
            vrf(size + 1, &worlds[size]),
            profile(size + 1)
        );
        let start = Instant::now();
        let anchor = Daemon::start_quietly(&host, &config)?;
        // It answers when it is ready.
        anchor.kedge("show version")?;
        let took = start.elapsed();
        if apart(anchor.id())? {
            first_served("--all-tasks", anchor.id())?;
        }
        let gateways_of = |number: usize, port: u16| -> Outcome<Gateways> {
            let load = Load {
                gateways: [1, 2].map(|nth| (over.site(number as u8, nth), port).into()),
                anchor: (over.anchor(number), port).into(),
                bindings: NODES,
                realm: format!("cust{number}"),
                key: Key::new(0x100, key(number).as_bytes()),
            };
            let sockets = sites[number - 1].inside(|| load.open())?;
            Ok(Gateways { load, sockets })
        };
        let port = if over == Over::Ipv4 { PORT } else { 0 };
        let gateways = [gateways_of(1, port)?, gateways_of(2, port)?];
        for of_one in &gateways {
            let count = of_one.updates()?.run(Step::Register, 0..NODES)?;
            if count.accepted != NODES as u64 {
                return Err(format!("{}: {count:?}; {}", of_one.load.realm, anchor.log()).into());
            }
        }
        let echo = match over {
            Over::Ipv4 => {
                Some(Echo::start(&host, [gateways_of(1, ECHO_PORT)?, gateways_of(2, ECHO_PORT)?])?)
            }
            Over::Ipv6 => None,
        };
        Ok(Self { gateways, echo, anchor, took, next, worlds, _lab: lab })
    }

    /// What an operator does while B refreshes, and for how long B had no answer.
    fn meanwhile<T>(&self, work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, String)> {
        let (over, b) = (AtomicBool::new(false), &self.gateways[1]);
        thread::scope(|scope| {
            let refreshing = scope.spawn(|| {
                first_served("-f", nix::unistd::gettid().as_raw().cast_unsigned())?;
                let (nodes, is_over) = ((0..NODES).cycle(), || over.load(Ordering::Relaxed));
                b.updates()?.pace_until(Step::Refresh, nodes, PACE * 5, is_over)
            });
            let done = work();
            over.store(true, Ordering::Relaxed);
            let paced = refreshing.join().map_err(|_| "a thread panicked")??;
            Ok((done?, gap(&paced)))
        })
    }

    /// What an operator waits for.
    fn operate(mut self, size: usize) -> Outcome<()> {
        let time = |lines: &str| -> Outcome<(f64, String)> {
            let start = Instant::now();
            let said = self.anchor.script(lines)?;
            Ok((start.elapsed().as_secs_f64(), said))
        };
        let (nothing, _) = time("show version\n")?;
        let (shown, text) = time("show running-config\n")?;
        let one = format!("configure\n{}commit\n", self.next);
        let (added, gap) = self.meanwhile(|| time(&one))?;
        println!(
            "\n  start {:.2} s, one customer more {:.3} s{gap}, show running-config ({} lines) \
             {shown:.3} s; {nothing:.3} s of both is the terminal's start",
            self.took.as_secs_f64(),
            added.0,
            text.lines().count(),
        );
        if text.lines().filter(|l| l.contains("customer CUST") && l.contains(" vrf ")).count()
            != size
        {
            return Err("not all customers are shown".into());
        }
        let others = 3..=size + 1;
        let count = others.clone().count();
        let remove = format!("configure\n{}commit\n", without(others.clone()));
        let ((removed, _), without_removed) = self.meanwhile(|| time(&remove))?;
        let all = configuration(&self.worlds, others.clone(), Over::Ipv4);
        let file = self.anchor.config().with_file_name("all.conf");
        fs::write(&file, &all)?;
        let load = format!("configure\nload {} merge\ncommit\n", file.display());
        let ((loaded, _), without_loaded) = self.meanwhile(|| time(&load))?;
        time(&remove)?;
        let ((pasted, _), without_pasted) =
            self.meanwhile(|| time(&format!("configure\n{all}commit\n")))?;
        let start = Instant::now();
        self.anchor.stop()?;
        let stopped = start.elapsed().as_secs_f64();
        let Took { made, closed, closed_together } = devices::measure(count)?;
        println!(
            "  {count} customers by one commit: removed {removed:.2} s{without_removed}, loaded and \
             added {loaded:.2} s{without_loaded}, pasted and added {pasted:.2} s{without_pasted}; \
             stop {stopped:.2} s\n  the kernel alone, {count} TUN devices: made \
             {:.2} s, closed one by one {:.2} s, on threads {:.2} s",
            made.as_secs_f64(),
            closed.as_secs_f64(),
            closed_together.as_secs_f64(),
        );
        Ok(())
    }
}

/// The longest time that B had no answer, where that is worth a word.
fn gap(paced: &Paced) -> String {
    format!(" (B without an answer for {:.1} ms at most)", paced.longest_gap.as_secs_f64() * 1e3)
}

/// B's refreshes answered a second, the median and the 99th of 100 times in µs, and thousands a
/// second that A sent.
fn notice([a, b]: &[Gateways; 2], flood: Option<Flood>) -> Outcome<[f64; 4]> {
    let over = AtomicBool::new(false);
    let (sent, paced) = thread::scope(|scope| {
        let stop = || over.load(Ordering::Relaxed);
        let flooding = flood.map(|kind| scope.spawn(move || a.updates()?.flood(kind, stop)));
        let paced = scope.spawn(|| {
            first_served("-f", nix::unistd::gettid().as_raw().cast_unsigned())?;
            b.updates()?.pace(PACE, LENGTH)
        });
        let paced = paced.join();
        over.store(true, Ordering::Relaxed);
        (flooding.map(|flooding| flooding.join()), paced)
    });
    let panicked = |_| "a thread panicked";
    let paced = paced.map_err(panicked)??;
    let sent = sent.transpose().map_err(panicked)?.transpose()?.unwrap_or_default();
    let micros = |share| paced.within(share).as_secs_f64() * 1e6;
    let rate = |count: f64| count / LENGTH.as_secs_f64();
    Ok([rate(paced.took.len() as f64), micros(0.5), micros(0.99), rate(sent as f64) / 1e3])
}

/// Has a thread, or all of a process, run before whatever else the machine does, whenever it has
/// something to do; not what it starts from here on.
pub fn first_served(whose: &str, id: u32) -> io::Result<()> {
    let mut command = Command::new("chrt");
    command.args(["-R", whose, "-f", "-p", "1", &id.to_string()]);
    match command.output() {
        Ok(out) if out.status.success() => Ok(()),
        other => Err(io::Error::other(format!("chrt: {other:?}"))),
    }
}

/// The host of a customer's gateways. Each has a line of its own to the anchor, whose queue the
/// other cannot fill.
fn site(lab: &Lab, anchor: &Host, number: u8, over: Over) -> Result<Host> {
    let (site, device) = (lab.host(&format!("site{number}"))?, format!("tp{number}"));
    Link::between(&site, "tp0", anchor, &device)?;
    let (line, anchors) = match over {
        Over::Ipv4 => (24, "172.16.0.0/16"),
        Over::Ipv6 => (64, "2001:db8:10::/64"),
    };
    for nth in [1, 2] {
        site.address("tp0", &format!("{}/{line}", over.site(number, nth)))?;
    }
    let near = over.site(number, 254);
    anchor.address(&device, &format!("{near}/{line}"))?;
    // The kernel polls such a device; from others it takes packets into one queue for all.
    anchor.offload(&device, "gro on")?;
    site.route(&format!("{anchors} via {near}"))?;
    Ok(site)
}
