//! The Proxy Mobile IPv6 domain that the demo, the tests and the benchmark share.
//!
//! ```text
//!    cn               lma                net                mag1              air          mn
//!  ┌─────┐  core    ┌──────┐  tp0    ┌───────────┐   tp0  ┌──────┐ acc0  ┌───────────┐  ┌──────┐
//!  │ .10 ├──────────┤.1  .1├─────────┤ transport ├────────┤.11   ├───────┤ cell mag1 │  │ eth0 │
//!  └─────┘          └──────┘         │  switch   │        └──────┘       ├───────────┼──┤ MAC  │
//!                                    │ IPv4 and  │   tp0  ┌──────┐ acc0  │ cell mag2 │  │ fixed│
//!                                    │   IPv6    ├────────┤.12   ├───────┤           │  └──────┘
//!                                    └───────────┘        └──────┘       └───────────┘
//!                                                           mag2
//!   correspondents   198.51.100.0/24   2001:db8:c::/64
//!   transport        192.0.2.0/24      2001:db8:7::/64
//!   home network     203.0.113.0/24    2001:db8:100::/56, a /64 for each node
//! ```
//!
//! The node's interface never moves; its port on the air switch does. The daemons are not part of
//! the drawing: [`Domain::lma_config`] and [`Domain::mag_config`] say what they are told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Host, Lab, Link, MobileNode, Switch, error::Result};

/// The correspondent's addresses.
pub const CORRESPONDENT: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(198, 51, 100, 10), Ipv6Addr::new(0x2001, 0xdb8, 0xc, 0, 0, 0, 0, 0x10));
/// The anchor's transport addresses (LMAA).
pub const ANCHOR: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(192, 0, 2, 1), Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 1));
/// The gateways' names, and their transport addresses (Proxy-CoA).
pub const GATEWAYS: [(&str, Ipv4Addr, Ipv6Addr); 2] = [
    ("mag1", Ipv4Addr::new(192, 0, 2, 11), Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0x11)),
    ("mag2", Ipv4Addr::new(192, 0, 2, 12), Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0x12)),
];
/// The realm whose nodes the domain serves.
pub const REALM: &str = "example.net";
/// The identity of the mobile node.
pub const NAI: &str = "node1@example.net";
/// The MAC address of the mobile node.
pub const MAC: &str = "02:00:5e:10:00:01";
/// The shared key of the domain (RFC 4285), 16 octets, and its SPI.
pub const KEY: (u32, &str) = (0x100, "kedge-lab-secret");

/// Which addresses signalling and tunnels use between gateway and anchor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Mobility Header over IPv6, protocol 135.
    #[default]
    Ipv6,
    /// UDP port 5436 over IPv4 (RFC 5844 section 4).
    Ipv4,
}

/// How user packets cross the transport network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encapsulation {
    /// The domain says nothing: IP in IP (RFC 5213 section 5.6.1, RFC 5844 section 4).
    #[default]
    IpInIp,
    /// GRE with a key for each binding (RFC 5845).
    Gre,
    /// UDP (RFC 5844 section 4).
    Udp,
}

/// What the daemons of a domain are told.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Addresses between gateways and anchor.
    pub transport: Transport,
    /// Tunnels between gateways and anchor.
    pub encapsulation: Encapsulation,
    /// Whether signalling is authenticated with [`KEY`].
    pub authenticated: bool,
    /// How long the anchor keeps a binding after a de-registration, ms.
    pub delete_wait: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            transport: Transport::default(),
            encapsulation: Encapsulation::default(),
            authenticated: true,
            delete_wait: 10_000,
        }
    }
}

/// The left half of the drawing: what lies before the gateways.
#[derive(Debug)]
pub struct Core {
    /// The correspondent.
    pub cn: Host,
    /// The anchor's host.
    pub lma: Host,
    /// The transport network.
    pub net: Switch,
}

