//! Under `ipv6 mobile pmipv6-mag ID domain NAME`.

use kedge_grammar::table::{Block, arg, arg_help, last, row, word};
use kedge_grammar::{Part, Value};

use super::common::{
    ADDRESS, ANI, AUTH_OPTION, BCE, BRI_MAX, BRI_MIN, BRI_RETRIES, DSCP, ENCAP, GENERATE_GREKEY,
    HEARTBEATS, HEARTBEATS_OF_LABEL, HEARTBEATS_OF_LABEL_XE, IGNORE_GREKEY, IGNORE_HOME_ADDRESS,
    INTERFACE_NAME, MAXIMUM, MOBILE_MAP, MOBILE_MAP_WITH_SEQUENCE, MOBILITY_SERVICE, MULTIPATH,
    PEER_IPV4, PEER_IPV4_XE, PEER_IPV6, PEER_IPV6_XE, TUNNEL, TUNNEL_ACL, TUNNEL_ACL_IN,
    TUNNEL_DSCP, TUNNEL_MSS, TUNNEL_MTU,
};
use super::hybrid::{HYBRID_ACCESS, HYBRID_ACCESS_UNHYPHENATED, MAG_HYBRID_ACCESS};
use super::local_loop::{LOGICAL_MN, MAG_LOCAL_LOOP};
use super::{DOMAIN_NAME, NAME, OURS, XE, known};
use crate::key::Key;
use crate::{AccessTechnology, EgressTechnology, MagRole, NatSide};

const BINDING: Part = word("binding", "Bindings of the attached nodes");
const COUNT: Value = Value::Integer { min: 1, max: 128_000, unit: "bindings" };
const RETRANSMIT: Value = Value::Integer { min: 100, max: 65535, unit: "milliseconds" };

