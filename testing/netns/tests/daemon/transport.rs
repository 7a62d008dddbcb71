//! Between gateway and anchor: a transport network that is cut for a while, and what packets
//! that cross it carry.

use std::collections::BTreeSet;

use kedge_lab::{
    Capture,
    domain::{ANCHOR, Encapsulation, GATEWAYS, Plan},
};
use serde_json::Value;

use crate::stage::{Site, bindings, counter, turn, until};

const GATEWAY: &str = "show mag-service statistics";

#[test]
fn while_the_anchor_is_out_of_reach_updates_are_sent_again_ever_more_slowly() {
    let _turn = turn();
    let times = " binding refresh-time 4\n binding lifetime 300\n \
        binding init-retx-time 200\n binding max-retx-time 800\n";
    let mut site = Site::with(
        Plan::default(),
        |lma| lma,
        |mag| mag.replace(" interface acc0\n", &format!("{times} interface acc0\n")),
    );
    let given = site.attach();
    site.answered();
    let switch = site.domain.core.net.host();
    switch.ip("link set plma down").expect("cut");
    let sent = || bindings(&site.mag, "mag")[0]["transmissions"].as_u64().unwrap_or_default();
    until("retransmissions", || match sent() {
        4.. => Ok(()),
        count => Err(format!("{count} transmissions")),
    });
    let again = counter(&site.mag, GATEWAY, "/mag_binding_updates_sent/refresh_retransmitted");
    assert!(again >= 3, "{again}");
    let shown = site.mag.kedge("show ipv6 mobile pmipv6 mag bindings detail").expect("bindings");
    assert!(shown.contains("times without an answer"), "{shown}");
    assert!(site.mag.log().contains("the anchor does not answer"), "{}", site.mag.log());
    switch.ip("link set plma up").expect("mend");
    until("an answer", || match &bindings(&site.mag, "mag")[0]["state"] {
        Value::String(state) if state == "active" => Ok(()),
        state => Err(state.to_string()),
    });
    site.answered();
    assert_eq!(site.held(), given);

    // An anchor that cannot be told does not keep the gateway from stopping.
    switch.ip("link set plma down").expect("cut");
    site.mag.stop().expect("a clean stop");
}

#[test]
fn the_gre_keys_that_a_profile_fixes_are_those_of_the_packets_of_each_direction() {
    let _turn = turn();
    let fixed = |config: String| {
        config.replace(
            "  service dual\n",
            "  service dual\n  gre-encap-key up 7001\n  gre-encap-key down 4294967295\n",
        )
    };
    let plan = Plan { encapsulation: Encapsulation::Gre, ..Plan::default() };
    let mut site = Site::with(plan, fixed, fixed);
    let capture = Capture::start(&site.domain.core.lma, "tp0", "ip6 proto 47").expect("capture");
    site.attach();
    site.answered();
    let recording = capture.stop().expect("recording");
    for (source, key) in [(GATEWAYS[0].2, 7001), (ANCHOR.1, u32::MAX)] {
        let sent = format!("gre && ipv6.src == {source}");
        let rows = recording.decode(&sent, &["gre.key"]).expect("tshark");
        let keys: BTreeSet<&str> = rows.iter().flatten().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from([&*format!("0x{key:08x}")]), "from {source}");
    }
}
