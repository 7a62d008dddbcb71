//! Routers whose networks nobody has planned, in VRF devices: what they bring is taken as it is sent.
//!
//! ```text
//!                       L, one namespace
//!   cn1 ── core1 │ vrf1     ┌───────┐  custsp  │ tp1 ══╤══ mag1 ── host1   over IPv4
//!   cn2 ── core2 │ vrf2     │kedged │          │       ╘══ mag2 ── host2   over IPv6
//!                           └───────┘
//! ```
//!
//! Both routers have the same home addresses, and behind them are networks of the same addresses.

use anyhow::{Context, Result, ensure};
use kedge_lab::{Daemon, Host, Lab, Link, Switch, wait};

use super::stage::{self, CORRESPONDENT, SOON};
use super::told::{self, CUSTOMERS, Customer};
use crate::probe;
use crate::row::Family;

/// Of every router.
const HOME: [&str; 2] = ["10.77.0.5", "2001:db8:77::"];
/// The network behind every router, and the host in it.
const NETWORK: [&str; 2] = ["192.168.7.0/24", "2001:db8:f07::/64"];
const BEHIND: [&str; 2] = ["192.168.7.10", "2001:db8:f07::10"];

struct Branch {
    customer: Customer,
    cn: Host,
    host: Host,
    router: Daemon,
}

pub fn of_two_customers() -> Result<()> {
    let lab = Lab::new("kgrout")?;
    let transports = stage::transports(&lab)?;
    let l = stage::host(&lab, &transports)?;
    let customers = &CUSTOMERS[..2];
    let config = told::with_networks(customers, |_| "   network unauthorized\n".to_owned());
    let mut anchor = Daemon::start(&l, &config)?;
    let branches: Result<Vec<_>> =
        customers.iter().map(|customer| Branch::draw(&lab, &l, &transports, *customer)).collect();
    let mut branches = branches?;
    let outcome = apart(&l, &branches).and_then(|()| one_goes(&l, &mut branches));
    outcome.with_context(|| anchor.log())?;
    anchor.stop()?;
    branches.iter().try_for_each(|branch| branch.has_routes(&l, false)).context("after the end")
}

fn apart(l: &Host, branches: &[Branch]) -> Result<()> {
    for branch in branches {
        wait::until(SOON, "the routes of a branch", || {
            branch.has_routes(l, true).map_err(|error| format!("{error:#}"))
        })?;
    }
    let all: Vec<_> = branches.iter().flat_map(|branch| [&branch.cn, &branch.host]).collect();
    for Branch { customer, cn, host, .. } in branches {
        for family in Family::ALL {
            let far = family.pick(CORRESPONDENT[0], CORRESPONDENT[1]);
            let near = family.pick(BEHIND[0], BEHIND[1]);
            for (from, to, heard_at) in [(host, far, cn), (cn, near, host)] {
                stage::heard_by_one(family, (from, to), heard_at, &all)
                    .with_context(|| format!("{}, {family:?}", customer.name()))?;
            }
        }
    }
    let main = [l.ip("-4 route show table main")?, l.ip("-6 route show table main")?].concat();
    ensure!(!main.contains("kedge"), "in the main table: {main}");
    Ok(())
}

/// A router leaves, and what it brought is no more, but for the other's.
fn one_goes(l: &Host, branches: &mut [Branch]) -> Result<()> {
    branches[0].router.stop()?;
    wait::until(SOON, "the routes of a branch to go", || {
        branches[0].has_routes(l, false).map_err(|error| format!("{error:#}"))
    })?;
    probe::unanswered(&branches[0].cn, BEHIND[0])?;
    branches[1].has_routes(l, true)?;
    probe::answered(&branches[1].cn, BEHIND[0], 500, true)?;
    probe::answered(&branches[1].cn, BEHIND[1], 500, true)
}

impl Branch {
    fn draw(lab: &Lab, l: &Host, transports: &Switch, customer: Customer) -> Result<Self> {
        let number = customer.number;
        let cn = stage::correspondent(lab, l, customer)?;
        let mag = stage::gateway(lab, customer, transports)?;
        let host = lab.host(&format!("host{number}"))?;
        stage::prepare(&host)?;
        Link::between(&host, "eth0", &mag, "lan0")?;
        for (at, device, v4, v6) in [
            (&mag, "lo", "10.77.0.5/24", "2001:db8:77::5/64"),
            (&mag, "lan0", "192.168.7.1/24", "2001:db8:f07::1/64"),
            (&host, "eth0", "192.168.7.10/24", "2001:db8:f07::10/64"),
        ] {
            at.address(device, v4)?;
            at.address(device, v6)?;
        }
        host.route("default via 192.168.7.1")?;
        host.route("default via 2001:db8:f07::1")?;
        let serves = format!(
            " logical-mn router@CUST{number}\n  home interface lo\n  mobile network lan0\n  \
             service dual\n !\n \
             mobility-service mobile-local-loop\n  reverse-tunnel default-route\n !\n"
        );
        let router = Daemon::start_quietly(&mag, &customer.gateway(&serves))?;
        Ok(Self { customer, cn, host, router })
    }

    /// Whether the routes to what this router brings lead to the anchor's device in the customer's
    /// VRF device, or none does.
    fn has_routes(&self, l: &Host, wanted: bool) -> Result<()> {
        let (vrf, outlet) = (self.customer.device(), self.customer.outlet());
        let routes: Result<String> =
            ["-4", "-6"].iter().map(|f| Ok(l.ip(&format!("{f} route show vrf {vrf}"))?)).collect();
        let routes = routes?;
        for brought in [HOME[0], &format!("{}/64", HOME[1]), NETWORK[0], NETWORK[1]] {
            let is_there = routes.contains(&format!("{brought} dev {outlet} "));
            ensure!(is_there == wanted, "{brought} in {vrf}, wanted: {wanted}; {routes}");
        }
        Ok(())
    }
}
