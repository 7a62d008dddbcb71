//! Secrets: where the language takes one, it comes out nowhere.

use std::fs;
use std::path::{Path, PathBuf};

use kedge_lab::{Daemon, Host, Lab, programs};

use crate::stage::turn;

/// What every secret below has in it.
const MARK: &str = "XYZZYSECRET";

/// A secret at every place that the language has for one: an anchor with a customer, and a gateway,
/// in one daemon. `secret` says how one is written.
fn everywhere(secret: impl Fn(u16) -> String) -> String {
    format!(
        "radius-server host 192.0.2.77
 key {}
!
aaa server radius dynamic-author
 client 192.0.2.78 server-key 0 {}
!
vrf blue
 netns kgsecret-blue
!
ipv6 mobile pmipv6-domain example.net
 auth-option spi 100 key ascii {}
 nai node@example.net
  auth-option spi 101 key ascii {}
  network home
  service dual
 !
!
ipv6 mobile pmipv6-lma lma1 domain example.net
 address ipv6 2001:db8:7::1
 mag far example.net
  ipv6-address 2001:db8:7::99
  auth-option spi 102 key ascii {}
 !
 mobility-service mobile-local-loop
  customer C1 vrf blue
   auth-option spi 103 key ascii {}
   transport
    address ipv6 2001:db8:7::2
   !
   network authorized home
    pool mobile-node ipv4 start-address 203.0.113.0 pool-prefix 24
   !
  !
 !
!
ipv6 mobile pmipv6-mag mag1 domain example.net
 address ipv6 2001:db8:7::11
 lma far example.net
  ipv6-address 2001:db8:7::88
  auth-option spi 104 key ascii {}
 !
!
",
        secret(0),
        secret(1),
        secret(2),
        secret(3),
        secret(4),
        secret(5),
        secret(6)
    )
}

/// The modes that take a secret, as the table has them.
#[test]
fn every_place_for_a_secret_is_among_those_that_are_tried_here() {
    let takes_one = |(_, page): &(String, String)| page.contains("obfuscated key");
    let pages: Vec<String> =
        kedge_config::document().into_iter().filter(takes_one).map(|(file, _)| file).collect();
    let tried = [
        "dynamic-author",
        "pmipv6-domain-nai",
        "pmipv6-domain",
        "pmipv6-lma-mag",
        "pmipv6-lma-mll-cust",
        "pmipv6-mag-lma",
        "radius-server",
    ];
    let mut names: Vec<&str> =
        pages.iter().map(|page| page.strip_suffix(".md").unwrap_or(page)).collect();
    names.sort_unstable();
    let mut tried = tried.to_vec();
    tried.sort_unstable();
    assert_eq!(names, tried);
}

