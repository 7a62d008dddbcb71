//! The hosts, and what is on the anchor's before `kedged` comes.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use kedge_lab::{Daemon, Host, Lab, Link, MobileNode, Switch, wait};
use serde_json::Value;

use super::told::{CUSTOMERS, Customer, config};
use crate::row::Family;
use crate::{counters, probe};

/// A slow machine's idea of soon.
pub const SOON: Duration = Duration::from_secs(120);
/// An address that the anchor's host has outside of all VRF devices.
pub const OUTSIDE: [&str; 2] = ["203.0.113.1", "2001:db8:d::1"];

const MAC: &str = "02:00:5e:10:00:01";
/// The addresses of every correspondent.
pub const CORRESPONDENT: [&str; 2] = ["198.51.100.10", "2001:db8:c::10"];

/// The hosts of a customer.
pub struct Site {
    pub customer: Customer,
    pub cn: Host,
    pub node: MobileNode,
    _gateway: Daemon,
}

pub struct Stage {
    pub l: Host,
    pub anchor: Daemon,
    pub sites: Vec<Site>,
    pub air: Switch,
    transports: Switch,
    // Removes the hosts when it goes.
    lab: Lab,
}

/// The transport networks.
pub fn transports(lab: &Lab) -> Result<Switch> {
    Ok(Switch::new(lab, "net", &["custsp", "othersp"])?)
}

/// The anchor's host with its VRF devices, at the transport networks, and without a daemon.
pub fn host(lab: &Lab, transports: &Switch) -> Result<Host> {
    let l = lab.host("l")?;
    prepare(&l)?;
    // As docs/ops/vrf.md says it: the table of the host's own addresses is asked after the VRF
    // devices, and what no route of a VRF device is for ends there.
    for family in ["-4", "-6"] {
        l.ip(&format!("{family} rule add pref 32765 table local"))?;
        l.ip(&format!("{family} rule del pref 0"))?;
    }
    let names = CUSTOMERS.map(Customer::device);
    let names = names.iter().map(String::as_str).chain(["custsp", "othersp"]);
    for (name, table) in names.zip(1001..) {
        l.ip(&format!("link add {name} type vrf table {table}"))?;
        l.ip(&format!("link set {name} up"))?;
        for family in ["-4", "-6"] {
            let unreachable = "unreachable default metric 4278198272";
            l.ip(&format!("{family} route add vrf {name} {unreachable}"))?;
        }
    }
    for (port, vrf) in [("tp1", "custsp"), ("tp2", "othersp")] {
        Link::between(&l, port, transports.host(), &format!("to-{port}"))?;
        transports.host().ip(&format!("link set to-{port} master {vrf}"))?;
        l.ip(&format!("link set {port} master {vrf}"))?;
    }
    for (port, net) in [("tp1", 15), ("tp1", 16), ("tp2", 15)] {
        l.address(port, &format!("{net}.{net}.{net}.2/24"))?;
        l.address(port, &format!("2002:{net}::2/64"))?;
    }
    for address in OUTSIDE {
        l.address("lo", address)?;
    }
    Ok(l)
}

/// Addresses of the host are there at once, and are those that it is given.
pub fn prepare(host: &Host) -> Result<()> {
    // Interfaces that appear later inherit these.
    for entry in ["accept_dad", "accept_ra"] {
        host.sysctl(&format!("net.ipv6.conf.default.{entry}"), "0")?;
    }
    Ok(())
}

impl Stage {
    /// Draws it. The anchor has the first two customers.
    pub fn set() -> Result<Self> {
        let lab = Lab::new("kgcust")?;
        let transports = transports(&lab)?;
        let air = Switch::new(&lab, "air", &["mag1", "mag2", "mag3"])?;
        let l = host(&lab, &transports)?;
        let anchor = Daemon::start(&l, &config(&CUSTOMERS[..2]))?;
        let mut stage = Self { l, anchor, sites: Vec::new(), transports, air, lab };
        for customer in &CUSTOMERS[..2] {
            stage.add_site(*customer)?;
        }
        Ok(stage)
    }

    /// Draws what is around the anchor for a customer.
    pub fn add_site(&mut self, customer: Customer) -> Result<()> {
        let cn = correspondent(&self.lab, &self.l, customer)?;
        self.sites.push(Site::draw(&self.lab, customer, cn, &self.transports, &self.air)?);
        Ok(())
    }

