//! `management-api`: management from other hosts.

use kedge_grammar::table::{Block, arg, arg_help, last, row, word};
use kedge_grammar::{Part, Value};

use super::{OURS, PORT};
use crate::key::Key;

/// A file's name.
pub(super) const FILE: Value = Value::Name { max: 4096 };

/// The mode.
pub(super) static MANAGEMENT_API: Block<Key> = Block {
    name: "management-api",
    help: "Management from other hosts, over TCP with TLS and tokens; see [the API](../api.md).",
    rows: &[
        row(
            Key::ApiListen,
            &[
                last("listen"),
                Part::OneOf(&[&[arg("ADDRESS", Value::Ipv4)], &[arg("ADDRESS", Value::Ipv6)]]),
                word("port", "TCP port"),
                arg_help("PORT", PORT, "TCP port"),
            ],
            "Where clients connect to",
        )
        .from(OURS),
        row(
            Key::ApiCertificate,
            &[last("certificate"), arg("FILE", FILE)],
            "The daemon's certificate and its intermediates, in PEM",
        )
        .from(OURS),
        row(
            Key::ApiKeyFile,
            &[last("private-key"), arg("FILE", FILE)],
            "The certificate's private key, in PEM; the file must be its owner's alone",
        )
        .from(OURS),
        row(
            Key::ApiTokens,
            &[last("tokens"), arg("FILE", FILE)],
            "Names and SHA-256 hashes of tokens; the file must be its owner's alone",
        )
        .from(OURS),
    ],
};
