//! Mobile local loop in VRF devices: an anchor and its gateways, as their users run them.
//!
//! ```text
//!                        L, one namespace
//!   cn1 ── core1 │ vrf1     ┌───────┐  custsp  │ tp1 ══╤══ mag1 ── mn1   over IPv4
//!   cn2 ── core2 │ vrf2     │kedged │          │       ╘══ mag2 ── mn2   over IPv6
//!   cn3 ── core3 │ vrf3     └───────┘  othersp │ tp2 ═════ mag3 ── mn3   in its own VRF device
//! ```
//!
//! All correspondents have the same addresses, all nodes have the same MAC address and are given
//! the same addresses, and the anchor has the same addresses on `tp1` and `tp2`. The anchor starts
//! with the first two customers.

pub mod routers;
mod stage;
mod told;

use std::net::Ipv6Addr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kedge_lab::{Daemon, Host, Lab, Ping};

use crate::probe;
use stage::{CORRESPONDENT, OUTSIDE, SOON, Stage};
use told::{CUSTOMERS, Customer};

/// Between two echo requests of a flow.
const PACE: Duration = Duration::from_millis(200);
const SERVICE: &str = "ipv6 mobile pmipv6-lma LMA domain D1\n";

/// Customers have the same addresses, and each packet, binding and route is of the right one; one
/// comes and one goes in service, and a daemon after a crash serves those that were left.
pub fn in_service() -> Result<()> {
    let mut stage = Stage::set()?;
    let outcome = apart(&stage)
        .and_then(|()| one_comes(&mut stage))
        .and_then(|()| one_goes(&stage))
        .and_then(|()| a_crash(&mut stage));
    stage.explain(outcome)
}

fn apart(stage: &Stage) -> Result<()> {
    let addresses = [stage.sites[0].addresses()?, stage.sites[1].addresses()?];
    ensure!(addresses[0] == addresses[1], "both have the same pools: {addresses:?}");
    stage.wait_bindings(&CUSTOMERS[..2])?;
    stage.carries_apart(&[0, 1])?;
    for address in OUTSIDE {
        // The host's own addresses are of no customer's world.
        probe::unanswered(stage.sites[0].node.host(), address)?;
    }
    for customer in &CUSTOMERS[..2] {
        leads(&stage.l, *customer, ["10.10.10.0/24", "2002:10:10::/48"])?;
    }
    Ok(())
}

/// A commit names two more VRF devices, and a customer whose addresses are those of the first. The
/// others lose nothing.
fn one_comes(stage: &mut Stage) -> Result<()> {
    let pings = stage.sites.iter().map(|site| {
        let ping = Ping::start(site.node.host(), "ping", CORRESPONDENT[0], PACE)?;
        let newest = ping.wait_steady(SOON, 0, 3)?;
        Ok((ping, newest))
    });
    let pings = pings.collect::<Result<Vec<_>>>()?;
    let third = CUSTOMERS[2];
    stage.commit(&told::more(third))?;
    stage.add_site(third)?;
    stage.wait_bindings(&CUSTOMERS)?;
    for (ping, from) in pings {
        let to = ping.wait_steady(SOON, from, 5)?;
        let span = ping.span(from, to);
        ensure!(span.lost == 0, "a customer that comes disturbs another: {span:?}");
        ping.stop()?;
    }
    stage.carries_apart(&[0, 1, 2])?;
    ensure!(stage.sites[0].addresses()? == stage.sites[2].addresses()?, "not the same addresses");
    // Routes to each node take the place of those to the pools, in the same tables.
    stage.commit(&format!("{SERVICE} redistribute home-address host-prefix\n"))?;
    let (v4, v6) = stage.sites[2].addresses()?;
    let prefix = Ipv6Addr::from(u128::from(v6) >> 64 << 64);
    for customer in CUSTOMERS {
        leads(&stage.l, customer, [&v4.to_string(), &format!("{prefix}/64")])?;
    }
    stage.carries_apart(&[0, 1, 2])?;
    // Those to the pools come back: a VRF device has one table, so there they stay (docs/ops/routes.md).
    stage.commit(&format!("{SERVICE} redistribute home-address disable\n"))?;
    for customer in CUSTOMERS {
        leads(&stage.l, customer, ["10.10.10.0/24", "2002:10:10::/48"])?;
    }
    let rules = [stage.l.ip("-4 rule")?, stage.l.ip("-6 rule")?].concat();
    ensure!(!rules.contains("lookup 5212"), "a rule to the table of other worlds: {rules}");
    stage.carries_apart(&[0, 1, 2])
}