    /// What goes wrong is told with the end of the anchor's log.
    pub fn explain(&self, result: Result<()>) -> Result<()> {
        result.map_err(|error| {
            let log = self.anchor.log();
            let lines: Vec<_> = log.lines().collect();
            anyhow!("{error:#}\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
        })
    }

    /// Waits until the anchor has bindings of these customers and no others.
    pub fn wait_bindings(&self, customers: &[Customer]) -> Result<()> {
        let of = |customer: &Customer| (customer.name(), format!("node@{}", customer.name()));
        let wanted: Vec<_> = customers.iter().map(of).collect();
        wait::until(SOON, "the bindings", || match self.bindings() {
            Ok(bindings) if bindings == wanted => Ok(()),
            other => Err(format!("{other:?}")),
        })?;
        Ok(())
    }

    /// The customers and subscribers that have bindings.
    fn bindings(&self) -> Result<Vec<(String, String)>> {
        let shown = self.json("show ipv6 mobile pmipv6 lma bindings")?;
        let list = shown["bindings"].as_array().context("no list of bindings")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(list.iter().map(|b| (text(&b["customer"]), text(&b["mn_id"]))).collect())
    }

    /// What a command shows, as data.
    fn json(&self, command: &str) -> Result<Value> {
        let shown = self.anchor.kedge(&format!("{command} | json"))?;
        serde_json::from_str(&shown).with_context(|| shown.clone())
    }

    /// Puts further lines into force.
    pub fn commit(&self, lines: &str) -> Result<()> {
        self.anchor.script(&format!("configure\n{lines}commit\n"))?;
        Ok(())
    }

    /// Every node of these sites and its correspondent hear each other, and nobody hears another.
    pub fn carries_apart(&self, served: &[usize]) -> Result<()> {
        let all: Vec<_> = self.sites.iter().flat_map(|s| [&s.cn, s.node.host()]).collect();
        for &number in served {
            let site = &self.sites[number];
            let (v4, v6) = site.addresses()?;
            for (family, at) in Family::ALL.into_iter().zip([v4.to_string(), v6.to_string()]) {
                let cn = family.pick(CORRESPONDENT[0], CORRESPONDENT[1]);
                for (from, to, heard_at) in
                    [(site.node.host(), cn, &site.cn), (&site.cn, &at, site.node.host())]
                {
                    let what = || format!("{}, {family:?}", site.customer.name());
                    heard_by_one(family, (from, to), heard_at, &all).with_context(what)?;
                }
            }
        }
        Ok(())
    }
}

/// What a host sends to an address is answered, and heard by one host and no other of all.
pub fn heard_by_one(
    family: Family,
    (from, to): (&Host, &str),
    heard_at: &Host,
    all: &[&Host],
) -> Result<()> {
    let heard = || -> Result<Vec<u64>> {
        all.iter().map(|host| counters::echo_requests(host, family)).collect()
    };
    probe::until_answered(from, to)?;
    let before = heard()?;
    probe::answered(from, to, 500, true)?;
    for ((host, before), after) in all.iter().zip(before).zip(heard()?) {
        let (own, more) = (host.name() == heard_at.name(), after - before);
        let right = if own { more >= 3 } else { more == 0 };
        ensure!(right, "{} heard {more} echo requests", host.name());
    }
    Ok(())
}

/// Whom a customer's nodes talk with.
pub fn correspondent(lab: &Lab, l: &Host, customer: Customer) -> Result<Host> {
    let cn = lab.host(&format!("cn{}", customer.number))?;
    prepare(&cn)?;
    let port = format!("core{}", customer.number);
    Link::between(&cn, "eth0", l, &port)?;
    l.ip(&format!("link set {port} master {}", customer.device()))?;
    for (host, interface, v4, v6) in [
        (l, &*port, "198.51.100.1/24", "2001:db8:c::1/64"),
        (&cn, "eth0", "198.51.100.10/24", "2001:db8:c::10/64"),
    ] {
        host.address(interface, v4)?;
        host.address(interface, v6)?;
    }
    cn.route("default via 198.51.100.1")?;
    cn.route("default via 2001:db8:c::1")?;
    Ok(cn)
}

/// The host of a customer's gateway, at its transport.
pub fn gateway(lab: &Lab, customer: Customer, transports: &Switch) -> Result<Host> {
    let Customer { number, transport, net } = customer;
    let mag = lab.host(&format!("mag{number}"))?;
    prepare(&mag)?;
    mag.router()?;
    transports.plug(&mag, "tp0", &transport.to_lowercase())?;
    if number == 3 {
        mag.ip("link add tp type vrf table 1001")?;
        mag.ip("link set tp up")?;
        mag.ip("link set tp0 master tp")?;
    }
    mag.address("tp0", &format!("{net}.{net}.{net}.11/24"))?;
    mag.address("tp0", &format!("2002:{net}::11/64"))?;
    Ok(mag)
}

impl Site {
    fn draw(
        lab: &Lab,
        customer: Customer,
        cn: Host,
        transports: &Switch,
        air: &Switch,
    ) -> Result<Self> {
        let number = customer.number;
        let name = format!("mag{number}");
        let mag = gateway(lab, customer, transports)?;
        air.plug(&mag, "acc0", &name)?;
        let serves =
            format!(" interface acc0\n !\n mobile-node mac 0200.5e10.0001 nai node@CUST{number}\n");
        let gateway = Daemon::start_quietly(&mag, &customer.gateway(&serves))?;
        let mut node = MobileNode::new(lab, air, &format!("mn{number}"), MAC)?;
        node.port().plug_into(&name)?;
        node.start_dhcp()?;
        Ok(Self { customer, cn, node, _gateway: gateway })
    }

    /// The node's addresses, once it has them.
    pub fn addresses(&self) -> Result<(Ipv4Addr, Ipv6Addr)> {
        Ok((self.node.wait_ipv4(SOON)?, self.node.wait_ipv6(SOON)?))
    }

    /// The node leaves its gateway, which sees the carrier go, and comes back to it.
    pub fn reattach(&self, air: &Switch) -> Result<()> {
        let number = self.customer.number;
        let ports = [format!("pmag{number}"), format!("pmn{number}")];
        for state in ["down", "up"] {
            let lines = ports.iter().map(|port| format!("link set {port} {state}\n"));
            air.host().ip_batch(&lines.collect::<String>())?;
        }
        Ok(())
    }
}
