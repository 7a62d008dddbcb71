//! Mobile routers on the real kernel (RFC 7148): Debian's `dhclient -6 -P` has a prefix delegated,
//! and the network behind it is reached through whichever gateway the router is at.
//!
//! ```text
//!   lma ══ transport ══ mag1, mag2 ── air ── mn (router) ── lan0 ── fixed node
//!   anchor.py, kedged   kedged               dhclient -6 -P          2001:db8:d0::5
//! ```
//!
//! The anchor is first an independent one (`testing/interop/anchor.py`), which answers pings too,
//! then our own with a pool of mobile networks.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use kedge_lab::{
    Capture, Daemon, Domain, Host, Lab, Link, Ping, Process,
    domain::{ANCHOR, CORRESPONDENT, GATEWAYS, Plan},
    wait::{self, SOON},
};
use nix::sys::signal::Signal;
use serde_json::Value;

const ANCHOR_PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop/anchor.py");
const NETWORK: &str = "2001:db8:d0::/56";
/// Short, so that the client extends its lease while one watches.
const LIFETIME: &str = "16";
/// The next hop to the router at either gateway: made from its MAC address.
const NEXT_HOP: &str = "via fe80::5eff:fe10:1 dev acc0";

/// Tells what happens, and changes nothing: the router's own network is set up already.
const SCRIPT: &str = "#!/bin/sh\necho \"$reason $new_ip6_prefix\"\n";

/// Who delegates.
enum Anchor {
    Independent(Process),
    Kedged(Daemon),
}

impl Anchor {
    fn independent(domain: &Domain, _: &Plan) -> Self {
        let local = ANCHOR.1.to_string();
        let words = [ANCHOR_PROGRAM, "--local", &local, "--home", "2001:db8:100::"];
        let words = [&words[..], &["--network", NETWORK, "--lifetime", LIFETIME]].concat();
        let mut anchor = domain.core.lma.spawn("anchor", "python3", &words).expect("anchor");
        let ready = |text: &str| text.contains("ready").then_some(());
        anchor.wait_output(SOON, "the anchor to be ready", ready).expect("ready");
        Self::Independent(anchor)
    }

    /// A pool hands out the lowest free network, which is [`NETWORK`].
    fn kedged(domain: &Domain, plan: &Plan) -> Self {
        let config = Domain::lma_config(plan)
            .replace(" bce lifetime 300\n", &format!(" bce lifetime {LIFETIME}\n"))
            .replace(
                " network home\n  pool",
                " network home\n  pool mobile-network ipv6 start-address 2001:db8:d0:: \
                 pool-prefix 48 network-prefix 56\n  pool",
            );
        Self::Kedged(Daemon::start(&domain.core.lma, &config).expect("anchor"))
    }

    fn log(&self) -> String {
        match self {
            Self::Independent(anchor) => format!("{}{}", anchor.output(), anchor.errors()),
            Self::Kedged(anchor) => anchor.log(),
        }
    }

    /// Whether the router's binding is with the second gateway, and has no network any more.
    fn has_taken_back(&self) -> Result<(), String> {
        let second = GATEWAYS[1].2.to_string();
        let (ends, said) = match self {
            Self::Independent(anchor) => {
                let said = anchor.output();
                let last = said.lines().last().unwrap_or_default();
                (last.starts_with(&second) && last.ends_with("delegated none"), said)
            }
            Self::Kedged(anchor) => {
                let shown = anchor.kedge("show ipv6 mobile pmipv6 lma bindings | json");
                let shown = shown.map_err(|e| e.to_string())?;
                let answer: Value = serde_json::from_str(&shown).map_err(|e| e.to_string())?;
                let binding = &answer["bindings"][0];
                let networks = binding["mobile_network_prefixes"].as_array();
                (shown.contains(&second) && networks.is_some_and(Vec::is_empty), shown)
            }
        };
        if ends { Ok(()) } else { Err(said) }
    }
}

struct Stage {
    domain: Domain,
    mags: [Daemon; 2],
    anchor: Anchor,
    fixed: Host,
    // Last: it removes the rest.
    lab: Lab,
}

impl Stage {
    fn set(anchor: impl FnOnce(&Domain, &Plan) -> Anchor) -> Self {
        let lab = Lab::new("kgpd").expect("lab");
        let domain = Domain::draw(&lab).expect("domain");
        let plan = Plan { authenticated: false, ..Plan::default() };
        let anchor = anchor(&domain, &plan);
        let mags = [0, 1].map(|index| {
            let config = Domain::mag_config(&plan, index)
                .replace("  service dual\n", "  service ipv6\n  prefix-delegation\n");
            Daemon::start(&domain.mags[index], &config).expect("gateway")
        });
        let router = domain.mn.host();
        router.router().expect("forwarding");
        // A router of its network, and a host on its home link.
        router.sysctl("net.ipv6.conf.eth0.accept_ra", "2").expect("accept_ra");
        let fixed = lab.host("fixed").expect("fixed node");
        Link::between(router, "lan0", &fixed, "eth0").expect("lan");
        router.address("lan0", "2001:db8:d0::1/64").expect("address");
        fixed.address("eth0", "2001:db8:d0::5/64").expect("address");
        fixed.address("eth0", "2001:db8:bad::5/64").expect("address");
        fixed.route("default via 2001:db8:d0::1").expect("route");
        Self { domain, mags, anchor, fixed, lab }
    }

