//! Mobile local loop: customers of an anchor, and the routers that are its mobile nodes.

use kedge_grammar::table::{Block, Row, arg, arg_help, flag, last, row, word};
use kedge_grammar::{Part, Value};

use super::common::{
    ADDRESS, AUTH_OPTION, BCE, HEARTBEATS, IGNORE_HOME_ADDRESS, INTERFACE_NAME, MOBILE_MAP,
    MOBILE_ROUTE,
};
use super::pools::{
    MOBILE_NETWORK_IPV4, MOBILE_NETWORK_IPV6, MOBILE_NETWORK_IPV6_AS_IPV4, NAMED_POOL_IPV4,
    NAMED_POOL_IPV6, NETWORK_POOL_IPV4, NETWORK_POOL_IPV6, NODE_POOL_IPV4, NODE_POOL_IPV6,
};
use super::{BOTH, XE, XR, known};
use crate::Service;
use crate::key::Key;

const GRE_KEY: Value = Value::Integer { min: 1, max: 4_294_967_295, unit: "" };
const MNP: Part = word("mnp", "Mobile network prefixes");
const FAMILY: Part = Part::Optional(&[arg(
    "family",
    Value::Keyword(&[("ipv4", "IPv4 prefixes only"), ("ipv6", "IPv6 prefixes only")]),
)]);

const MNP_CUSTOMER: Row<Key> = row(
    Key::MnpCustomer,
    &[
        MNP,
        FAMILY,
        word("customer", "Of a customer"),
        word("maximum", "The most of them"),
        arg("COUNT", Value::Integer { min: 1, max: 4_000_000, unit: "prefixes" }),
    ],
    "Most mobile network prefixes of a customer; 2000 without it",
)
.each(&["family"])
.from(BOTH);

const MNP_LOGICAL_MN: Row<Key> = row(
    Key::MnpLogicalMn,
    &[
        MNP,
        FAMILY,
        word("logical-mn", "Of a logical mobile node"),
        word("maximum", "The most of them"),
        arg("COUNT", Value::Integer { min: 1, max: 32, unit: "prefixes" }),
    ],
    "Most mobile network prefixes of a logical mobile node; 16 without it",
)
.each(&["family"])
.from(BOTH);

/// The mode of the service at the anchor.
pub(super) static LOCAL_LOOP: Block<Key> = Block {
    name: "pmipv6-lma-mll",
    help: "Mobile local loop: customers, each with its own addresses and keys.",
    rows: &[
        IGNORE_HOME_ADDRESS.no_effect_yet(),
        MNP_CUSTOMER,
        MNP_LOGICAL_MN,
        row(
            Key::Customer,
            &[
                last("customer"),
                arg_help("NAME", Value::Known { what: "customer", max: 32 }, "customer"),
                word("vrf", "Its routing world"),
                arg_help("VRF", Value::Known { what: "vrf", max: 32 }, "VRF"),
            ],
            "A customer",
        )
        .opens(&CUSTOMER)
        .from(BOTH),
    ],
};

static CUSTOMER: Block<Key> = Block {
    name: "pmipv6-lma-mll-cust",
    help: "A customer of the anchor.",
    rows: &[
        AUTH_OPTION.help("The key shared with the customer's gateways"),
        HEARTBEATS.help("Heartbeats to the customer's gateways"),
        row(
            Key::BceLifetime,
            &[
                BCE,
                last("lifetime"),
                arg("SECONDS", Value::Integer { min: 10, max: 65535, unit: "seconds" }),
            ],
            "Longest lifetime granted; without it that of the anchor",
        )
        .from(XR),
        row(
            Key::FixedGre,
            &[
                word("gre-key", "Fixed GRE keys"),
                last("symmetric"),
                arg("KEY", GRE_KEY),
                Part::Optional(&[
                    word("label", "On the paths of one label"),
                    arg_help("LABEL", known("label"), "label"),
                ]),
            ],
            "A fixed GRE key, the same both ways",
        )
        .each(&["LABEL"])
        .from(BOTH),
        MNP_CUSTOMER,
        MNP_LOGICAL_MN,
        row(
            Key::Bandwidth,
            &[
                word("bandwidth", "Bandwidth"),
                last("aggregate"),
                arg("RATE", Value::Integer { min: 1, max: 2_147_483_647, unit: "kbit/s" }),
            ],
            "Bandwidth of all the customer's nodes together",
        )
        .no_effect_yet()
        .from(XR),
        MOBILE_ROUTE,
        MOBILE_MAP,
        row(
            Key::CoreInterface,
            &[last("interface"), INTERFACE_NAME],
            "A core interface of the customer",
        )
        .each(&[])
        .no_effect_yet()
        .from(XE),
        row(
            Key::NetworkUnauthorized,
            &[word("network", "The customer's network"), last("unauthorized")],
            "Addresses and prefixes are taken as gateways ask for them",
        )
        .from(BOTH),
        row(
            Key::Network,
            &[
                word("network", "The customer's network"),
                last("authorized"),
                arg_help("NAME", known("network"), "network"),
            ],
            "Addresses and prefixes are checked against pools",
        )
        .opens(&CUSTOMER_NETWORK)
        .from(BOTH),
        row(
            Key::Transport,
            &[
                last("transport"),
                Part::Optional(&[
                    word("vrf", "In a routing world"),
                    arg_help("VRF", known("vrf"), "VRF"),
                ]),
            ],
            "Where the customer's gateways are reached",
        )
        .opens(&TRANSPORT)
        .from(BOTH),
    ],
};

