//! What whoever can reach an access link can do to the gateway and to the nodes on it: nothing.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_lab::{
    Capture, MobileNode, Ping,
    domain::{CORRESPONDENT, GATEWAYS, Plan},
};

use crate::stage::{SOON, Site, bindings, counter, script, turn, until};

const STATISTICS: &str = "show mag-service statistics";
/// The memory that a gateway may take more after a flood than before it, KiB.
const GROWTH: u64 = 6 << 10;

/// The site with its node, and somebody else in the same cell.
struct Link {
    site: Site,
    stranger: MobileNode,
    node: (Ipv4Addr, Ipv6Addr),
}

impl Link {
    fn set(nai: Option<&str>) -> Self {
        let known =
            nai.map_or(String::new(), |nai| format!(" mobile-node mac 0200.5e10.0003 nai {nai}\n"));
        let mut site = Site::with(
            Plan::default(),
            |lma| lma,
            |mag| mag.replace(" interface acc0\n", &format!("{known} interface acc0\n")),
        );
        let node = site.attach();
        let stranger = MobileNode::new(&site.lab, &site.domain.air, "far", "02:00:5e:10:00:03")
            .expect("a stranger");
        stranger.port().plug_into(GATEWAYS[0].0).expect("in range");
        Self { site, stranger, node }
    }

    /// The stranger says it, so often.
    fn says(&self, what: &str, count: u32, words: &[&str]) {
        let (program, count) = (script("stranger.py"), count.to_string());
        let all = [&[program.as_str(), what, &count][..], words].concat();
        self.stranger.host().exec("python3", &all).expect("a stranger");
    }

    fn counted(&self, key: &str) -> u64 {
        counter(&self.site.mag, STATISTICS, &format!("/mag_access/{key}"))
    }

    /// The neighbours that the gateway's kernel has in mind on the access link. Groups have entries too, one each.
    fn neighbours(&self) -> Vec<String> {
        let listed = self.site.domain.mags[0].ip("neigh show dev acc0 nud all").expect("a list");
        let one = |line: &&str| !line.starts_with("ff02:") && !line.starts_with("224.");
        listed.lines().filter(one).map(str::to_owned).collect()
    }

    /// The daemon's memory, KiB.
    fn memory(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.site.mag.id())).expect("alive");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

#[test]
fn strangers_by_the_thousand_leave_no_trace_and_disturb_nobody() {
    let _turn = turn();
    let link = Link::set(None);
    link.site.answered();
    let before = link.memory();
    let every = Duration::from_millis(50);
    let [v4, v6] = [CORRESPONDENT.0.to_string(), CORRESPONDENT.1.to_string()].map(|to| {
        Ping::start(link.site.domain.mn.host(), &format!("beside-{to}"), &to, every).expect("ping")
    });
    for what in
        ["rs", "ns", "na", "arp", "dhcpv4", "dhcpv6", "packet4", "packet6", "malformed", "router"]
    {
        let starts = [&v4, &v6].map(Ping::newest);
        let frames = link.counted("frames");
        // Of what is malformed much is of no VLAN here, no kind that a router is spoken to in, or
        // no packet. And a daemon that gets no time for a while finds no more than its socket holds.
        let enough = if what == "malformed" { 1_000 } else { 2_000 };
        until(&format!("{enough} frames of {what}"), || {
            link.says(what, 3_000, &[]);
            match link.counted("frames") - frames {
                heard if heard >= enough => Ok(()),
                heard => Err(format!("{heard} heard")),
            }
        });
        for (ping, start) in [&v4, &v6].into_iter().zip(starts) {
            let end = ping.wait_steady(SOON, start, 5).expect("answers");
            let span = ping.span(start, end);
            // One probe may have found a processor busy with the strangers' own work.
            assert!(span.lost <= 1, "{what}: {span:?}");
        }
        let known = link.neighbours();
        assert!(known.len() <= 4, "{what}: {known:?}");
        assert_eq!(bindings(&link.site.mag, "mag").len(), 1, "{what}");
    }
    let unknown = link.counted("unknown_nodes");
    let [malformed, frames] = ["malformed", "frames"].map(|key| link.counted(key));
    assert!(malformed > 500 && unknown > 15_000, "{malformed} malformed, {unknown} unknown");
    assert!(frames >= unknown + malformed);
    let grown = link.memory().saturating_sub(before);
    assert!(grown < GROWTH, "{grown} KiB more than before");
    let transport = link.site.domain.mags[0].ip("neigh show dev tp0").expect("a list");
    assert!(!transport.contains("FAILED"), "{transport}");
    link.site.answered();
}

#[test]
fn nobody_sends_from_an_address_of_another_node() {
    let _turn = turn();
    let mut link = Link::set(Some("node3@example.net"));
    let (v4, v6) = link.node;
    let theirs = [format!("v4={v4}"), format!("v6={v6}")];
    // By somebody who is not served, and by a node that is.
    let who = [("unknown_nodes", None), ("foreign_sources", Some("mac=02:00:5e:10:00:03"))];
    for (reason, mac) in who {
        if mac.is_some() {
            link.stranger.start_dhcp().expect("dhclient");
            link.stranger.wait_ipv6(SOON).expect("a prefix");
            link.stranger.wait_ipv4(SOON).expect("an address");
        }
        let capture = Capture::start(&link.site.domain.core.cn, "eth0", "").expect("capture");
        let before = link.counted(reason);
        let words: Vec<&str> = theirs.iter().map(String::as_str).chain(mac).collect();
        link.says("spoof", 500, &words);
        until("the packets to be counted", || match link.counted(reason) - before {
            500.. => Ok(()),
            count => {
                // A daemon that gets no time for a while finds no more than its socket holds.
                link.says("spoof", 50, &words);
                Err(format!("{count} {reason}"))
            }
        });
        let recording = capture.stop().expect("recording");
        let arrived = recording.count(&format!("ip.src == {v4} || ipv6.src == {v6}"));
        assert_eq!(arrived.expect("tshark"), 0, "{reason}");
    }
}
