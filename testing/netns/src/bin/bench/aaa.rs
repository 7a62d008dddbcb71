//! Registrations a second without RADIUS, with accounting, with authorization, and with both.
//!
//! ```text
//!   gateways tp0 ════ tp0 anchor, kedged ──── eth0 FreeRADIUS
//! ```
//!
//! FreeRADIUS has local users and writes its records into a file. An update counts when it is
//! accepted: with authorization that is after the server's answer, with accounting once the record
//! is written down by kedged; the server takes it when it can, and how fast it does is measured,
//! too. What FreeRADIUS answers its own client, radclient, stands beside them. Everything shares the
//! processors.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    time::{Duration, Instant},
};

use kedge_lab::{
    Daemon, Domain, FreeRadius, Host, Lab, LabError, Link, Result,
    domain::{ANCHOR, GATEWAYS, KEY, Plan, REALM, Transport},
    freeradius::{Asked, SECRET, Setup},
    load::{Load, Step, Updates},
    wait,
};
use kedge_wire::auth::Key;

use crate::{Outcome, ROUNDS, signalling::PORT, table::median};

/// Registered in a round.
const NODES: usize = 10_000;
const DELETE_WAIT: u32 = 100;
/// Requests that radclient has unanswered.
const AT_A_TIME: usize = 64;
const SOON: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(120);

/// What RADIUS is used for.
#[derive(Clone, Copy)]
struct Use {
    name: &'static str,
    accounting: bool,
    authorization: bool,
}

const USES: [Use; 4] = [
    Use { name: "without", accounting: false, authorization: false },
    Use { name: "accounting", accounting: true, authorization: false },
    Use { name: "authorization", accounting: false, authorization: true },
    Use { name: "both", accounting: true, authorization: true },
];

pub fn measure() -> Outcome<()> {
    let lab = Lab::new("kedge-bench")?;
    let host = lab.host("server")?;
    host.ip("link set lo up")?;
    let mut users = String::new();
    for node in 0..NODES {
        writeln!(users, "load{node}@{REALM} Auth-Type := Accept\n  Framed-Pool = \"home\"")?;
    }
    let setup = Setup { users: &users, ..Setup::default() };
    let server = FreeRadius::start(&host, &setup)?;
    let bare = |asked| {
        let users = (0..NODES).map(|node| format!("load{node}@{REALM}"));
        server.answers_a_second(&setup, asked, users, AT_A_TIME).map(|rate| rate / 1e3)
    };
    let stages: Result<Vec<Stage>> =
        (1..).zip(USES).map(|(number, of)| Stage::set(&lab, &host, number, of)).collect();
    let mut stages = stages?;
    let (mut access, mut accounting) = (Vec::new(), Vec::new());
    let mut rates = USES.map(|_| [Vec::new(), Vec::new()]);
    for round in 0..ROUNDS {
        eprintln!("aaa, round {} of {ROUNDS}", round + 1);
        access.push(bare(Asked::Access)?);
        accounting.push(bare(Asked::Accounting)?);
        for (stage, rates) in stages.iter_mut().zip(&mut rates) {
            let (registered, taken) = stage.register()?;
            rates[0].push(registered);
            rates[1].extend(taken);
            stage.deregister()?;
        }
    }
    println!(
        "\nRegistrations with RADIUS, thousands a second: medians of {ROUNDS} interleaved rounds of \
         {NODES}, ratio to those without\n\n  {:<24}{:>22}{:>22}",
        "", "registered", "records taken"
    );
    for (of, [registered, taken]) in USES.iter().zip(&rates) {
        let ratios = registered.iter().zip(&rates[0][0]).map(|(own, first)| own / first).collect();
        let ratio = median(ratios);
        print!("  {:<24}{:>14.1} ({ratio:.2})", of.name, median(registered.clone()));
        match taken.is_empty() {
            true => println!(),
            false => println!("{:>22.1}", median(taken.clone())),
        }
    }
    let [access, accounting] = [access, accounting].map(median);
    println!("  FreeRADIUS to radclient: {access:.1} Access-, {accounting:.1} Accounting-Requests");
    Ok(())
}

/// Gateways and an anchor.
struct Stage {
    of: Use,
    gateways: Updates,
    anchor: Daemon,
}

