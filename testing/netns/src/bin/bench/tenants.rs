//! What an anchor of many customers is told of them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use kedge_lab::Host;

/// What their signalling goes over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// UDP over IPv4.
    Ipv4,
    /// IPv6 as it is, protocol 135.
    Ipv6,
}

impl Over {
    /// Where a customer's anchor is.
    pub fn anchor(self, number: usize) -> IpAddr {
        let (high, low) = ((number / 250) as u8, (number % 250 + 1) as u8);
        match self {
            Self::Ipv4 => Ipv4Addr::new(172, 16, high, low).into(),
            Self::Ipv6 => Ipv6Addr::new(0x2001, 0xdb8, 16, 0, 0, 0, high.into(), low.into()).into(),
        }
    }

    /// Where one of a customer's gateways is, or the anchor's end of their line.
    pub fn site(self, number: u8, nth: u8) -> IpAddr {
        match self {
            Self::Ipv4 => Ipv4Addr::new(172, 31, number, nth).into(),
            Self::Ipv6 => {
                Ipv6Addr::new(0x2001, 0xdb8, 31, number.into(), 0, 0, 0, nth.into()).into()
            }
        }
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "UDP over IPv4",
            Self::Ipv6 => "IPv6, protocol 135",
        })
    }
}

pub fn key(number: usize) -> String {
    format!("secret-of-cust{number}")
}

pub fn vrf(number: usize, world: &Host) -> String {
    format!("vrf V{number}\n netns {}\n!\n", world.namespace())
}

pub fn profile(number: usize) -> String {
    format!(
        " nai @cust{number}\n  lma LMA\n  network CUST{number}\n  service dual\n  \
         customer CUST{number}\n !\n"
    )
}

/// Every customer has the same pools.
pub fn customer(number: usize, over: Over) -> String {
    let (address, key) = (over.anchor(number), key(number));
    let family = if over == Over::Ipv4 { "ipv4" } else { "ipv6" };
    format!(
        "  customer CUST{number} vrf V{number}\n   bce lifetime 3000\n   \
         auth-option spi 100 key ascii {key}\n   network authorized CUST{number}\n    \
         pool mobile-node ipv4 start-address 10.10.10.1 pool-prefix 24\n    \
         pool mobile-node ipv6 start-address 2002:10:10:1::1 pool-prefix 48\n   !\n   \
         transport\n    address {family} {address}\n   !\n  !\n"
    )
}

pub const SERVICE: &str =
    "ipv6 mobile pmipv6-lma LMA domain D1\n mobility-service mobile-local-loop\n";

/// The lines that remove customers.
pub fn without(numbers: RangeInclusive<usize>) -> String {
    let mut text = SERVICE.to_owned();
    text.extend(numbers.clone().map(|number| format!("  no customer CUST{number}\n")));
    text += "!\nipv6 mobile pmipv6-domain D1\n";
    text.extend(numbers.clone().map(|number| format!(" no nai @cust{number}\n")));
    text += "!\n";
    text.extend(numbers.map(|number| format!("no vrf V{number}\n")));
    text
}

pub fn configuration(worlds: &[Host], numbers: RangeInclusive<usize>, over: Over) -> String {
    let mut text: String = numbers.clone().map(|n| vrf(n, &worlds[n - 1])).collect();
    text += "ipv6 mobile pmipv6-domain D1\n lma LMA\n !\n";
    text.extend(numbers.clone().map(profile));
    text += "!\nipv6 mobile pmipv6-lma LMA domain D1\n bce maximum 128000\n \
        dynamic mag learning\n mobility-service mobile-local-loop\n";
    for number in numbers {
        text += &customer(number, over);
    }
    text += " !\n!\n";
    text
}
