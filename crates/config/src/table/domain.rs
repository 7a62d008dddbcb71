//! Under `ipv6 mobile pmipv6-domain NAME`.

use kedge_grammar::table::{Block, arg, arg_help, flag, last, row, word};
use kedge_grammar::{Part, Value};

use super::common::{
    AUTH_OPTION, ENCAP, MOBILITY_SERVICE, PEER_IPV4, PEER_IPV4_XE, PEER_IPV6, PEER_IPV6_XE,
};
use super::{BOTH, NAME, OURS, XE, known};
use crate::Service;
use crate::key::Key;

/// The mode of a domain.
pub(crate) static DOMAIN: Block<Key> = Block {
    name: "pmipv6-domain",
    help: "A Proxy Mobile IPv6 domain: what its gateways, anchors and mobile nodes share.",
    rows: &[
        AUTH_OPTION,
        ENCAP,
        row(
            Key::ReplayWindow,
            &[
                word("replay-protection", "Protection against replayed updates"),
                word("timestamp", "By the Timestamp option (RFC 5213 8.8)"),
                last("window"),
                arg("SECONDS", Value::Integer { min: 3, max: 255, unit: "seconds" }),
            ],
            "How far a peer's clock may be from this one",
        )
        .default("7")
        .from(XE),
        row(
            Key::ProfileFromAaa,
            &[last("mn-profile-load-aaa")],
            "Nodes that the configuration does not know are RADIUS servers' to know: their profiles \
             at the anchor, who they are at the gateway",
        )
        .from(XE),
        row(
            Key::LocalRouting,
            &[last("local-routing-mag")],
            "Gateways route between their own nodes, past the anchor (RFC 5213 6.10.3)",
        )
        .from(XE),
        row(
            Key::MapEntry,
            &[
                last("mobile-map"),
                arg_help("NAME", known("mobile map"), "name of the map"),
                arg_help("SEQ", Value::Integer { min: 1, max: 255, unit: "" }, "place in the map"),
            ],
            "An entry of a mobile map",
        )
        .opens(&MOBILE_MAP)
        .no_effect_yet()
        .from(XE),
        row(
            Key::DomainLma,
            &[last("lma"), arg_help("ID", known("anchor"), "anchor")],
            "An anchor of the domain",
        )
        .opens(&MEMBER)
        .from(BOTH),
        row(
            Key::DomainMag,
            &[last("mag"), arg_help("ID", known("gateway"), "gateway")],
            "A gateway of the domain",
        )
        .opens(&MEMBER)
        .from(BOTH),
        row(
            Key::Nai,
            &[last("nai"), arg_help("NAI", Value::Nai, "the node, or all of a realm")],
            "The profile of a mobile node or of a realm",
        )
        .opens(&NAI)
        .new_bindings()
        .from(BOTH),
    ],
};

/// The mode of an anchor or a gateway that a domain declares.
static MEMBER: Block<Key> = Block {
    name: "pmipv6-domain-member",
    help: "An anchor or a gateway that the domain declares.",
    rows: &[PEER_IPV4_XE, PEER_IPV6_XE, PEER_IPV4.also(), PEER_IPV6.also()],
};

/// The mode of a mobile node's profile.
pub(crate) static NAI: Block<Key> = Block {
    name: "pmipv6-domain-nai",
    help: "The profile of a mobile node, or of all nodes of a realm without a profile of their own.",
    rows: &[
        row(Key::NaiApn, &[last("apn"), arg("NAME", NAME)], "Its service selection (RFC 5149)")
            .new_bindings()
            .from(BOTH),
        row(Key::NaiLma, &[last("lma"), arg("ID", known("anchor"))], "Its anchor")
            .new_bindings()
            .from(BOTH),
        row(
            Key::NaiNetwork,
            &[last("network"), arg("NAME", known("network"))],
            "The anchor's network that its addresses come from",
        )
        .new_bindings()
        .from(BOTH),
        row(
            Key::NaiService,
            &[last("service"), arg("service", Value::Keyword(Service::WORDS))],
            "The address families it is served",
        )
        .default("ipv4")
        .new_bindings()
        .from(BOTH),
        row(
            Key::NaiDelegation,
            &[last("prefix-delegation")],
            "The node may be a router: it is delegated prefixes by DHCPv6 (RFC 7148)",
        )
        .new_bindings()
        .from(OURS),
        row(
            Key::NaiCustomer,
            &[last("customer"), arg("NAME", known("customer"))],
            "The customer it belongs to",
        )
        .from(BOTH),
        row(Key::NaiLocalLoop, &[MOBILITY_SERVICE, last("mobile-local-loop")], "Mobile local loop")
            .no_effect_yet()
            .from(XE),
        row(
            Key::GreKeyUp,
            &[FIXED_GRE_KEY, word("up", "Towards the anchor"), arg("KEY", GRE_KEY)],
            "The fixed GRE key of packets towards the anchor",
        )
        .new_bindings()
        .from(XE),
        row(
            Key::GreKeyDown,
            &[FIXED_GRE_KEY, word("down", "Towards the node"), arg("KEY", GRE_KEY)],
            "The fixed GRE key of packets towards the node",
        )
        .new_bindings()
        .from(XE),
        AUTH_OPTION.help(
            "A key of its own: updates about it and their acknowledgements are protected with it, \
             whichever gateway sends them, and not with the gateway's",
        ),
    ],
};

const FIXED_GRE_KEY: Part = word("gre-encap-key", "Fixed GRE keys");
const GRE_KEY: Value = Value::Integer { min: 1, max: 4_294_967_295, unit: "" };

const LINK_HELP: &str = "link label";
const NULL: Part = flag("NULL", "Drop when none of the links before it is up");

/// The mode of an entry of a mobile map.
static MOBILE_MAP: Block<Key> = Block {
    name: "pmipv6-domain-mobile-map",
    help: "An entry of a mobile map: which traffic goes over which links.",
    rows: &[
        row(
            Key::MapMatch,
            &[
                word("match", "Which traffic"),
                last("access-list"),
                arg_help("ACL", known("access list"), "access list"),
            ],
            "The traffic that the entry is for",
        )
        .no_effect_yet()
        .from(XE),
        row(
            Key::MapLinks,
            &[
                word("set", "What is done with it"),
                last("link-type"),
                Part::OneOf(&[
                    &[
                        arg_help("LINK1", known("label"), LINK_HELP),
                        Part::Optional(&[Part::OneOf(&[
                            &[
                                arg_help("LINK2", known("label"), LINK_HELP),
                                Part::Optional(&[Part::OneOf(&[
                                    &[
                                        arg_help("LINK3", known("label"), LINK_HELP),
                                        Part::Optional(&[NULL]),
                                    ],
                                    &[NULL],
                                ])]),
                            ],
                            &[NULL],
                        ])]),
                    ],
                    &[NULL],
                ]),
            ],
            "The links to use, in order of preference; then ordinary routing, or NULL",
        )
        .no_effect_yet()
        .from(XE),
        row(
            Key::MapProfile,
            &[last("traffic-profile"), arg_help("NAME", known("traffic profile"), "profile")],
            "Choose the link by its measured performance",
        )
        .no_effect_yet()
        .from(XE),
        row(Key::Loadbalance, &[last("loadbalance")], "Spread flows over the links")
            .no_effect_yet()
            .from(XE),
        row(
            Key::MapDontFragment,
            &[
                word("ip", "Internet Protocol version 4"),
                last("df"),
                arg("DF", Value::Integer { min: 0, max: 1, unit: "" }),
            ],
            "The don't-fragment bit of matched packets",
        )
        .no_effect_yet()
        .from(XE),
    ],
};
