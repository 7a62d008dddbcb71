//! RADIUS: the servers, how patient we are with them, and what they are for.

use kedge_grammar::table::{Block, Row, arg, arg_help, last, row, word};
use kedge_grammar::{Part, Value};

use super::management::FILE;
use super::{MOBILE, NAME, OURS, PORT, XE, XR};
use crate::key::Key;

const SERVERS: Part = word("radius-server", "RADIUS servers");
const SECONDS: Part = arg_help(
    "SECONDS",
    Value::Integer { min: 1, max: 1000, unit: "seconds" },
    "how long an answer is waited for, each time",
);
const TIMES: Part =
    arg_help("TIMES", Value::Integer { min: 0, max: 100, unit: "" }, "how often, at most");

const SECRET: Part = Part::OneOf(&[
    &[word("7", "An obfuscated key follows"), arg("KEY", Value::SecretObfuscated)],
    &[
        word("file", "The key is the first line of a file (Kedge)"),
        arg_help("PATH", Value::Name { max: 255 }, "path from the root on"),
    ],
    &[Part::Optional(&[word("0", "The key follows as it is")]), arg("KEY", Value::SecretText)],
]);
const ADDRESS: Part = Part::OneOf(&[
    &[arg_help("ADDRESS", Value::Ipv4, "the host's address")],
    &[arg_help("ADDRESS", Value::Ipv6, "the host's address")],
]);

pub(super) const TIMEOUT: Row<Key> =
    row(Key::RadiusTimeout, &[SERVERS, last("timeout"), SECONDS], "Patience with all servers")
        .default("5")
        .from(XR);

pub(super) const RETRANSMIT: Row<Key> = row(
    Key::RadiusRetransmit,
    &[SERVERS, last("retransmit"), TIMES],
    "How often a request is sent again before another server is asked",
)
.default("3")
.from(XR);

pub(super) const DEAD_TIME: Row<Key> = row(
    Key::RadiusDeadTime,
    &[
        SERVERS,
        last("deadtime"),
        arg_help(
            "MINUTES",
            Value::Integer { min: 0, max: 1440, unit: "minutes" },
            "how long; 0 asks it every time",
        ),
    ],
    "How long a server that does not answer is left alone",
)
.default("1")
.from(XR);

pub(super) const SERVER: Row<Key> = row(
    Key::RadiusServer,
    &[
        SERVERS,
        last("host"),
        Part::OneOf(&[
            &[arg_help("ADDRESS", Value::Ipv4, "the server's address")],
            &[arg_help("ADDRESS", Value::Ipv6, "the server's address")],
        ]),
        Part::Optional(&[
            word("auth-port", "Port for authentication"),
            arg_help("AUTH-PORT", PORT, "UDP port"),
        ]),
        Part::Optional(&[
            word("acct-port", "Port for accounting"),
            arg_help("ACCT-PORT", PORT, "UDP port"),
        ]),
    ],
    "A RADIUS server; the first is asked first",
)
.opens(&RADIUS_SERVER)
.each(&["ADDRESS"])
.in_order()
.from(XR);

pub(super) const ACCOUNTING: Row<Key> = row(
    Key::AccountingGroup,
    &[
        word("aaa", "Authentication, authorization and accounting"),
        word("accounting", "Accounting"),
        MOBILE,
        last("default"),
        word("group", "A group of servers"),
        arg_help("GROUP", NAME, "the group; `radius` is all servers, and there is no other"),
    ],
    "Where accounting records of the mobile services go",
)
.from(XR);

pub(super) const DYNAMIC_AUTHOR: Row<Key> = row(
    Key::DynamicAuthor,
    &[
        word("aaa", "Authentication, authorization and accounting"),
        word("server", "A server here"),
        word("radius", "RADIUS"),
        last("dynamic-author"),
    ],
    "Hosts that may change and end sessions (RFC 5176)",
)
.opens(&DYNAMIC)
.from(XE);

/// Under `aaa server radius dynamic-author`.
static DYNAMIC: Block<Key> = Block {
    name: "dynamic-author",
    help: "Change-of-Authorization and Disconnect: nobody but these hosts is listened to.",
    rows: &[
        row(
            Key::DynamicClient,
            &[last("client"), ADDRESS, word("server-key", "The shared secret"), SECRET],
            "A host that may ask for changes",
        )
        .each(&["ADDRESS"])
        .from(XE),
        row(
            Key::DynamicPort,
            &[last("port"), arg_help("PORT", PORT, "UDP port")],
            "Where they ask",
        )
        .default("3799")
        .from(XE),
        row(
            Key::DynamicTimestamp,
            &[word("event-timestamp", "When a request was made"), last("required")],
            "Drop a request without an Event-Timestamp: it could be an old one again",
        )
        .from(OURS),
    ],
};

/// Under `radius-server host`.
static RADIUS_SERVER: Block<Key> = Block {
    name: "radius-server",
    help: "A RADIUS server.",
    rows: &[
        row(Key::RadiusSecret, &[last("key"), SECRET], "The secret shared with the server")
            .from(XR),
        row(Key::RadiusTimeout, &[last("timeout"), SECONDS], "Patience with this server").from(XR),
        row(
            Key::RadiusRetransmit,
            &[last("retransmit"), TIMES],
            "How often a request is sent again before another server is asked",
        )
        .from(XR),
        row(
            Key::RadiusLenient,
            &[word("message-authenticator", "The proof in its answers"), last("optional")],
            "Believe its answers to Access-Requests without a Message-Authenticator",
        )
        .from(OURS),
        row(Key::RadiusTls, &[last("tls")], "Over TLS and TCP (RFC 6614)")
            .opens(&RADIUS_TLS)
            .from(OURS),
    ],
};

/// Under `tls` of a server.
static RADIUS_TLS: Block<Key> = Block {
    name: "radius-server-tls",
    help: "A server that is asked over TLS (RFC 6614). Both ends show certificates; the key of the \
        server has no meaning then.",
    rows: &[
        row(Key::RadiusTlsPort, &[last("port"), arg("PORT", PORT)], "TCP port")
            .default("2083")
            .from(OURS),
        row(
            Key::RadiusTlsAuthority,
            &[last("ca-file"), arg("FILE", FILE)],
            "Certificates of those who vouch for the server, in PEM",
        )
        .from(OURS),
        row(
            Key::RadiusTlsCertificate,
            &[last("certificate"), arg("FILE", FILE)],
            "Our certificate and its intermediates, in PEM",
        )
        .from(OURS),
        row(
            Key::RadiusTlsPrivate,
            &[last("private-key"), arg("FILE", FILE)],
            "The certificate's private key, in PEM; the file must be its owner's alone",
        )
        .from(OURS),
        row(
            Key::RadiusTlsName,
            &[last("server-name"), arg("NAME", Value::Name { max: 253 })],
            "The name in the server's certificate; its address without this",
        )
        .from(OURS),
    ],
};
