//! A full pool, a full anchor, a peer that vanishes.

use crate::stage::{Talk, bindings, counter, json, turn, until};

const STATISTICS: &str = "show lma-service statistics";

#[test]
fn a_full_ipv4_pool_refuses_the_next_node_until_one_leaves() {
    let _turn = turn();
    let talk = Talk::set(|config| config.replace("pool-prefix 24", "pool-prefix 30"));
    talk.play("fill", &[]);
    refused(&talk, "address_allocation_failed");
}

#[test]
fn a_full_prefix_pool_refuses_the_next_node_until_one_leaves() {
    let _turn = turn();
    let talk = Talk::set(|config| config.replace("pool-prefix 56", "pool-prefix 62"));
    let said = talk.play("fill", &[]);
    assert!(said.contains("held 4"), "{said}");
    refused(&talk, "address_allocation_failed");
    let globals = json(&talk.daemon, "show ipv6 mobile pmipv6 lma globals");
    assert_eq!(globals["networks"][0]["ipv6"]["taken"], 4, "{globals}");
    assert_eq!(globals["networks"][0]["ipv6"]["size"], 4, "{globals}");
}

#[test]
fn a_full_anchor_refuses_the_next_node_until_one_leaves() {
    let _turn = turn();
    let talk = Talk::set(|config| config.replace("bce maximum 1000", "bce maximum 2"));
    let said = talk.play("fill", &[]);
    assert!(said.contains("held 2"), "{said}");
    refused(&talk, "simultaneous_bindings_exceeded");
    let globals = talk.daemon.kedge("show ipv6 mobile pmipv6 lma globals").expect("globals");
    assert!(globals.contains("2 of at most 2"), "{globals}");
}

#[test]
fn a_binding_whose_gateway_has_vanished_expires_and_is_counted() {
    let _turn = turn();
    let talk = Talk::set(|config| config);
    talk.play("vanish", &["ghost", "4"]);
    assert_eq!(talk.updates(), [1, 1, 0, 0]);
    until("the binding to expire", || match bindings(&talk.daemon, "lma").len() {
        0 => Ok(()),
        left => Err(format!("{left} bindings")),
    });
    assert_eq!(counter(&talk.daemon, STATISTICS, "/disconnects/lifetime_expiry"), 1);
    assert!(talk.daemon.log().contains("its lifetime ran out"), "{}", talk.daemon.log());
}

/// The refusals are counted, all under their reason.
fn refused(talk: &Talk, reason: &str) {
    let counted = json(&talk.daemon, STATISTICS);
    let denied = counted["deny_reasons"]["insufficient_resources"].as_u64().expect("a counter");
    assert!(denied >= 1, "{counted}");
    assert_eq!(counted["deny_insufficient_resources"][reason], denied, "{counted}");
    let [total, accepted, refused, discarded] = talk.updates();
    assert_eq!((refused, discarded), (denied, 0));
    assert_eq!(total, accepted + refused);
}
