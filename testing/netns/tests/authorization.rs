//! Nodes that a RADIUS server knows (RFC 6572), and a server that ends and changes their sessions
//! (RFC 5176), with Debian's FreeRADIUS and its `radclient`.
//!
//! ```text
//!   cn ──── lma ══ transport ══ mag1 ── mn
//!   freeradius, radclient       kedged
//!           kedged: mn-profile-load-aaa, dynamic-author client cn
//! ```

use kedge_lab::{
    Daemon, Domain, FreeRadius, Host, Lab,
    domain::{CORRESPONDENT, MAC, NAI, Plan},
    freeradius::{SECRET, Setup},
    wait::{self, SOON},
};
use serde_json::Value;

/// A server that is dead is given up after two seconds, one that runs has time.
const QUICK: &str = "radius-server timeout 1\nradius-server retransmit 1\n";
const PATIENT: &str = "radius-server timeout 20\nradius-server retransmit 1\n";
/// The anchor, as the server sees it.
const LISTENER: &str = "198.51.100.1:3799";
const ADDRESSES: &str = "node1@example.net Auth-Type := Accept
  Framed-Pool = \"home\",
  PMIP6-Home-HN-Prefix = 2001:db8:100:77::/64,
  PMIP6-Home-IPv4-HoA = 203.0.113.77/32,
  Class = 0x676f6c64
";

#[test]
fn the_profile_of_a_node_is_the_servers_and_so_is_the_end_of_its_session() {
    let stage = Stage::set("kgauthA", PATIENT, ADDRESSES, "");
    stage.domain.attach(0).expect("attach");
    let binding = stage.binding();
    let shown = binding.to_string();
    assert!(shown.contains("203.0.113.77"), "{shown}");
    assert!(shown.contains("2001:db8:100:77::"), "{shown}");
    assert_eq!(stage.counter("aaa_authentication", "attempts"), 1);
    assert_eq!(stage.counter("aaa_authentication", "success"), 1);
    for said in [
        "User-Name = \"node1@example.net\"",
        "Service-Type = Authorize-Only",
        "NAS-Identifier = \"lma1\"",
        "Calling-Station-Id = \"02:00:5e:10:00:01\"",
        "Message-Authenticator = 0x",
    ] {
        stage.server.wait_log(said).unwrap_or_else(|error| panic!("{error}"));
    }

    // A host that may not ask is not answered, even with the secret.
    let mag = &stage.domain.mags[0];
    let (who, session) = (format!("User-Name = {NAI}"), "Session-Timeout = 5");
    let to = format!("{}:3799", kedge_lab::domain::ANCHOR.0);
    assert!(asks(mag, &to, "coa", &[&who, session], 2).is_err(), "a stranger");
    wait::until(SOON, "the stranger to be counted", || {
        let shown = stage.json("show radius");
        match shown["counters"]["radius_dynamic"]["unknown_hosts"].as_u64() {
            Some(1..) => Ok(()),
            _ => Err(shown.to_string()),
        }
    })
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(stage.counter("binding_revocation", "sent"), 0);

    // What cannot be changed is refused; who is not there is not found.
    let refused = radclient(stage.cn(), LISTENER, "coa", &[&who, "Filter-Id = x"]);
    assert!(
        refused.as_ref().is_err_and(|said| said.contains("Unsupported-Attribute")),
        "{refused:?}"
    );
    let nobody = radclient(stage.cn(), LISTENER, "disconnect", &["User-Name = nobody@example.net"]);
    assert!(
        nobody.as_ref().is_err_and(|said| said.contains("Session-Context-Not-Found")),
        "{nobody:?}"
    );
    assert!(radclient(stage.cn(), LISTENER, "coa", &[&who, "Session-Timeout = 600"]).is_ok());

    let by_address = "Framed-IP-Address = 203.0.113.77";
    radclient(stage.cn(), LISTENER, "disconnect", &[&who, by_address]).expect("a Disconnect-ACK");
    stage.wait_counter("binding_revocation", "sent", 1);
    stage.wait_counter("revocation_ack_status", "success", 1);
}

#[test]
fn a_node_that_the_server_refuses_is_denied() {
    let users = "node1@example.net Auth-Type := Reject\n";
    let stage = Stage::set("kgauthB", PATIENT, users, " default profile @default\n");
    stage.domain.attach(0).expect("attach");
    stage.wait_counter("aaa_authentication", "actual_auth_failures", 1);
    stage.wait_counter("deny_reasons", "proxy_registration_not_enabled", 1);
    assert_eq!(stage.bindings(), Vec::<Value>::new());
}

#[test]
fn while_no_server_answers_a_node_is_denied_and_afterwards_served() {
    let mut stage = Stage::set("kgauthC", QUICK, ADDRESSES, "");
    stage.server.kill().expect("dead server");
    stage.domain.attach(0).expect("attach");
    stage.wait_counter("aaa_authentication", "timeout_failures", 1);
    stage.wait_counter("deny_reasons", "insufficient_resources", 1);
    assert_eq!(stage.bindings(), Vec::<Value>::new());
    stage.server.restart().expect("server");
    stage.binding();
}

#[test]
fn while_no_server_answers_the_default_profile_serves_where_there_is_one() {
    let mut stage = Stage::set("kgauthD", QUICK, ADDRESSES, " default profile @default\n");
    stage.server.kill().expect("dead server");
    stage.domain.attach(0).expect("attach");
    let shown = stage.binding().to_string();
    assert!(!shown.contains("203.0.113.77"), "an address of the pool: {shown}");
    assert_eq!(stage.counter("aaa_authentication", "timeout_failures"), 1);
}

