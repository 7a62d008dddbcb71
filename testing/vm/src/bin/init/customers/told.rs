//! The customers, and what the daemons are told of them.

/// One customer: its worlds, its gateway, its node and whom that talks with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Customer {
    /// Its number, which its names end with.
    pub number: usize,
    /// The VRF that its gateways reach the anchor in.
    pub transport: &'static str,
    /// Of which network the addresses there are.
    pub net: u8,
}

/// All of them. The last has the addresses of the first, in a transport of its own.
pub const CUSTOMERS: [Customer; 3] = [
    Customer { number: 1, transport: "CUSTSP", net: 15 },
    Customer { number: 2, transport: "CUSTSP", net: 16 },
    Customer { number: 3, transport: "OTHERSP", net: 15 },
];

impl Customer {
    /// Its name at the anchor.
    pub fn name(self) -> String {
        format!("CUST{}", self.number)
    }

    /// The VRF device of its inner world.
    pub fn device(self) -> String {
        format!("vrf{}", self.number)
    }

    /// The anchor's device in it.
    pub fn outlet(self) -> String {
        format!("kedgel-{}", self.device())
    }

    /// What the anchor is told of its subscribers.
    fn profile(self) -> String {
        let name = self.name();
        format!(
            " nai @{name}\n  lma LMA\n  network {name}\n  service dual\n  customer {name}\n !\n"
        )
    }

    /// Pools, the same for all.
    fn pools(self) -> String {
        format!(
            "   network authorized {}\n    \
             pool mobile-node ipv4 start-address 10.10.10.1 pool-prefix 24\n    \
             pool mobile-node ipv6 start-address 2002:10:10:1::1 pool-prefix 48\n   !\n",
            self.name()
        )
    }

    /// What the anchor is told of it and its network.
    fn service(self, network: &str) -> String {
        let Self { number, transport, net } = self;
        format!(
            "  customer CUST{number} vrf VRF{number}\n   bce lifetime 300\n   \
             auth-option spi 100 key ascii secret-of-cust{number}\n{network}   \
             transport vrf {transport}\n    address ipv4 {net}.{net}.{net}.2\n    \
             address ipv6 2002:{net}::2\n   !\n  !\n"
        )
    }

    /// What its gateway is told, beside whom it serves. The first reaches the anchor over IPv4, the
    /// last in a VRF device of its own.
    pub fn gateway(self, serves: &str) -> String {
        let Self { number, net, .. } = self;
        let (family, own, anchor) = match number {
            1 => ("ipv4", format!("{net}.{net}.{net}.11"), format!("{net}.{net}.{net}.2")),
            _ => ("ipv6", format!("2002:{net}::11"), format!("2002:{net}::2")),
        };
        let (block, inside) = match number {
            3 => (device("TP", "tp"), "  vrf id TP\n"),
            _ => (String::new(), ""),
        };
        format!(
            "{block}ipv6 mobile pmipv6-domain D1\n \
             auth-option spi 100 key ascii secret-of-cust{number}\n nai @CUST{number}\n  \
             service dual\n !\n!\nipv6 mobile pmipv6-mag mag{number} domain D1\n \
             address {family} {own}\n lma LMA D1\n  {family}-address {anchor}\n{inside} !\n\
             {serves}!\n"
        )
    }
}

/// A `vrf` block.
fn device(vrf: &str, device: &str) -> String {
    format!("vrf {vrf}\n device {device}\n!\n")
}

/// The blocks of a customer's two worlds.
fn blocks(customer: Customer) -> String {
    let Customer { number, transport, .. } = customer;
    let inner = device(&format!("VRF{number}"), &customer.device());
    inner + &device(transport, &transport.to_lowercase())
}

/// What an anchor with these customers is told.
pub fn config(customers: &[Customer]) -> String {
    with_networks(customers, Customer::pools)
}

/// The same with other networks.
pub fn with_networks(customers: &[Customer], network: fn(Customer) -> String) -> String {
    let all = |part: &dyn Fn(Customer) -> String| -> String {
        customers.iter().map(|customer| part(*customer)).collect()
    };
    format!(
        "{}ipv6 mobile pmipv6-domain D1\n lma LMA\n !\n{}!\n\
         ipv6 mobile pmipv6-lma LMA domain D1\n bce maximum 128000\n dynamic mag learning\n \
         mobility-service mobile-local-loop\n{} !\n!\n",
        all(&blocks),
        all(&Customer::profile),
        all(&|customer| customer.service(&network(customer))),
    )
}

/// What a running anchor is told for a further customer.
pub fn more(customer: Customer) -> String {
    format!(
        "{}ipv6 mobile pmipv6-domain D1\n{}!\nipv6 mobile pmipv6-lma LMA domain D1\n \
         mobility-service mobile-local-loop\n{}",
        blocks(customer),
        customer.profile(),
        customer.service(&customer.pools()),
    )
}
