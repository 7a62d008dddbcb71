//! Commands that stand in several modes with one meaning.

use kedge_grammar::table::{Row, arg, arg_help, flag, last, row, word};
use kedge_grammar::{Part, Value};

use super::{BOTH, OURS, XE, XR, known};
use crate::key::Key;
use crate::{AuthHomeAddress, Encap};

pub(super) const BCE: Part = word("bce", "Binding cache");
pub(super) const BRI: Part = word("bri", "Binding revocation (RFC 5846)");
pub(super) const TUNNEL: Part = word("tunnel", "Tunnels between gateway and anchor");
pub(super) const MAXIMUM: Part = last("maximum");
pub(super) const IGNORE: Part = word("ignore", "What is left out of bindings");
pub(super) const ADDRESS: Part = word("address", "Addresses of this service");
pub(super) const MOBILITY_SERVICE: Part = word("mobility-service", "Services on top of mobility");

/// `auth-option`: the key that messages to and from a peer are authenticated with (RFC 4285).
pub(super) const AUTH_OPTION: Row<Key> = row(
    Key::AuthOption,
    &[
        last("auth-option"),
        word("spi", "Security parameter index"),
        Part::OneOf(&[
            &[arg_help("SPI", Value::Hex32, "security parameter index")],
            &[
                word("decimal", "The index in decimal"),
                arg_help(
                    "SPI",
                    Value::Integer { min: 256, max: 12_345_678, unit: "" },
                    "security parameter index",
                ),
            ],
        ]),
        word("key", "The shared key"),
        Part::OneOf(&[
            &[
                word("7", "An obfuscated key follows"),
                word("ascii", "The key as text"),
                arg_help("KEY", Value::SecretObfuscated, "shared key"),
            ],
            &[
                Part::Optional(&[word("0", "The key follows as it is")]),
                word("ascii", "The key as text"),
                arg_help("KEY", Value::SecretText, "shared key"),
            ],
            &[
                word("hex", "The key in hexadecimal"),
                arg_help("KEY", Value::SecretHex, "shared key"),
            ],
            &[
                word("file", "The key is the first line of a file (Kedge)"),
                arg_help("PATH", Value::Name { max: 255 }, "path from the root on"),
            ],
        ]),
        Part::Optional(&[
            word("home-address", "What the peer puts in the home address's place (Kedge)"),
            arg("home-address", Value::Keyword(AuthHomeAddress::WORDS)),
        ]),
        Part::Optional(&[flag("updates-only", "Only updates and their answers carry it (Kedge)")]),
    ],
    "The key shared with the peer",
)
.from(BOTH);

/// `encap`: how user packets travel.
pub(super) const ENCAP: Row<Key> = row(
    Key::Encap,
    &[last("encap"), arg("encap", Value::Keyword(Encap::WORDS))],
    "Encapsulation between gateway and anchor; without it IP in IP",
)
.new_bindings()
.from(BOTH);

/// The later XR models' multipoint GRE. Every tunnel here is one: peers need not be configured.
pub(super) const ENCAP_MGRE: Row<Key> = row(
    Key::Encap,
    &[
        last("encap"),
        arg(
            "encap",
            Value::Keyword(&[
                ("mgre-ipv4", "Multipoint GRE over IPv4"),
                ("mgre-ipv6", "Multipoint GRE over IPv6"),
            ]),
        ),
    ],
    "GRE between gateway and anchor",
)
.new_bindings()
.also()
.from(XR);

/// A peer's address as XR writes it.
pub(super) const PEER_IPV4: Row<Key> = row(
    Key::Ipv4Address,
    &[word("ipv4", "Internet Protocol version 4"), last("address"), arg("ADDRESS", Value::Ipv4)],
    "The peer's IPv4 address",
)
.from(XR);

/// A peer's address as XR writes it.
pub(super) const PEER_IPV6: Row<Key> = row(
    Key::Ipv6Address,
    &[word("ipv6", "Internet Protocol version 6"), last("address"), arg("ADDRESS", Value::Ipv6)],
    "The peer's IPv6 address",
)
.from(XR);

/// A peer's address as XE writes it.
pub(super) const PEER_IPV4_XE: Row<Key> = row(
    Key::Ipv4Address,
    &[last("ipv4-address"), arg("ADDRESS", Value::Ipv4)],
    "The peer's IPv4 address",
)
.from(XE);

/// A peer's address as XE writes it.
pub(super) const PEER_IPV6_XE: Row<Key> = row(
    Key::Ipv6Address,
    &[last("ipv6-address"), arg("ADDRESS", Value::Ipv6)],
    "The peer's IPv6 address",
)
.from(XE);