#[test]
fn a_gateway_learns_from_the_server_who_a_node_is() {
    let lab = Lab::new("kgauthE").expect("lab");
    let domain = Domain::draw(&lab).expect("domain");
    let (host, mag) = (CORRESPONDENT.0, &domain.mags[0]);
    mag.route("198.51.100.0/24 via 192.0.2.1").expect("a way to the server");
    let users = format!(
        "{MAC} Auth-Type := Accept\n  Mobile-Node-Identifier = \"{NAI}\",\n  \
         PMIP6-Home-LMA-IPv6-Address = {}\n",
        kedge_lab::domain::ANCHOR.1
    );
    let server = FreeRadius::start(
        &domain.core.cn,
        &Setup { users: &users, talks: true, ..Setup::default() },
    )
    .expect("FreeRADIUS");
    let plan = Plan::default();
    let anchor = Daemon::start(&domain.core.lma, &Domain::lma_config(&plan)).expect("anchor");
    let servers = format!("radius-server host {host}\n key 0 {SECRET}\n!\n");
    let config = Domain::mag_config(&plan, 0);
    let node = config.lines().find(|line| line.contains("mobile-node mac")).expect("its line");
    let config = config
        .replace(&format!("{node}\n"), "")
        .replace(" nai @example.net\n", " mn-profile-load-aaa\n nai @example.net\n");
    let gateway = Daemon::start(mag, &format!("{servers}{config}")).expect("gateway");
    domain.attach(0).expect("attach");
    let held = wait::until(SOON, "the node's binding", || {
        let shown = anchor.kedge("show ipv6 mobile pmipv6 lma bindings | json");
        let shown = shown.map_err(|error| error.to_string())?;
        if shown.contains(NAI) { Ok(()) } else { Err(format!("{shown}\n{}", gateway.log())) }
    });
    held.unwrap_or_else(|error| panic!("{error}\n{}", server.log()));
    for said in [&format!("User-Name = \"{MAC}\""), "NAS-Identifier = \"mag1\""] {
        server.wait_log(said).unwrap_or_else(|error| panic!("{error}"));
    }
}

struct Stage {
    server: FreeRadius,
    anchor: Daemon,
    _gateway: Daemon,
    domain: Domain,
    // Last: it removes the rest.
    _lab: Lab,
}

impl Stage {
    /// The anchor is as quick to give up on the server; `more` goes into its block.
    fn set(prefix: &str, quick: &str, users: &str, more: &str) -> Self {
        let lab = Lab::new(prefix).expect("lab");
        let domain = Domain::draw(&lab).expect("domain");
        let server =
            FreeRadius::start(&domain.core.cn, &Setup { users, talks: true, ..Setup::default() })
                .expect("FreeRADIUS");
        let plan = Plan { delete_wait: 100, ..Plan::default() };
        let realm = " nai @example.net\n  network home\n  service dual\n !\n";
        let default = " nai @default\n  network home\n  service dual\n !\n";
        let own = Domain::lma_config(&plan)
            .replace(realm, &format!(" mn-profile-load-aaa\n{default}"))
            .replace(" network home\n  pool", &format!("{more} network home\n  pool"));
        let host = CORRESPONDENT.0;
        let config = format!(
            "{quick}radius-server deadtime 0\n\
             radius-server host {host}\n key 0 {SECRET}\n!\n\
             aaa server radius dynamic-author\n client {host} server-key 0 {SECRET}\n!\n{own}"
        );
        let anchor = Daemon::start(&domain.core.lma, &config).expect("anchor");
        let gateway =
            Daemon::start(&domain.mags[0], &Domain::mag_config(&plan, 0)).expect("gateway");
        Self { server, anchor, _gateway: gateway, domain, _lab: lab }
    }

    fn cn(&self) -> &Host {
        &self.domain.core.cn
    }

    fn json(&self, command: &str) -> Value {
        let shown = self.anchor.kedge(&format!("{command} | json")).expect("an answer");
        serde_json::from_str(&shown).expect("JSON")
    }

    fn bindings(&self) -> Vec<Value> {
        let shown = self.json("show ipv6 mobile pmipv6 lma bindings");
        shown["bindings"].as_array().cloned().expect("a list")
    }

    fn binding(&self) -> Value {
        wait::until(SOON, "the node's binding", || match &self.bindings()[..] {
            [binding] => Ok(binding.clone()),
            other => Err(format!("{other:?}\n{}", self.anchor.log())),
        })
        .unwrap_or_else(|error| panic!("{error}"))
    }

    fn counter(&self, group: &str, row: &str) -> u64 {
        let shown = self.json("show lma-service statistics");
        shown[group][row].as_u64().unwrap_or_else(|| panic!("no {group}.{row} in {shown}"))
    }

    fn wait_counter(&self, group: &str, row: &str, least: u64) {
        wait::until(SOON, &format!("{group}.{row}"), || match self.counter(group, row) {
            value if value >= least => Ok(()),
            value => Err(format!("{value}\n{}", self.anchor.log())),
        })
        .unwrap_or_else(|error| panic!("{error}"));
    }
}

/// What `radclient` says of the answer; an error if it is a refusal or does not come.
fn radclient(host: &Host, to: &str, request: &str, attributes: &[&str]) -> Result<String, String> {
    asks(host, to, request, attributes, SOON.as_secs())
}

/// The same, and waits so many seconds for the answer.
fn asks(
    host: &Host,
    to: &str,
    request: &str,
    attributes: &[&str],
    seconds: u64,
) -> Result<String, String> {
    let attributes = attributes.join("\\n");
    let line = format!(
        "printf '{attributes}\\n' | radclient -x -r 1 -t {seconds} {to} {request} {SECRET} 2>&1"
    );
    host.exec("sh", &["-c", &line]).map_err(|error| error.to_string())
}