/// The mode of the gateway.
pub(crate) static MAG: Block<Key> = Block {
    name: "pmipv6-mag",
    help: "The mobile access gateway: it notices nodes on its interfaces and registers them.",
    rows: &[
        row(
            Key::AddressIpv4,
            &[ADDRESS, word("ipv4", "An IPv4 address"), arg("ADDRESS", Value::Ipv4)],
            "The gateway's IPv4 care-of address",
        )
        .restart()
        .from(XE),
        row(
            Key::AddressIpv6,
            &[ADDRESS, word("ipv6", "An IPv6 address"), arg("ADDRESS", Value::Ipv6)],
            "The gateway's IPv6 care-of address",
        )
        .restart()
        .from(XE),
        row(
            Key::AddressDynamic,
            &[ADDRESS, last("dynamic")],
            "Care-of addresses of roaming interfaces",
        )
        .opens(&DYNAMIC_ADDRESS)
        .no_effect_yet()
        .from(XE),
        row(
            Key::Role,
            &[last("role"), arg("role", Value::Keyword(MagRole::WORDS))],
            "The kind of access network",
        )
        .default("WLAN")
        .new_bindings()
        .from(XE),
        row(Key::BindingMaximum, &[BINDING, MAXIMUM, arg("COUNT", COUNT)], "Most bindings")
            .default("10000")
            .from(XE),
        row(Key::BindingMaximum, &[BCE, MAXIMUM, arg("COUNT", COUNT)], "Most bindings")
            .default("10000")
            .also()
            .from(XE),
        row(
            Key::BindingLifetime,
            &[
                BINDING,
                last("lifetime"),
                arg("SECONDS", Value::Integer { min: 8, max: 65532, unit: "seconds" }),
            ],
            "Lifetime asked for",
        )
        .default("3600")
        .new_bindings()
        .from(XE),
        row(
            Key::BindingRefreshTime,
            &[
                BINDING,
                last("refresh-time"),
                arg("SECONDS", Value::Integer { min: 4, max: 65532, unit: "seconds" }),
            ],
            "How often a binding is registered again",
        )
        .default("300")
        .from(XE),
        row(
            Key::BindingInitRetx,
            &[BINDING, last("init-retx-time"), arg("MILLISECONDS", RETRANSMIT)],
            "Wait before an update is sent again, the first time",
        )
        .default("1000")
        .from(XE),
        row(
            Key::BindingMaxRetx,
            &[BINDING, last("max-retx-time"), arg("MILLISECONDS", RETRANSMIT)],
            "The longest such wait; each is twice the one before",
        )
        .default("32000")
        .from(XE),
        row(
            Key::ReplayWindow,
            &[
                word("replay-protection", "Protection against replayed messages"),
                word("timestamp", "By the Timestamp option (RFC 5213 8.8)"),
                last("window"),
                arg("SECONDS", Value::Integer { min: 3, max: 255, unit: "seconds" }),
            ],
            "How old the timestamp may be that an anchor repeats; without it the domain's window",
        )
        .from(XE),
        row(
            Key::UpdatesBySequence,
            &[word("replay-protection", "Protection against replayed messages"), last("sequence")],
            "Updates are told apart by their sequence numbers alone, and say no time (RFC 5213 \
             5.5); without it they have timestamps",
        )
        .from(OURS),
        row(
            Key::DetachPoll,
            &[
                last("discover-mn-detach"),
                word("poll", "By asking it from time to time"),
                word("interval", "Time between two probes of a silent node"),
                arg_help(
                    "INTERVAL",
                    Value::Integer { min: 10, max: 36000, unit: "seconds" },
                    "interval",
                ),
                word("timeout", "Time to wait for an answer"),
                arg_help("TIMEOUT", Value::Integer { min: 1, max: 10, unit: "seconds" }, "timeout"),
                word("retries", "Unanswered probes until the node is gone"),
                arg_help("RETRIES", Value::Integer { min: 1, max: 10, unit: "" }, "retries"),
            ],
            "How nodes are probed to notice that they have left",
        )
        .default("10 timeout 2 retries 2")
        .from(XE),
        HEARTBEATS,
        HEARTBEATS_OF_LABEL,
        HEARTBEATS_OF_LABEL_XE,
        BRI_MIN,
        BRI_MAX,
        BRI_RETRIES,
        DSCP,
        TUNNEL_MTU,
        TUNNEL_MSS,
        TUNNEL_DSCP,
        TUNNEL_ACL,
        TUNNEL_ACL_IN,
        row(
            Key::TunnelNat,
            &[TUNNEL, last("nat"), arg("side", Value::Keyword(NatSide::WORDS))],
            "Address translation on the tunnels",
        )
        .no_effect_yet()
        .from(XE),
        row(
            Key::TunnelTemplate,
            &[last("tunnel-template"), INTERFACE_NAME],
            "Settings copied to the tunnels",
        )
        .no_effect_yet()
        .from(XE),
        GENERATE_GREKEY,
        IGNORE_GREKEY,
        IGNORE_HOME_ADDRESS,
        ANI,
        MULTIPATH,
        MOBILE_MAP,
        MOBILE_MAP_WITH_SEQUENCE,
        row(Key::SessionManager, &[last("sessionmgr")], "Nodes arrive through a session manager")
            .no_effect_yet()
            .from(XE),
        row(
            Key::LocalRouting,
            &[
                last("local-routing-mag"),
                Part::Optional(&[arg_help("ACL", known("access list"), "access list")]),
            ],
            "Route between nodes of this gateway, past the anchor (RFC 5213 6.10.3)",
        )
        .from(XE),
        row(
            Key::Apn,
            &[last("apn"), arg_help("NAME", NAME, "access point name")],
            "The service that is selected for the nodes when they are registered (RFC 5149)",
        )
        .new_bindings()
        .from(XE),
        row(
            Key::ServiceSelectionLabel,
            &[word("ssmo-format", "Encoding of the service selection"), last("label")],
            "The name of `apn` is sent as mobile operators write it: as labels, without dots",
        )
        .new_bindings()
        .from(XE),
        row(
            Key::MobileNode,
            &[
                word("mobile-node", "A node by its address"),
                last("mac"),
                arg_help("MAC", Value::Mac, "its Ethernet address"),
                word("nai", "Its identifier"),
                arg_help("NAI", Value::NodeNai, "its identifier"),
            ],
            "The identifier of the node with an Ethernet address",
        )
        .each(&["MAC"])
        .from(OURS),
        row(
            Key::PeerLma,
            &[last("lma"), arg_help("ID", known("anchor"), "anchor"), DOMAIN_NAME],
            "An anchor",
        )
        .opens(&PEER_LMA)
        .in_order()
        .from(XE),
        row(
            Key::Interface,
            &[last("interface"), INTERFACE_NAME],
            "An access interface, where nodes attach",
        )
        .opens(&INTERFACE)
        .from(XE),
        row(
            Key::LogicalMn,
            &[last("logical-mn"), arg_help("NAI", Value::NodeNai, "its identifier")],
            "This router as a mobile node",
        )
        .opens(&LOGICAL_MN)
        .from(XE),
        row(Key::LocalLoop, &[MOBILITY_SERVICE, last("mobile-local-loop")], "Mobile local loop")
            .opens(&MAG_LOCAL_LOOP)
            .from(XE),
        HYBRID_ACCESS.opens(&MAG_HYBRID_ACCESS),
        HYBRID_ACCESS_UNHYPHENATED.opens(&MAG_HYBRID_ACCESS),
    ],
};

