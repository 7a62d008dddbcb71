//! Who is where: the numbers, names, addresses and pools of a domain.
//!
//! Gateways and hosts are dealt out to the customers in turn. Customers share nothing but the
//! anchors: their nodes have the same names and hardware addresses, their pools are the same, and
//! where each has a transport world of its own, their stations have the same addresses too.
//!
//! | | anchors | gateways |
//! |---|---|---|
//! | transport | 2001:db8:a::n, 192.0.2.n | 2001:db8:b::n, 198.51.100.n |
//! | home pools | 2001:db8:n000::/52, 10.n.0.0/16 | |
//! | and after an order | 2001:db8:n800::/52, 10.(64+n).0.0/16 | |
//! | pools for networks behind nodes | 2001:db8:n400::/44, 172.(16+n).0.0/16 | |
//! | networks that routers bring | | 192.168.n.0/24 |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use kedge_model::{CustomerId, Ipv4Net, MacAddr, MnId, SignalPath, VrfId};

use super::Plan;

/// The port of data in UDP (RFC 5844 §4.1.3.2).
pub const DATA_PORT: u16 = 5437;
/// The port of signalling over IPv4 (RFC 5844 §4.1.3.1).
pub const SIGNALLING_PORT: u16 = 5436;

/// A customer as the anchors know it.
pub fn customer_id(customer: usize) -> CustomerId {
    CustomerId(7 + customer as u32)
}

/// The customer that the anchors know by this.
pub fn customer_number(id: CustomerId) -> usize {
    (id.0 - customer_id(0).0) as usize
}

/// The routing world of a customer's nodes.
pub fn inner(customer: usize) -> VrfId {
    VrfId(20 + customer as u32)
}

/// The customer of a routing world.
pub fn customer_inside(inner: VrfId) -> usize {
    (inner.0 - 20) as usize
}

/// What a gateway calls itself, and is called by its anchors.
pub fn gateway_name(gateway: usize) -> String {
    format!("gateway{gateway}")
}

pub(super) fn anchor_name(anchor: usize) -> String {
    format!("anchor{anchor}")
}

/// A network that the router of a gateway brings.
pub fn own_network(gateway: usize) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, gateway as u8, 0), 24)
}

impl Plan {
    /// Whose a gateway is.
    pub fn customer_of_gateway(&self, gateway: usize) -> usize {
        gateway % self.customers
    }

    /// The gateways of a customer.
    pub fn gateways_of(&self, customer: usize) -> impl Iterator<Item = usize> + use<> {
        (customer..self.gateways).step_by(self.customers)
    }

    /// Whose a host is.
    pub fn customer_of(&self, host: usize) -> usize {
        host % self.customers
    }

    /// The hosts of a customer.
    pub fn hosts_of(&self, customer: usize) -> impl Iterator<Item = usize> + use<> {
        (customer..self.hosts).step_by(self.customers)
    }

    /// The node of a host, by its number among those of its customer.
    fn node(&self, host: usize) -> usize {
        host / self.customers / self.hosts_per_node
    }

    /// Whose interface a host is.
    pub fn mn_id(&self, host: usize) -> MnId {
        nai(&format!("mn{}@example.com", self.node(host)))
    }

    /// The number of the mobile node with this identifier.
    pub fn node_of(&self, mn_id: &MnId) -> Option<u32> {
        let (user, _) = mn_id.as_nai()?.split_once('@')?;
        user.strip_prefix("mn")?.parse().ok()
    }

    /// Whether a host may have a network behind it.
    pub fn is_router(&self, host: usize) -> bool {
        self.delegates && self.node(host).is_multiple_of(3)
    }

    /// The hardware address of a host.
    pub fn mac(&self, host: usize) -> MacAddr {
        let [.., a, b] = ((host / self.customers) as u32).to_be_bytes();
        MacAddr([0x02, 0, 0x5e, 0x10, a, b])
    }