/// A commit removes the first customer; what the daemon had in its VRF device goes, and only that.
fn one_goes(stage: &Stage) -> Result<()> {
    let gone = CUSTOMERS[0];
    let lines = "mobility-service mobile-local-loop\n  no customer CUST1 vrf VRF1\n";
    let profile = "ipv6 mobile pmipv6-domain D1\n no nai @CUST1\n!\n";
    stage.commit(&format!("{profile}{SERVICE} {lines}"))?;
    stage.wait_bindings(&CUSTOMERS[1..])?;
    let outlet = stage.l.ip(&format!("link show {}", gone.outlet()));
    ensure!(outlet.is_err(), "its device is there: {outlet:?}");
    probe::unanswered(stage.sites[0].node.host(), CORRESPONDENT[0])?;
    stage.carries_apart(&[1, 2])
}

/// Killed and started again, the anchor serves whom the commits left.
fn a_crash(stage: &mut Stage) -> Result<()> {
    stage.anchor.kill()?;
    stage.anchor.restart()?;
    let swept = stage.anchor.log().contains("left behind: rule no port unreachable");
    ensure!(swept, "nothing of what was killed was swept");
    for site in &stage.sites[1..] {
        site.reattach(&stage.air)?;
    }
    stage.wait_bindings(&CUSTOMERS[1..])?;
    stage.carries_apart(&[1, 2])
}

/// These destinations lead to the anchor's device in the VRF device, and nowhere else.
fn leads(l: &Host, customer: Customer, destinations: [&str; 2]) -> Result<()> {
    let (vrf, outlet) = (customer.device(), customer.outlet());
    for (family, destination) in ["-4", "-6"].into_iter().zip(destinations) {
        let inside = l.ip(&format!("{family} route show vrf {vrf}"))?;
        let wanted = format!("{destination} dev {outlet} ");
        // The kernel has some for every device, to its neighbours.
        let is_own = |line: &&str| line.contains(&outlet) && !line.contains("proto kernel");
        let own: Vec<&str> = inside.lines().filter(is_own).collect();
        let right = matches!(own[..], [only] if only.starts_with(&wanted));
        ensure!(right, "not only {wanted} in {vrf}: {inside}");
        let outside = l.ip(&format!("{family} route show table main"))?;
        ensure!(!outside.contains("kedge"), "in the main table: {outside}");
    }
    Ok(())
}

/// A daemon that stops, and one that starts after another was killed, leave the host as it was.
pub fn nothing_is_left() -> Result<()> {
    let lab = Lab::new("kgleft")?;
    let transports = stage::transports(&lab)?;
    let l = stage::host(&lab, &transports)?;
    let before = traces(&l)?;
    let mut anchor = Daemon::start(&l, &told::config(&CUSTOMERS[..2]))?;
    let during = traces(&l)?;
    for wanted in ["kedgel-vrf1", "kedgel-vrf2", "from 15.15.15.2", "from 2002:16::2", "raw 0"] {
        ensure!(during.contains(wanted), "no {wanted} in {during}");
    }
    let listed = anchor.kedge("show tech-support")?;
    for wanted in ["raw_l3mdev_accept = 0", "no port unreachable from 2002:16::2"] {
        ensure!(listed.contains(wanted), "no {wanted} in {listed}");
    }
    anchor.stop()?;
    same(&before, &traces(&l)?).context("after a stop")?;

    let mut anchor = Daemon::start(&l, &told::config(&CUSTOMERS[..2]))?;
    anchor.kill()?;
    let left = traces(&l)?;
    ensure!(left.contains("from 15.15.15.2"), "a kill leaves nothing, so this tries nothing");
    let mut anchor = Daemon::start(&l, &told::config(&CUSTOMERS[1..2]))?;
    let during = traces(&l)?;
    ensure!(during.contains("from 16.16.16.2"), "not as its file says: {during}");
    for swept in ["kedgel-vrf1", "from 15.15.15.2"] {
        ensure!(!during.contains(swept), "{swept} is left of what was killed: {during}");
    }
    anchor.stop()?;
    same(&before, &traces(&l)?).context("after a kill, a start and a stop")
}

fn same(before: &str, after: &str) -> Result<()> {
    let only = |a: &str, b: &str| -> Vec<String> {
        a.lines().filter(|line| !b.lines().any(|other| other == *line)).map(str::to_owned).collect()
    };
    let (gone, new) = (only(before, after), only(after, before));
    ensure!(gone.is_empty() && new.is_empty(), "gone: {gone:#?}, new: {new:#?}");
    Ok(())
}

/// What a daemon may leave on a host, a line each.
fn traces(l: &Host) -> Result<String> {
    let mut all = String::new();
    for listing in ["-br link", "-4 rule", "-6 rule"] {
        all += &l.ip(listing)?;
    }
    for listing in ["-4 route show table all", "-6 route show table all"] {
        all += &l.ip(listing)?;
    }
    for (name, entry) in [
        ("raw", "ipv4/raw_l3mdev_accept"),
        ("forwarding4", "ipv4/conf/all/forwarding"),
        ("forwarding6", "ipv6/conf/all/forwarding"),
    ] {
        let value = l.exec("cat", &[&format!("/proc/sys/net/{entry}")])?;
        all += &format!("{name} {value}");
    }
    Ok(all)
}