/// The code point of signalling packets.
pub(super) const DSCP: Row<Key> = row(
    Key::Dscp,
    &[
        word("dscp", "Differentiated services code point"),
        last("control-plane"),
        arg_help("DSCP", Value::Integer { min: 1, max: 63, unit: "" }, "code point"),
        Part::Optional(&[flag("force", "In every packet, whatever the request had")]),
    ],
    "The code point of signalling packets",
)
.from(BOTH);

const HEARTBEAT: Part = last("heartbeat");
const INTERVAL: Part = word("interval", "Time between two heartbeats");
const INTERVAL_SECONDS: Part =
    arg_help("INTERVAL", Value::Integer { min: 1, max: 3600, unit: "seconds" }, "interval");
const RETRIES: Part = word("retries", "Unanswered heartbeats until the path is down");
const RETRY_COUNT: Part =
    arg_help("RETRIES", Value::Integer { min: 1, max: 10, unit: "" }, "retries");
const TIMEOUT: Part = word("timeout", "Time to wait for an answer");
const TIMEOUT_SECONDS: Part =
    arg_help("TIMEOUT", Value::Integer { min: 1, max: 3600, unit: "seconds" }, "timeout");

/// Heartbeats to every peer.
pub(super) const HEARTBEATS: Row<Key> = row(
    Key::Heartbeat,
    &[
        HEARTBEAT,
        INTERVAL,
        INTERVAL_SECONDS,
        RETRIES,
        RETRY_COUNT,
        Part::Optional(&[TIMEOUT, TIMEOUT_SECONDS]),
    ],
    "Heartbeats to every peer",
)
.from(BOTH);

/// Heartbeats on the paths of one label.
pub(super) const HEARTBEATS_OF_LABEL: Row<Key> = row(
    Key::HeartbeatOfLabel,
    &[
        HEARTBEAT,
        INTERVAL,
        INTERVAL_SECONDS,
        RETRIES,
        RETRY_COUNT,
        Part::Optional(&[TIMEOUT, TIMEOUT_SECONDS]),
        word("label", "On the paths of one label"),
        arg_help("LABEL", known("label"), "label"),
        Part::Optional(&[flag("natreboot", "Detect that a NAT on the path started again")]),
    ],
    "Heartbeats on the paths of one label",
)
.each(&["LABEL"])
.no_effect_yet()
.from(XE);

/// The same with the time behind the label, where IOS XE's model has it.
pub(super) const HEARTBEATS_OF_LABEL_XE: Row<Key> = row(
    Key::HeartbeatOfLabel,
    &[
        HEARTBEAT,
        INTERVAL,
        INTERVAL_SECONDS,
        RETRIES,
        RETRY_COUNT,
        word("label", "On the paths of one label"),
        arg_help("LABEL", known("label"), "label"),
        Part::Optional(&[flag("natreboot", "Detect that a NAT on the path started again")]),
        TIMEOUT,
        TIMEOUT_SECONDS,
    ],
    "Heartbeats on the paths of one label",
)
.each(&["LABEL"])
.no_effect_yet()
.also()
.from(XE);

const MTU: Value = Value::Integer { min: 68, max: 17916, unit: "octets" };

/// The largest inner packet of the tunnels.
pub(super) const TUNNEL_MTU: Row<Key> = row(
    Key::TunnelMtu,
    &[TUNNEL, last("mtu"), arg("MTU", MTU)],
    "The largest packet the tunnels carry whole; without it what the path allows",
)
.new_bindings()
.from(BOTH);

const ACL: Part = arg_help("ACL", known("access list"), "name of an access list");

/// An access list on what enters the tunnels.
pub(super) const TUNNEL_ACL: Row<Key> = row(
    Key::TunnelAcl,
    &[TUNNEL, last("acl"), ACL],
    "An access list on packets that enter the tunnels; one that denies the pools' prefixes as \
     sources blocks packets from gateway to gateway",
)
.from(BOTH);

/// An access list on what comes out of the tunnels.
pub(super) const TUNNEL_ACL_IN: Row<Key> = row(
    Key::TunnelAclIn,
    &[TUNNEL, last("acl"), ACL, word("in", "On packets that come out of the tunnels")],
    "An access list on packets that come out of the tunnels",
)
.from(OURS);

/// The code point of outer packets.
pub(super) const TUNNEL_DSCP: Row<Key> = row(
    Key::TunnelDscp,
    &[
        TUNNEL,
        last("dscp"),
        Part::OneOf(&[
            &[flag("uniform", "One code point: the outer packet gives it back to the inner one")],
            &[
                word("pipe", "A code point of the tunnels' own; the inner one is not touched"),
                arg_help("DSCP", Value::Integer { min: 0, max: 63, unit: "" }, "code point"),
            ],
        ]),
    ],
    "The code point of tunnelled packets (RFC 2983 3.1); without it the outer packet copies that \
     of the inner one, which keeps its own",
)
.from(OURS);