/// The hosts and cables of the drawing.
#[derive(Debug)]
pub struct Domain {
    /// Correspondent, anchor and transport network.
    pub core: Core,
    /// The gateways' hosts.
    pub mags: [Host; 2],
    /// The access side, one cell for each gateway. A gateway's interface has carrier while the
    /// node is in its cell: access links are point to point (RFC 5213 section 3).
    pub air: Switch,
    /// The mobile node, out of range of both gateways.
    pub mn: MobileNode,
}

impl Core {
    /// Draws it: the anchor routes between correspondent and transport, no daemon runs.
    pub fn draw(lab: &Lab) -> Result<Self> {
        let (cn, lma) = (lab.host("cn")?, lab.host("lma")?);
        Link::between(&cn, "eth0", &lma, "core0")?;
        cn.address("eth0", "198.51.100.10/24")?;
        cn.address("eth0", "2001:db8:c::10/64")?;
        cn.route("default via 198.51.100.1")?;
        cn.route("default via 2001:db8:c::1")?;
        lma.router()?;
        lma.address("core0", "198.51.100.1/24")?;
        lma.address("core0", "2001:db8:c::1/64")?;
        let core = Self { cn, lma, net: Switch::new(lab, "net", &["transport"])? };
        core.connect(&core.lma, &[(ANCHOR.0, ANCHOR.1)])?;
        Ok(core)
    }

    /// Connects a host to the transport network by `tp0`, with these addresses.
    pub fn connect(&self, host: &Host, addresses: &[(Ipv4Addr, Ipv6Addr)]) -> Result<()> {
        self.net.plug(host, "tp0", "transport")?;
        addresses.iter().try_for_each(|(v4, v6)| {
            host.address("tp0", &format!("{v4}/24"))?;
            host.address("tp0", &format!("{v6}/64"))
        })
    }
}

impl Domain {
    /// Draws it: addresses and routes of everything but the mobile node, no daemon.
    pub fn draw(lab: &Lab) -> Result<Self> {
        let core = Core::draw(lab)?;
        let air = Switch::new(lab, "air", &["mag1", "mag2"])?;
        let [mag1, mag2] = GATEWAYS.map(|(name, v4, v6)| -> Result<Host> {
            let mag = lab.host(name)?;
            mag.router()?;
            core.connect(&mag, &[(v4, v6)])?;
            air.plug(&mag, "acc0", name)?.unplug()?;
            Ok(mag)
        });
        let mags = [mag1?, mag2?];
        let mn = MobileNode::new(lab, &air, "mn", MAC)?;
        Ok(Self { core, mags, air, mn })
    }

    /// The node comes into range of a gateway: both see the carrier come.
    pub fn attach(&self, gateway: usize) -> Result<()> {
        let (name, _, _) = GATEWAYS[gateway];
        self.air.host().ip_batch(&format!(
            "link set pmn master {name}\nlink set p{name} up\nlink set pmn up\n"
        ))
    }

    /// The node moves from one gateway to the other. The old gateway sees the carrier go, the new
    /// one sees it come; the node, whose radio does this by itself, sees nothing.
    pub fn roam(&self, from: usize, to: usize) -> Result<()> {
        let ((from, _, _), (to, _, _)) = (GATEWAYS[from], GATEWAYS[to]);
        self.air.host().ip_batch(&format!(
            "link set p{from} down\nlink set pmn master {to}\nlink set p{to} up\n"
        ))
    }

