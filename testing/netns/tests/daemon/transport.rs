//! A transport network that is cut for a while.

use std::time::{Duration, Instant};

use kedge_lab::domain::Plan;
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
    let asked = Instant::now();
    site.mag.stop().expect("a clean stop");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}