/// Segment sizes of TCP connections.
pub(super) const TUNNEL_MSS: Row<Key> = row(
    Key::TunnelMss,
    &[TUNNEL, last("mss-clamping")],
    "TCP connections through the tunnels begin with segments that fit",
)
.on_by_default()
.from(OURS);

/// GRE keys (RFC 5845).
pub(super) const GENERATE_GREKEY: Row<Key> = row(
    Key::GenerateGre,
    &[word("generate", "What is made for each binding"), last("grekey")],
    "GRE keys for each binding (RFC 5845)",
)
.on_by_default()
.new_bindings()
.from(BOTH);

/// No GRE keys.
pub(super) const IGNORE_GREKEY: Row<Key> =
    row(Key::IgnoreGre, &[IGNORE, last("grekey")], "GRE without keys").new_bindings().from(XE);

/// No home address.
pub(super) const IGNORE_HOME_ADDRESS: Row<Key> = row(
    Key::IgnoreHomeAddress,
    &[IGNORE, last("home-address")],
    "No IPv4 home address for the mobile nodes",
)
.new_bindings()
.from(XE);

const DELAY: Part = word("delay", "Wait before a revocation is sent again");
const DELAY_MS: Value = Value::Integer { min: 500, max: 65535, unit: "milliseconds" };

/// The first wait.
pub(super) const BRI_MIN: Row<Key> = row(
    Key::BriDelayMin,
    &[BRI, DELAY, last("min"), arg("MILLISECONDS", DELAY_MS)],
    "The first wait (InitMINDelayBRIs)",
)
.default("1000")
.from(BOTH);

/// The longest wait.
pub(super) const BRI_MAX: Row<Key> = row(
    Key::BriDelayMax,
    &[BRI, DELAY, last("max"), arg("MILLISECONDS", DELAY_MS)],
    "The longest wait; each is twice the one before",
)
.default("2000")
.from(BOTH);

/// How often.
pub(super) const BRI_RETRIES: Row<Key> = row(
    Key::BriRetries,
    &[BRI, last("retries"), arg("COUNT", Value::Integer { min: 1, max: 10, unit: "" })],
    "How often a revocation is sent again (BRIMaxRetriesNumber)",
)
.default("1")
.from(BOTH);

/// Access network identifiers (RFC 6757).
pub(super) const ANI: Row<Key> =
    row(Key::Ani, &[last("ani")], "Access network identifiers (RFC 6757)").no_effect_yet().from(XE);

/// Several paths for one binding.
pub(super) const MULTIPATH: Row<Key> =
    row(Key::Multipath, &[last("multipath")], "Several paths for one binding (RFC 8278)")
        .no_effect_yet()
        .from(XE);

/// The active mobile map.
pub(super) const MOBILE_MAP: Row<Key> = row(
    Key::MobileMap,
    &[last("mobile-map"), arg_help("NAME", known("mobile map"), "name of a mobile map")],
    "The mobile map that chooses paths",
)
.no_effect_yet()
.from(XE);

/// Routes of mobile prefixes.
pub(super) const MOBILE_ROUTE: Row<Key> = row(
    Key::MobileRoute,
    &[
        word("mobile-route", "Routes of the mobile nodes"),
        last("admin-distance"),
        arg("DISTANCE", Value::Integer { min: 1, max: 255, unit: "" }),
    ],
    "Administrative distance of routes to mobile nodes",
)
.from(BOTH);

/// An interface's name: one word, or a vendor's type and number.
pub(super) const INTERFACE_NAME: Part = Part::OneOf(&[
    &[arg_help("INTERFACE", Value::Interface, "interface")],
    &[
        arg_help("INTERFACE", Value::InterfaceType, "interface"),
        arg_help("NUMBER", Value::InterfaceNumber, "its number"),
    ],
]);

/// The active mobile map as one of the documents prints it, with the number of an entry.
pub(super) const MOBILE_MAP_WITH_SEQUENCE: Row<Key> = row(
    Key::MobileMap,
    &[
        last("mobile-map"),
        arg_help("NAME", known("mobile map"), "name of a mobile map"),
        arg_help("SEQ", Value::Integer { min: 1, max: 255, unit: "" }, "an entry; it says nothing"),
    ],
    "The mobile map that chooses paths, with all its entries",
)
.no_effect_yet()
.also()
.from(XE);
