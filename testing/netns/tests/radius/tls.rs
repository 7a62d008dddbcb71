//! RADIUS over TLS (RFC 6614) against FreeRADIUS: who is believed, and what becomes of records while
//! nobody is.

use std::{fs, path::Path};

use kedge_lab::{
    Daemon, FreeRadius,
    detail::Record,
    domain::REALM,
    freeradius::{self, Setup},
    load::Step,
    wait::{self, SOON},
};

use super::stage::{CLIENT, FIRST, SECOND, Stage, turn};

fn server(stage: &Stage, papers: &Path) -> FreeRadius {
    let (tls, client) = (Some(papers.to_owned()), Some(CLIENT));
    let setup = Setup { name: "first", at: FIRST, client, tls, ..Setup::default() };
    FreeRadius::start(&stage.core.cn, &setup).expect("server")
}

fn anchor(stage: &Stage, papers: &Path) -> Daemon {
    let papers = papers.display();
    stage.anchor(&format!(
        "radius-server deadtime 0\nradius-server host {FIRST}\n tls\n  ca-file {papers}/ca.pem\n  \
         certificate {papers}/client.pem\n  private-key {papers}/client.key\n !\n!\n"
    ))
}

fn stops(records: &[Record]) -> usize {
    let of_nodes = records.iter().filter(|r| r.get("User-Name").ends_with(REALM));
    of_nodes.filter(|record| record.status() == "Stop").count()
}

fn trouble(lma: &Daemon) -> String {
    let shown = lma.kedge("show radius | json").expect("show");
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("json");
    shown["servers"][0]["trouble"].as_str().unwrap_or("none").to_owned()
}

/// Registers and de-registers ten nodes; gives the number of Stops that the server has in the end.
fn ten_more(stage: &Stage, server: &FreeRadius, lma: &Daemon, before: usize) {
    let mut updates = stage.updates(10);
    for step in [Step::Register, Step::Deregister] {
        updates.run(step, 0..10).expect("updates");
    }
    let arrived = server.wait_records("ten more Stops", |records| stops(records) == before + 10);
    arrived.unwrap_or_else(|error| panic!("{error}\n{}\n{}", lma.log(), server.log()));
}

#[test]
fn a_server_that_cannot_show_who_it_is_gets_no_record_and_show_says_why() {
    let _turn = turn();
    let stage = Stage::set();
    let cn = &stage.core.cn;
    let good = freeradius::certificates(cn, FIRST).expect("certificates");
    let copy = |name: &str| {
        let copy = good.with_file_name(name);
        fs::create_dir_all(&copy).expect("directory");
        for file in fs::read_dir(&good).expect("papers").flatten() {
            fs::copy(file.path(), copy.join(file.file_name())).expect("copy");
        }
        copy
    };
    // By another authority, for another address, and one that has expired.
    let [own, stranger, elsewhere, expired] = ["own", "stranger", "elsewhere", "expired"].map(copy);
    let other = freeradius::certificates(cn, SECOND).expect("certificates");
    for file in ["server.pem", "server.key", "ca.pem"] {
        fs::copy(other.join(file), stranger.join(file)).expect("copy");
    }
    sign(&stage, &elsewhere, &format!("subjectAltName=IP:{SECOND}"), "7");
    sign(&stage, &expired, &format!("subjectAltName=IP:{FIRST}"), "-1");
    let lma = anchor(&stage, &own);
    for (papers, said) in
        [(&stranger, "BadSignature"), (&elsewhere, "not valid for"), (&expired, "Expired")]
    {
        let server = server(&stage, papers);
        wait::until(SOON, said, || match trouble(&lma) {
            trouble if trouble.contains(said) => Ok(()),
            other => Err(other),
        })
        .unwrap_or_else(|e| panic!("{e}\n{}\n{}", lma.log(), server.log()));
        assert!(lma.log().contains(said), "{}", lma.log());
        assert_eq!(server.records(), []);
    }
    let server = server(&stage, &own);
    ten_more(&stage, &server, &lma, 0);
    assert_eq!(trouble(&lma), "none");
}

/// Has the server's key certified anew by the authority of these papers.
fn sign(stage: &Stage, papers: &Path, extension: &str, days: &str) {
    let path = |name: &str| papers.join(name).to_string_lossy().into_owned();
    fs::write(
        papers.join("extensions"),
        format!("basicConstraints=critical,CA:FALSE\n{extension}\n"),
    )
    .expect("extensions");
    let openssl = |words: &[&str]| stage.core.cn.exec("openssl", words).expect("openssl");
    let (key, request) = (path("server.key"), path("request"));
    openssl(&["req", "-new", "-key", &key, "-subj", "/CN=server", "-out", &request]);
    let (ca, ca_key, out) = (path("ca.pem"), path("ca.key"), path("server.pem"));
    let by = ["-CA", &ca, "-CAkey", &ca_key, "-extfile", &path("extensions"), "-days", days];
    openssl(&[&["x509", "-req", "-in", &request, "-out", &out][..], &by].concat());
}

#[test]
fn a_client_that_the_server_does_not_trust_is_told_so_and_keeps_its_records() {
    let _turn = turn();
    let stage = Stage::set();
    let papers = freeradius::certificates(&stage.core.cn, FIRST).expect("certificates");
    let own = papers.with_file_name("own");
    fs::rename(&papers, &own).expect("the daemon's papers");
    // Another authority, by whom the server's certificate is signed, and whom the daemon trusts.
    let papers = freeradius::certificates(&stage.core.cn, FIRST).expect("certificates");
    let authority = fs::read(own.join("ca.pem")).expect("authority");
    fs::copy(papers.join("ca.pem"), own.join("ca.pem")).expect("authority");
    let mut server = server(&stage, &papers);
    let lma = anchor(&stage, &own);
    wait::until(SOON, "the server's refusal", || match trouble(&lma) {
        trouble if trouble.contains("without an answer") => Ok(()),
        other => Err(other),
    })
    .unwrap_or_else(|e| panic!("{e}\n{}\n{}", lma.log(), server.log()));
    // From now on it trusts the daemon's authority.
    let both = [fs::read(papers.join("ca.pem")).expect("authority"), authority].concat();
    fs::write(papers.join("ca.pem"), both).expect("authorities");
    server.restart().expect("restart");
    ten_more(&stage, &server, &lma, 0);
    // Killed in service, and back: what was made meanwhile arrives.
    server.kill().expect("kill");
    let mut updates = stage.updates(10);
    for step in [Step::Register, Step::Deregister] {
        updates.run(step, 0..10).expect("updates");
    }
    wait::until(SOON, "a refused connection", || match trouble(&lma) {
        trouble if trouble.to_lowercase().contains("refused") => Ok(()),
        other => Err(other),
    })
    .unwrap_or_else(|e| panic!("{e}\n{}", lma.log()));
    server.restart().expect("restart");
    let arrived = server.wait_records("what was made meanwhile", |records| stops(records) == 20);
    arrived.unwrap_or_else(|error| panic!("{error}\n{}", lma.log()));
}