    /// What the anchor is told.
    #[must_use]
    pub fn lma_config(plan: &Plan) -> String {
        let mut peers = String::new();
        for (name, v4, v6) in GATEWAYS {
            peers += &format!(
                " mag {name} example.net\n  ipv4 address {v4}\n  ipv6 address {v6}\n{} !\n",
                peer_encapsulation(plan)
            );
        }
        format!(
            "{}ipv6 mobile pmipv6-lma lma1 domain example.net\n \
             address ipv4 {}\n address ipv6 {}\n hnp maximum 1\n bce maximum 1000\n \
             bce lifetime 300\n bce delete-wait-time {}\n replay-protection timestamp window 7\n\
             {peers} network home\n  \
             pool mobile-node ipv4 start-address 203.0.113.0 pool-prefix 24\n  \
             pool mobile-node ipv6 start-address 2001:db8:100:: pool-prefix 56\n !\n!\n",
            domain_config(plan),
            ANCHOR.0,
            ANCHOR.1,
            plan.delete_wait,
        )
    }

    /// What gateway `index` is told.
    #[must_use]
    pub fn mag_config(plan: &Plan, index: usize) -> String {
        let (name, v4, v6) = GATEWAYS[index];
        let (family, own, anchor): (_, IpAddr, IpAddr) = match plan.transport {
            Transport::Ipv6 => ("ipv6", v6.into(), ANCHOR.1.into()),
            Transport::Ipv4 => ("ipv4", v4.into(), ANCHOR.0.into()),
        };
        format!(
            "{}ipv6 mobile pmipv6-mag {name} domain example.net\n \
             address {family} {own}\n lma lma1 example.net\n  {family}-address {anchor}\n{} !\n \
             interface acc0\n !\n mobile-node mac {} nai {NAI}\n!\n",
            domain_config(plan),
            peer_encapsulation(plan),
            dotted(MAC),
        )
    }
}

/// The domain block, the same at every node of the domain.
fn domain_config(plan: &Plan) -> String {
    let mut text = "ipv6 mobile pmipv6-domain example.net\n".to_owned();
    if plan.authenticated {
        text += &format!(" auth-option spi {:X} key ascii {}\n", KEY.0, KEY.1);
    }
    if plan.encapsulation == Encapsulation::Udp {
        text += " encap udptunnel\n";
    }
    text + &format!(" nai @{REALM}\n  network home\n  service dual\n !\n!\n")
}

/// GRE is a property of the peer: over which family follows from the transport.
fn peer_encapsulation(plan: &Plan) -> &'static str {
    match (plan.encapsulation, plan.transport) {
        (Encapsulation::Gre, Transport::Ipv4) => "  encap gre-ipv4\n",
        (Encapsulation::Gre, Transport::Ipv6) => "  encap gre-ipv6\n",
        _ => "",
    }
}

/// A MAC address as the language writes it: `0200.5e10.0001`.
fn dotted(mac: &str) -> String {
    let hex: Vec<char> = mac.chars().filter(char::is_ascii_hexdigit).collect();
    hex.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_is_written_in_three_groups() {
        assert_eq!(dotted(MAC), "0200.5e10.0001");
    }

    #[test]
    fn the_plan_decides_addresses_key_and_encapsulation() {
        let plan = Plan {
            transport: Transport::Ipv4,
            encapsulation: Encapsulation::Udp,
            authenticated: false,
            ..Plan::default()
        };
        let config = Domain::mag_config(&plan, 1);
        assert!(config.contains(" address ipv4 192.0.2.12\n"), "{config}");
        assert!(config.contains(" encap udptunnel\n"), "{config}");
        assert!(!config.contains("auth-option"), "{config}");
    }

    #[test]
    fn the_configuration_language_takes_every_plan_without_a_warning() {
        for transport in [Transport::Ipv4, Transport::Ipv6] {
            for encapsulation in [Encapsulation::IpInIp, Encapsulation::Gre, Encapsulation::Udp] {
                for authenticated in [false, true] {
                    let plan = Plan { transport, encapsulation, authenticated, ..Plan::default() };
                    for text in [Domain::lma_config(&plan), Domain::mag_config(&plan, 1)] {
                        match kedge_config::parse(&text, "plan") {
                            Ok((_, warnings)) if warnings.is_empty() => {}
                            other => panic!("{other:?} in\n{text}"),
                        }
                    }
                }
            }
        }
    }
}
