//! Authenticated refreshes a second: kedged against a bare UDP echo server, the same load on both.
//!
//! ```text
//!   gateway tp0 ════ tp0 anchor        kedged, or udp-echo on the same port
//!   pbu-load
//! ```

use std::time::Duration;

use kedge_lab::{
    Daemon, Domain, Host, Lab, LabError, Link, Process, Result,
    domain::{ANCHOR, GATEWAYS, Plan, Transport},
    programs,
};

use crate::{
    Outcome, ROUNDS, number,
    table::{self, Row},
};

/// Nodes that are refreshed in turn: a multiple of a batch that fits the home network's pools.
const BINDINGS: usize = 192;
/// Refreshes of one round: a second or so at the rates of this kind of machine.
const UPDATES: usize = 100_000;
/// Mobility Headers over IPv4 (RFC 5844 section 4.1).
const PORT: u16 = 5436;

pub fn measure() -> Outcome<()> {
    let echo = Pair::set(|anchor| {
        let lab = programs::find("kedge-lab")?;
        let listen = format!("{}:{PORT}", ANCHOR.0);
        let mut echo = anchor.spawn("echo", &lab.to_string_lossy(), &["udp-echo", &listen])?;
        echo.wait_output(Duration::from_secs(5), "the echo server to listen", |log| {
            log.contains("listening").then_some(())
        })?;
        Ok(Server { _echo: Some(echo), _daemon: None })
    })?;
    let kedged = Pair::set(|anchor| {
        let plan = Plan { transport: Transport::Ipv4, delete_wait: 100, ..Plan::default() };
        let daemon = Daemon::start(anchor, &Domain::lma_config(&plan))?;
        Ok(Server { _echo: None, _daemon: Some(daemon) })
    })?;

    let mut rows = [Row::new("UDP echo server", 1), Row::new("kedged, authenticated", 1)];
    for round in 1..=ROUNDS {
        eprintln!("signalling, round {round} of {ROUNDS}");
        rows[0].figures[0].push(echo.load("answered=")?);
        rows[1].figures[0].push(kedged.load("accepted=")?);
    }
    let title = format!("Refreshes of {BINDINGS} bindings");
    table::print(&title, &["thousands a second"], &rows);
    Ok(())
}

/// A gateway's host and an anchor's host with something that answers.
struct Pair {
    gateway: Host,
    _server: Server,
    // Last: it removes the rest.
    _lab: Lab,
}

struct Server {
    _echo: Option<Process>,
    _daemon: Option<Daemon>,
}

impl Pair {
    fn set(serve: impl Fn(&Host) -> Result<Server>) -> Result<Self> {
        let lab = Lab::new("kedge-bench")?;
        let (gateway, anchor) = (lab.host("gateway")?, lab.host("anchor")?);
        Link::between(&gateway, "tp0", &anchor, "tp0")?;
        gateway.address("tp0", &format!("{}/24", GATEWAYS[0].1))?;
        anchor.address("tp0", &format!("{}/24", ANCHOR.0))?;
        anchor.address("tp0", &format!("{}/64", ANCHOR.1))?;
        let server = serve(&anchor)?;
        Ok(Self { gateway, _server: server, _lab: lab })
    }

    /// Thousands of refreshes a second; `counted` is what makes a refresh count.
    fn load(&self, counted: &str) -> Result<f64> {
        let lab = programs::find("kedge-lab")?;
        let local = format!("{}:{PORT}", GATEWAYS[0].1);
        let anchor = format!("{}:{PORT}", ANCHOR.0);
        let (bindings, updates) = (BINDINGS.to_string(), UPDATES.to_string());
        let args = ["pbu-load", &local, &anchor, &bindings, &updates];
        let said = self.gateway.exec(&lab.to_string_lossy(), &args)?;
        let (sent, good) = (number(&said, "sent=")?, number(&said, counted)?);
        // A refresh that is refused or lost would flatter the rate of those that are not.
        if good < 0.99 * sent {
            return Err(LabError::Unexpected(format!("of the refreshes, {}", said.trim())));
        }
        Ok(good / number(&said, "micros=")? * 1e3)
    }
}