impl Stage {
    fn set(lab: &Lab, server: &Host, number: u8, of: Use) -> Result<Self> {
        let (gateway, host) =
            (lab.host(&format!("gateway{number}"))?, lab.host(&format!("anchor{number}"))?);
        Link::between(&gateway, "tp0", &host, "tp0")?;
        for (_, address, _) in GATEWAYS {
            gateway.address("tp0", &format!("{address}/24"))?;
        }
        host.address("tp0", &format!("{}/24", ANCHOR.0))?;
        host.address("tp0", &format!("{}/64", ANCHOR.1))?;
        let device = format!("eth{number}");
        Link::between(server, &device, &host, "aaa0")?;
        server.address(&device, &format!("198.51.{number}.10/24"))?;
        host.address("aaa0", &format!("198.51.{number}.1/24"))?;
        let anchor = Daemon::start_quietly(&host, &configuration(number, of))?;
        let load = Load {
            gateways: GATEWAYS.map(|(_, address, _)| SocketAddr::from((address, PORT))),
            anchor: SocketAddr::from((ANCHOR.0, PORT)),
            bindings: NODES,
            realm: REALM.to_owned(),
            key: Key::new(KEY.0, KEY.1.as_bytes()),
        };
        let sockets = gateway.inside(|| load.open())?;
        Ok(Self { of, gateways: Updates::new(load, sockets), anchor })
    }

    /// Thousands of nodes a second that are registered, and of records that the server takes.
    fn register(&mut self) -> Outcome<(f64, Option<f64>)> {
        let start = Instant::now();
        let (mut accepted, mut took) = (0, Duration::ZERO);
        for nodes in stretches() {
            let count = self.gateways.run(Step::Register, nodes)?;
            (accepted, took) = (accepted + count.accepted, took + count.took);
        }
        if accepted != NODES as u64 {
            let why = format!("{}: {accepted} accepted; {}", self.of.name, self.anchor.log());
            return Err(LabError::Unexpected(why).into());
        }
        let taken = if self.of.accounting {
            self.wait_taken()?;
            Some(NODES as f64 / start.elapsed().as_secs_f64() / 1e3)
        } else {
            None
        };
        Ok((NODES as f64 / took.as_secs_f64() / 1e3, taken))
    }

    /// Until no node is left: what the generator gives up waiting for, a slow machine still does.
    fn deregister(&mut self) -> Outcome<()> {
        loop {
            for nodes in stretches() {
                self.gateways.run(Step::Deregister, nodes)?;
            }
            let gone = wait::until(SOON, "the last binding to end", || {
                let shown = self.anchor.kedge("show ipv6 mobile pmipv6 lma bindings");
                match shown.map_err(|error| error.to_string())?.contains('@') {
                    false => Ok(()),
                    true => Err("there are some".to_owned()),
                }
            });
            match gone {
                Ok(()) if self.of.accounting => return self.wait_taken(),
                Ok(()) => return Ok(()),
                Err(LabError::Timeout { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Until no record waits for the server.
    fn wait_taken(&self) -> Outcome<()> {
        wait::until(LONG, "the server to take every record", || {
            let shown = self.anchor.kedge("show radius accounting");
            let shown = shown.map_err(|error| error.to_string())?;
            let waiting = shown.lines().find(|line| line.contains("that wait"));
            match waiting.is_some_and(|line| line.contains(" 0, 0 on")) {
                true => Ok(()),
                false => Err(shown),
            }
        })?;
        Ok(())
    }
}

/// All nodes, so many at a time that the last update is not too old for the anchor when it is sent.
fn stretches() -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..NODES).step_by(2_000).map(|first| first..first + 2_000)
}

fn configuration(number: u8, Use { accounting, authorization, .. }: Use) -> String {
    let plan = Plan { transport: Transport::Ipv4, delete_wait: DELETE_WAIT, ..Plan::default() };
    let (realm, anchor) = (format!(" nai @{REALM}\n"), "domain example.net\n address ipv4");
    let mut config = Domain::lma_config(&plan)
        .replace("bce maximum 1000", &format!("bce maximum {NODES}"))
        .replace("bce lifetime 300", "bce lifetime 3000")
        .replace("203.0.113.0 pool-prefix 24", "10.0.0.0 pool-prefix 16")
        .replace("2001:db8:100:: pool-prefix 56", "2001:db8:100:: pool-prefix 40");
    if authorization {
        // Nobody is known here; the server knows everybody.
        let known = format!("{realm}  network home\n  service dual\n !\n");
        config = config.replace(&known, " mn-profile-load-aaa\n");
    }
    if accounting {
        config = config.replace(anchor, "domain example.net\n aaa accounting\n address ipv4");
        config = format!("aaa accounting mobile default group radius\n{config}");
    }
    let servers = format!(
        "radius-server host 198.51.{number}.10 auth-port 1812 acct-port 1813\n key {SECRET}\n!\n"
    );
    if accounting || authorization { servers + &config } else { config }
}