    /// The node that is always there at a gateway.
    pub fn static_node(&self, gateway: usize) -> MnId {
        nai(&format!("static{}@example.com", gateway / self.customers))
    }

    /// The gateway as a node.
    pub fn branch_node(&self, gateway: usize) -> MnId {
        nai(&format!("router{}@example.org", gateway / self.customers))
    }

    /// The anchor that a host's node would rather be with.
    pub fn anchor_of(&self, host: usize) -> usize {
        self.node(host) % self.anchors
    }

    /// The anchor of the nodes that are a gateway's own.
    pub fn anchor_of_gateway(&self, gateway: usize) -> usize {
        gateway / self.customers % self.anchors
    }

    /// The routing world of a customer's signalling and tunnels.
    pub fn transport(&self, customer: usize) -> VrfId {
        VrfId(if self.own_transports { 1 + customer as u32 } else { 1 })
    }

    /// Where an anchor is reached by a customer's gateways.
    pub fn anchor_address(&self, anchor: usize, customer: usize) -> IpAddr {
        let shift = if self.own_transports { 0 } else { 16 * customer };
        let n = (anchor + shift + 1) as u16;
        match self.ipv4_transport {
            true => Ipv4Addr::new(192, 0, 2, n as u8).into(),
            false => Ipv6Addr::new(0x2001, 0xdb8, 0xa, 0, 0, 0, 0, n).into(),
        }
    }

    /// The address that a gateway has. Behind a translator it is reached elsewhere.
    pub fn gateway_address(&self, gateway: usize) -> IpAddr {
        let among = if self.own_transports { self.customers } else { 1 };
        let n = (gateway / among + 1) as u16;
        match self.ipv4_transport {
            true => Ipv4Addr::new(198, 51, 100, n as u8).into(),
            false => Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, n).into(),
        }
    }

    /// Whether a gateway is behind a translator.
    pub fn is_translated(&self, gateway: usize) -> bool {
        self.translators && gateway / self.customers % 2 == 1
    }

    /// The anchor and the customer at an address.
    pub fn anchor_at(&self, transport: VrfId, address: IpAddr) -> Option<(usize, usize)> {
        let all = (0..self.anchors).flat_map(|n| (0..self.customers).map(move |c| (n, c)));
        { all }.find(|(n, c)| {
            (self.transport(*c), self.anchor_address(*n, *c)) == (transport, address)
        })
    }

    /// The gateway that has an address.
    pub fn gateway_at(&self, transport: VrfId, address: IpAddr) -> Option<usize> {
        let is_there = |gateway: &usize| {
            let customer = self.customer_of_gateway(*gateway);
            (self.transport(customer), self.gateway_address(*gateway)) == (transport, address)
        };
        (0..self.gateways).find(is_there)
    }

    /// The path of messages between an anchor and a gateway, as the anchor sees it where no
    /// translator is in between.
    pub fn signal_path(&self, anchor: usize, gateway: usize) -> SignalPath {
        let customer = self.customer_of_gateway(gateway);
        let port = if self.ipv4_transport { SIGNALLING_PORT } else { 0 };
        SignalPath {
            transport: self.transport(customer),
            local: SocketAddr::new(self.anchor_address(anchor, customer), port),
            peer: SocketAddr::new(self.gateway_address(gateway), port),
        }
    }

    /// The anchor with a pool that an address is from.
    pub fn anchor_with_pool(&self, address: IpAddr) -> Option<usize> {
        let n = match address {
            IpAddr::V4(address) if address.octets()[0] == 10 => address.octets()[1] & 0x3f,
            IpAddr::V4(address) => address.octets()[1].checked_sub(16)?,
            IpAddr::V6(address) => (address.segments()[2] >> 12) as u8,
        };
        usize::from(n).checked_sub(1).filter(|anchor| *anchor < self.anchors)
    }
}

fn nai(text: &str) -> MnId {
    MnId::nai(text).expect("a short identifier")
}