/// The mode of an anchor that the gateway registers with.
pub(crate) static PEER_LMA: Block<Key> = Block {
    name: "pmipv6-mag-lma",
    help: "An anchor that the gateway registers with.",
    rows: &[
        PEER_IPV4_XE.each(&[]).in_order(),
        PEER_IPV6_XE.each(&[]).in_order(),
        PEER_IPV4.each(&[]).in_order().also(),
        PEER_IPV6.each(&[]).in_order().also(),
        AUTH_OPTION,
        ENCAP,
        row(
            Key::TunnelInterface,
            &[TUNNEL, last("interface"), INTERFACE_NAME],
            "A static GRE tunnel to the anchor: no GRE Key option is sent",
        )
        .new_bindings()
        .from(OURS),
        DSCP.help(
            "The code point of signalling packets to this anchor; without it as the gateway says",
        ),
        HEARTBEATS.help("Heartbeats to this anchor; without it as the gateway says"),
        row(
            Key::TransportVrf,
            &[
                word("vrf", "The routing world of the tunnels"),
                last("id"),
                arg("VRF", known("vrf")),
            ],
            "The routing world of the tunnels to this anchor",
        )
        .from(XE),
        row(
            Key::TunnelTemplate,
            &[
                last("tunnel-template"),
                INTERFACE_NAME,
                Part::Optional(&[
                    word("label", "Of the paths of one label"),
                    arg_help("LABEL", known("label"), "label"),
                ]),
            ],
            "Settings copied to the tunnels to this anchor",
        )
        .each(&["LABEL"])
        .no_effect_yet()
        .from(XE),
    ],
};

/// The mode of an access interface: what a Linux host needs besides the routers' words.
pub(crate) static INTERFACE: Block<Key> = Block {
    name: "pmipv6-mag-interface",
    help: "An access interface, where nodes attach.",
    rows: &[
        row(
            Key::InterfaceDevice,
            &[last("device"), arg("DEVICE", Value::Device)],
            "The Linux device; without it the interface's own name",
        )
        .restart()
        .from(OURS),
        row(
            Key::InterfaceTechnology,
            &[
                last("access-technology"),
                arg("technology", Value::Keyword(AccessTechnology::WORDS)),
            ],
            "The access technology told to the anchor; without it what the role implies",
        )
        .new_bindings()
        .from(OURS),
        row(
            Key::InterfaceNai,
            &[last("nai"), arg("NAI", Value::NodeNai)],
            "The identifier of the one node on this interface",
        )
        .from(OURS),
        row(
            Key::InterfaceAttach,
            &[word("attach", "How nodes attach"), last("static")],
            "The node of this interface is attached while the link is up",
        )
        .from(OURS),
    ],
};

/// The mode of roaming interfaces.
static DYNAMIC_ADDRESS: Block<Key> = Block {
    name: "pmipv6-mag-addr-dyn",
    help: "The interfaces whose addresses are the gateway's care-of addresses.",
    rows: &[row(
        Key::Roaming,
        &[
            word("roaming", "A path to the anchor"),
            last("interface"),
            INTERFACE_NAME,
            Part::Optional(&[
                word("priority", "Preference among the interfaces"),
                arg_help("PRIORITY", Value::Integer { min: 1, max: 100, unit: "" }, "priority"),
            ]),
            Part::Optional(&[
                word("egress-att", "Its access technology"),
                arg("att", Value::Keyword(EgressTechnology::WORDS)),
            ]),
            Part::Optional(&[
                word("label", "Its label"),
                arg_help("LABEL", known("label"), "label"),
            ]),
        ],
        "An interface whose address is a care-of address",
    )
    .each(&["INTERFACE"])
    .no_effect_yet()
    .from(XE)],
};