static CUSTOMER_NETWORK: Block<Key> = Block {
    name: "pmipv6-lma-mll-cust-network",
    help: "The pools of a customer's network.",
    rows: &[
        NODE_POOL_IPV4,
        NODE_POOL_IPV6,
        NETWORK_POOL_IPV4,
        NETWORK_POOL_IPV6,
        NAMED_POOL_IPV4,
        NAMED_POOL_IPV6,
        MOBILE_NETWORK_IPV4,
        MOBILE_NETWORK_IPV6,
        MOBILE_NETWORK_IPV6_AS_IPV4,
    ],
};

static TRANSPORT: Block<Key> = Block {
    name: "pmipv6-lma-mll-cust-tpt",
    help: "Where a customer's gateways are reached.",
    rows: &[
        row(
            Key::AddressIpv4,
            &[ADDRESS, word("ipv4", "An IPv4 address"), arg("ADDRESS", Value::Ipv4)],
            "The anchor's IPv4 address for the customer",
        )
        .from(BOTH),
        row(
            Key::AddressIpv6,
            &[ADDRESS, word("ipv6", "An IPv6 address"), arg("ADDRESS", Value::Ipv6)],
            "The anchor's IPv6 address for the customer",
        )
        .from(BOTH),
        row(
            Key::AddressIpv4,
            &[last("ipv4-address"), arg("ADDRESS", Value::Ipv4)],
            "The anchor's IPv4 address for the customer",
        )
        .also()
        .from(XE),
        row(
            Key::AddressIpv6,
            &[last("ipv6-address"), arg("ADDRESS", Value::Ipv6)],
            "The anchor's IPv6 address for the customer",
        )
        .also()
        .from(XE),
    ],
};

const METRIC: Part = Part::Optional(&[arg_help(
    "METRIC",
    Value::Integer { min: 1, max: 255, unit: "" },
    "metric of the route",
)]);
const REVERSE_TUNNEL: Part = word("reverse-tunnel", "Routes into the tunnel");

/// The mode of the service at the gateway.
pub(super) static MAG_LOCAL_LOOP: Block<Key> = Block {
    name: "pmipv6-mag-mll",
    help: "Mobile local loop at the gateway.",
    rows: &[
        IGNORE_HOME_ADDRESS.help("Logical mobile nodes do without their home address"),
        row(
            Key::ReverseDefaultRoute,
            &[REVERSE_TUNNEL, last("default-route"), METRIC],
            "A default route into the tunnel",
        )
        .from(XE),
        row(
            Key::EgressInterface,
            &[word("egress", "Towards the anchor"), last("interface"), INTERFACE_NAME],
            "The interface towards the anchor",
        )
        .no_effect_yet()
        .from(XE),
    ],
};

/// The mode of the router as a mobile node.
pub(super) static LOGICAL_MN: Block<Key> = Block {
    name: "pmipv6-mag-logical-mn",
    help: "This router as a mobile node, with the networks behind it.",
    rows: &[
        row(
            Key::LogicalDynamic,
            &[ADDRESS, last("dynamic")],
            "The home address comes from the anchor",
        )
        .from(XE),
        row(
            Key::HomeInterface,
            &[word("home", "The home address"), last("interface"), INTERFACE_NAME],
            "The interface that carries the home address",
        )
        .from(XE),
        row(
            Key::MobileNetwork,
            &[
                word("mobile", "Networks behind the node"),
                last("network"),
                INTERFACE_NAME,
                Part::Optional(&[
                    word("label", "Its label; without effect yet"),
                    arg_help("LABEL", known("label"), "label"),
                ]),
                Part::Optional(&[flag("learn-prefix", "Learn its prefixes")]),
                Part::Optional(&[flag("skip-register", "Do not register its prefixes")]),
                Part::Optional(&[flag(
                    "serve-hosts",
                    "Give its hosts addresses: DHCP and router advertisements",
                )]),
            ],
            "An interface whose prefixes are registered",
        )
        .each(&["INTERFACE"])
        .from(XE),
        row(
            Key::NaiService,
            &[last("service"), arg("service", Value::Keyword(Service::WORDS))],
            "The address families it is served",
        )
        .default("ipv4")
        .from(XE),
        row(
            Key::ReverseRoute,
            &[
                REVERSE_TUNNEL,
                last("route"),
                Part::OneOf(&[
                    &[
                        flag("ipv4", "An IPv4 route"),
                        arg_help("ADDRESS", Value::Ipv4, "prefix"),
                        arg_help(
                            "LENGTH",
                            Value::Integer { min: 0, max: 32, unit: "bits" },
                            "length",
                        ),
                    ],
                    &[
                        flag("ipv6", "An IPv6 route"),
                        arg_help("ADDRESS", Value::Ipv6, "prefix"),
                        arg_help(
                            "LENGTH",
                            Value::Integer { min: 0, max: 128, unit: "bits" },
                            "length",
                        ),
                    ],
                ]),
                METRIC,
            ],
            "A route into the tunnel",
        )
        .each(&["ADDRESS", "LENGTH"])
        .from(XE),
        row(
            Key::FixedInterface,
            &[word("fixed", "A fixed primary link"), last("interface"), INTERFACE_NAME],
            "A link that is used in place of the anchor while it works: while it has a carrier, or \
             while 'watch ipv4' says so",
        )
        .from(XE),
        row(
            Key::Watch,
            &[
                word("watch", "What tells that the fixed link works"),
                last("ipv4"),
                arg_help("ADDRESS", Value::Ipv4, "prefix"),
                arg_help("LENGTH", Value::Integer { min: 0, max: 32, unit: "bits" }, "length"),
            ],
            "The fixed link works while this host's route to the prefix leaves through it",
        )
        .from(XE),
        MOBILE_MAP,
    ],
};