    /// Waits until the router may use its link-local address, which the client binds to.
    fn checked(&self) {
        wait::until(SOON, "the router's link-local address", || {
            let listed = self.domain.mn.host().ip("-6 addr show dev eth0 scope link");
            match listed {
                Ok(text) if text.contains("fe80::") && !text.contains("tentative") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .unwrap_or_else(|e| panic!("{e}"));
    }

    /// Debian's client, which asks for prefixes alone.
    fn dhclient(&self, name: &str, more: &[&str]) -> Process {
        let file = |suffix: &str| self.lab.dir().join(format!("pd.{suffix}")).display().to_string();
        let (script, leases, pid) = (file("script"), file("leases"), file("pid"));
        fs::write(&script, SCRIPT).expect("script");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
        let words = ["-6", "-P", "-d", "-sf", &script, "-cf", "/dev/null", "-lf", &leases];
        let words = [&words[..], &["-pf", &pid], more, &["eth0"]].concat();
        self.domain.mn.host().spawn(name, "dhclient", &words).expect("dhclient")
    }

    /// The routes of a gateway into the router's network.
    fn routes(&self, gateway: usize) -> String {
        let all = self.domain.mags[gateway].ip("-6 route show table 5214 root 2001:db8:d0::/48");
        all.expect("routes")
    }

    fn routed(&self, gateway: usize, wanted: bool) {
        let what = format!("the route at gateway {gateway}");
        wait::until(SOON, &what, || {
            let routes = self.routes(gateway);
            match routes.contains(NEXT_HOP) == wanted && routes.is_empty() != wanted {
                true => Ok(()),
                false => Err(format!("{routes:?}\n{}", self.logs())),
            }
        })
        .unwrap_or_else(|e| panic!("{e}"));
    }

    fn count(&self, gateway: usize, group: &str, key: &str) -> u64 {
        let text =
            self.mags[gateway].kedge("show mag-service statistics | json").expect("counters");
        let all: Value = serde_json::from_str(&text).expect("JSON");
        all[group][key].as_u64().unwrap_or_else(|| panic!("no {group}.{key} in {all}"))
    }

    fn logs(&self) -> String {
        let [one, two] = &self.mags;
        format!("anchor: {}\n{}\n{}", self.anchor.log(), one.log(), two.log())
    }
}

#[test]
fn a_mobile_network_keeps_its_prefix_while_its_router_roams() {
    roams(&Stage::set(Anchor::independent));
}

#[test]
fn a_mobile_network_out_of_the_pool_of_our_anchor_keeps_its_prefix_while_its_router_roams() {
    roams(&Stage::set(Anchor::kedged));
}

fn roams(stage: &Stage) {
    let capture =
        |index: usize| Capture::start(&stage.domain.mags[index], "acc0", "ip6").expect("capture");
    let captures = [capture(0), capture(1)];
    stage.domain.attach(0).expect("in range");
    stage.domain.mn.wait_ipv6(SOON).unwrap_or_else(|e| panic!("{e}\n{}", stage.logs()));
    stage.routed(0, true);

    stage.checked();
    let mut client = stage.dhclient("dhclient", &[]);
    let bound = |text: &str| text.contains(&format!("BOUND6 {NETWORK}")).then_some(());
    client
        .wait_output(SOON, "the prefix", bound)
        .unwrap_or_else(|e| panic!("{e}\n{}\n{}", client.errors(), stage.logs()));
    let ping =
        Ping::start(&stage.fixed, "ping", &CORRESPONDENT.1.to_string(), Duration::from_millis(20))
            .expect("ping");
    let steady = |after| {
        let answered = ping.wait_steady(SOON, after, 20);
        answered.unwrap_or_else(|e| panic!("{e}\n{}", stage.logs()))
    };
    let before = steady(0);

    // A source that is nobody's here is not tunnelled (RFC 7148 section 5.1.4).
    let words = ["-c", "1", "-W", "1", "-I", "2001:db8:bad::5", &CORRESPONDENT.1.to_string()];
    assert!(stage.fixed.exec("ping", &words).is_err(), "a foreign source is answered");
    wait::until(SOON, "the foreign source to be counted", || {
        match stage.count(0, "mag_access", "foreign_sources") {
            0 => Err("it is not".to_owned()),
            _ => Ok(()),
        }
    })
    .unwrap_or_else(|e| panic!("{e}"));

    stage.domain.roam(0, 1).expect("roam");
    steady(before);
    stage.routed(1, true);
    stage.routed(0, false);
    // The client extends its lease at the gateway it has never heard of.
    let renewed = |text: &str| text.contains("RENEW6").then_some(());
    client
        .wait_output(SOON, "a renewal", renewed)
        .unwrap_or_else(|e| panic!("{e}\n{}\n{}", client.errors(), stage.logs()));
    let said = client.output();
    assert!(said.contains(&format!("RENEW6 {NETWORK}")), "{said}");
    assert!(stage.count(1, "mag_dhcpv6", "renew") > 0);
    ping.stop().expect("stop");

    client.signal(Signal::SIGKILL).expect("kill");
    client.wait(SOON).expect("ended");
    let mut release = stage.dhclient("release", &["-r"]);
    release.wait(SOON).unwrap_or_else(|e| panic!("{e}\n{}", release.errors()));
    stage.routed(1, false);
    wait::until(SOON, "the anchor to hear of it", || stage.anchor.has_taken_back())
        .unwrap_or_else(|e| panic!("{e}"));
    assert!(stage.count(1, "mag_dhcpv6", "release") >= 1, "and again if the answer is late");
    for capture in captures {
        let recording = capture.stop().expect("recording");
        assert!(recording.count("dhcpv6").expect("tshark") > 0);
        let gateway = "fe80::200:5eff:fe00:5213".parse().expect("an address");
        assert_eq!(recording.malformed_from(gateway).expect("tshark"), Vec::<String>::new());
    }
}
