//! The configuration language: one file for each of its modes, outermost here.
//!
//! The order of the rows is the order in which the running configuration is written: what stands
//! alone first, what opens a block last. Ranges and defaults are those of
//! `docs/config/README.md`; where two routers differ, the wider range is read.

mod access_list;
mod common;
mod domain;
mod hybrid;
mod lma;
mod local_loop;
mod local_pool;
mod mag;
mod management;
mod pools;
mod radius;

use kedge_grammar::table::{Block, arg, arg_help, last, row, word};
use kedge_grammar::{Part, Value};

use domain::DOMAIN;
use lma::LMA;
use mag::MAG;

use crate::key::Key;

/// Sources of rows, as documentation names them.
const XR: &str = "IOS XR";
const XE: &str = "IOS XE";
const BOTH: &str = "IOS XR, IOS XE";
const OURS: &str = "Kedge";

/// A name as the routers limit it.
const NAME: Value = Value::Name { max: 125 };

/// The name of something that is defined elsewhere.
const fn known(what: &'static str) -> Value {
    Value::Known { what, max: 125 }
}

const IPV6: Part = word("ipv6", "Internet Protocol version 6");
const MOBILE: Part = word("mobile", "Mobility services");
const IN_DOMAIN: Part = word("domain", "The domain the service belongs to");
const DOMAIN_NAME: Part = arg_help("DOMAIN", known("domain"), "name of a domain");

/// The global mode.
pub(crate) static GLOBAL: Block<Key> = Block {
    name: "global",
    help: "The commands outside of all blocks.",
    rows: &[
        row(
            Key::Vrf,
            &[last("vrf"), arg_help("NAME", known("vrf"), "name of the VRF")],
            "A routing world",
        )
        .opens(&VRF)
        .from(OURS),
        row(
            Key::Vrf,
            &[
                word("vrf", "A routing world"),
                last("definition"),
                arg_help("NAME", known("vrf"), "name of the VRF"),
            ],
            "A routing world",
        )
        .opens(&VRF)
        .also()
        .from(XE),
        row(
            Key::ManagementApi,
            &[last("management-api")],
            "Management from other hosts, over TCP with TLS and tokens",
        )
        .opens(&management::MANAGEMENT_API)
        .from(OURS),
        radius::TIMEOUT,
        radius::RETRANSMIT,
        radius::DEAD_TIME,
        radius::SERVER,
        radius::ACCOUNTING,
        radius::DYNAMIC_AUTHOR,
        access_list::IPV4_LIST,
        access_list::IPV4_LIST_XR,
        access_list::IPV6_LIST,
        local_pool::IPV4_POOL,
        local_pool::IPV6_POOL,
        row(
            Key::Domain,
            &[
                IPV6,
                MOBILE,
                last("pmipv6-domain"),
                arg_help("NAME", known("domain"), "name of the domain"),
            ],
            "A Proxy Mobile IPv6 domain",
        )
        .opens(&DOMAIN)
        .from(BOTH),
        row(
            Key::Lma,
            &[
                IPV6,
                MOBILE,
                last("pmipv6-lma"),
                arg_help("ID", known("anchor"), "the anchor's identifier"),
                IN_DOMAIN,
                DOMAIN_NAME,
            ],
            "The local mobility anchor",
        )
        .opens(&LMA)
        .once()
        .restart()
        .from(BOTH),
        row(
            Key::Mag,
            &[
                IPV6,
                MOBILE,
                last("pmipv6-mag"),
                arg_help(
                    "ID",
                    Value::Known { what: "gateway", max: 128 },
                    "the gateway's identifier",
                ),
                IN_DOMAIN,
                DOMAIN_NAME,
            ],
            "The mobile access gateway",
        )
        .opens(&MAG)
        .once()
        .restart()
        .from(XE),
    ],
};

const PORT: Value = Value::Integer { min: 1, max: 65535, unit: "" };

/// Under `vrf NAME`.
pub(crate) static VRF: Block<Key> = Block {
    name: "vrf",
    help: "A routing world: a network namespace or a Linux VRF device.",
    rows: &[
        row(Key::VrfNetns, &[last("netns"), arg("NETNS", NAME)], "The network namespace it is")
            .from(OURS),
        row(
            Key::VrfDevice,
            &[last("device"), arg("DEVICE", Value::Device)],
            "The Linux VRF device it is",
        )
        .from(OURS),
    ],
};

#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