#[test]
fn no_secret_is_in_an_answer_a_log_a_file_a_diff_or_a_complaint() {
    let _turn = turn();
    let lab = Lab::new("kgsecret").expect("lab");
    let host = lab.host("one").expect("host");
    for address in ["2001:db8:7::1", "2001:db8:7::2", "2001:db8:7::11"] {
        host.address("lo", &format!("{address}/128")).expect("address");
    }
    let blue = lab.host("blue").expect("the customer's world");
    let named = |text: String| text.replace("kgsecret-blue", blue.namespace());
    let first = named(everywhere(|n| format!("{MARK}-{n}")));
    let daemon = Daemon::start(&host, &first).expect("kedged");
    let mut said = String::new();

    // What the daemon says by itself and when it is asked.
    let asked = [
        "show running-config",
        "show running-config | json",
        "show tech-support",
        "show tech-support | json",
        "show ipv6 mobile pmipv6 lma globals",
        "show ipv6 mobile pmipv6 lma globals | json",
        "show ipv6 mobile pmipv6 mag globals",
        "show ipv6 mobile pmipv6 mag globals | json",
        "show ipv6 mobile pmipv6 lma heartbeats | json",
        "show ipv6 mobile pmipv6 mag heartbeats | json",
        "show ipv6 mobile pmipv6 lma events",
        "show configuration commit list | json",
        "show configuration commit changes 1",
        "show configuration commit changes 1 | json",
        "show radius",
        "show radius | json",
        "show radius accounting | json",
        "show version | json",
    ];
    for line in asked {
        let answer = daemon.kedge(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(!answer.is_empty(), "{line}");
        said.push_str(&answer);
    }

    // Each secret is changed, the change is looked at, refused, committed, saved and undone.
    let second = named(everywhere(|n| format!("{MARK}-new-{n}")));
    let kept = lab.dir().join("second");
    fs::write(&kept, &second).expect("a file");
    let saved = lab.dir().join("saved");
    let script = format!(
        "configure\nload {} replace\nshow configuration\nshow configuration | json\n\
         show configuration merge\ncommit check\ncommit comment new keys\n\
         show configuration commit changes 2\nshow running-config\nsave {}\nend\n\
         rollback configuration last 1\n",
        kept.display(),
        saved.display()
    );
    let answer = daemon.script(&script).expect("carried out");
    assert!(answer.contains("commit 2") && answer.contains("commit 3"), "{answer}");
    assert!(answer.contains("+ auth-option spi 100 key"), "the change is shown: {answer}");
    said.push_str(&answer);

    // Lines with a mistake beside the secret: the complaint shows the line.
    for wrong in [
        format!("radius-server host 192.0.2.77\nkey 0 {MARK} bogus"),
        format!("radius-server host 192.0.2.77\nkey 9 {MARK}"),
        format!("ipv6 mobile pmipv6-domain example.net\nauth-option spi 0 key ascii {MARK}"),
        format!("ipv6 mobile pmipv6-domain example.net\nauth-option spi 100 key {MARK}"),
        format!("ipv6 mobile pmipv6-domain example.net\nauth-option spi 100 key 7 ascii {MARK}"),
        format!("ipv6 mobile pmipv6-domain example.net\nauth-option spi 100 ascii {MARK}"),
        format!("ipv6 mobile pmipv6-domain example.net\nauth-option spi 100 key hex {MARK}"),
        format!("ipv6 mobile pmipv6-domain example.net\nauth-option spi 100 key ascii {MARK} x"),
        format!("ipv6 mobile pmipv6-domain example.net\nauth-optoin spi 100 key ascii {MARK}"),
    ] {
        let refused = daemon.script(&format!("configure\n{wrong}\ncommit\n"));
        let complaint = crate::stage::complaint(refused);
        assert!(complaint.contains('^'), "{wrong}: {complaint}");
        said.push_str(&complaint);
    }
    said.push_str(&api(&daemon, &host));
    said.push_str(&daemon.log());
    absent(&said, "what was said");

    // Every file that the daemon or the terminal has written.
    let mut files = vec![saved, daemon.config().to_owned()];
    beneath(daemon.state(), &mut files);
    let mut read = 0;
    for file in &files {
        if let Ok(text) = fs::read(file) {
            absent(&String::from_utf8_lossy(&text), &file.display().to_string());
            read += 1;
        }
    }
    assert!(read >= 5, "three commits, FILE and the saved one: {files:?}");
}

/// The raw requests and answers of the API.
fn api(daemon: &Daemon, host: &Host) -> String {
    let program = programs::find("kedge").expect("kedge");
    let mut raw = String::new();
    for words in [
        &["show", "running-config"][..],
        &["show", "configuration", "commit", "changes", "2"],
        &["show", "tech-support"],
    ] {
        let mut command = host.command(&program.to_string_lossy());
        command.arg("--socket").arg(daemon.socket()).args(["api", "--run"]).args(words);
        let output = command.output().expect("kedge api");
        assert!(output.status.success(), "{words:?}: {output:?}");
        raw.push_str(&String::from_utf8_lossy(&output.stdout));
    }
    assert!(raw.contains("\"status\":\"ok\""), "{raw}");
    raw
}

fn beneath(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { beneath(&path, into) } else { into.push(path) }
    }
}

/// No secret is in a text, as it is or in hexadecimal.
fn absent(text: &str, of: &str) {
    let hexadecimal: String = MARK.bytes().map(|octet| format!("{octet:02x}")).collect();
    let lower = text.to_ascii_lowercase();
    for form in [MARK.to_ascii_lowercase(), hexadecimal] {
        if let Some(at) = lower.find(&form) {
            let around = lower.get(at.saturating_sub(200)..at + 60).unwrap_or(&lower);
            panic!("{of} has a secret in it: {around}");
        }
    }
}
