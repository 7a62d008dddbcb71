//! Whole configurations of routers, as engineers of these have them: what is Kedge's is read, what is
//! the router's is refused by its name, and the same text in another dress is the same configuration.

use std::fs;
use std::path::Path;

use kedge_config::{Candidate, Config, ConfigError, parse};

/// A router's text, and the same without what is the router's own.
fn router(name: &str) -> (String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/routers");
    let read = |kind: &str| fs::read_to_string(folder.join(format!("{name}.{kind}"))).unwrap();
    (read("txt"), read("ours.txt"))
}

fn heads(errors: &[ConfigError]) -> Vec<String> {
    errors.iter().map(|error| error.to_string()).collect()
}

#[test]
fn each_command_about_the_router_itself_is_refused_by_its_name_in_one_line() {
    let (text, _) = router("xr-anchor");
    assert_eq!(
        heads(&parse(&text, "r").unwrap_err()),
        [
            "r:6:1: 'hostname' is about the router itself, not about Kedge",
            "r:7:1: 'logging' is about the router itself, not about Kedge",
            "r:8:1: 'telnet' is about the router itself, not about Kedge",
            "r:9:1: 'domain' is about the router itself, not about Kedge",
            "r:10:1: 'cdp' is about the router itself, not about Kedge",
            "r:12:2: 'address-family' is about the router itself, not about Kedge",
            "r:14:2: 'address-family' is about the router itself, not about Kedge",
            "r:18:2: 'address-family' and the 2 lines below it are about the router itself, not \
             about Kedge",
            "r:24:1: 'line' and the line below it are about the router itself, not about Kedge",
            "r:31:5: 'aaa group' and the line below it are about the router itself, not about Kedge",
            "r:38:1: 'interface' and the 2 lines below it are about the router itself, not about \
             Kedge",
            "r:42:1: 'interface' and the line below it are about the router itself, not about Kedge",
            "r:45:1: 'interface' and the 3 lines below it are about the router itself, not about \
             Kedge",
            "r:50:1: 'prefix-set' and the line below it are about the router itself, not about Kedge",
            "r:52:1: 'end-set' is about the router itself, not about Kedge",
            "r:54:1: 'route-policy' and the line below it are about the router itself, not about \
             Kedge",
            "r:56:1: 'end-policy' is about the router itself, not about Kedge",
            "r:58:1: 'router' and the 2 lines below it are about the router itself, not about Kedge",
            "r:63:1: 'router' and the 5 lines below it are about the router itself, not about Kedge",
            "r:102:1: 'ssh' is about the router itself, not about Kedge",
            "r:103:1: 'ntp' and the line below it are about the router itself, not about Kedge",
        ]
    );
}

#[test]
fn a_routers_own_commands_are_told_from_ours_that_begin_like_them() {
    let (text, _) = router("xe-gateway");
    let heads = heads(&parse(&text, "r").unwrap_err());
    for (command, line) in [
        ("no platform", "r:10:4: 'platform' is about the router itself, not about Kedge"),
        (
            "enable secret",
            "r:27:1: 'enable' is about the router itself, not about Kedge (it is a command of: pmipv6-lma)",
        ),
        ("aaa new-model", "r:29:5: 'aaa new-model' is about the router itself, not about Kedge"),
        ("no ip domain", "r:38:7: 'ip domain' is about the router itself, not about Kedge"),
        (
            "banner",
            "r:120:1: 'banner' and the 4 lines below it are about the router itself, not about Kedge",
        ),
    ] {
        assert!(heads.iter().any(|head| head == line), "{command}: {heads:#?}");
    }
    assert!(
        heads.iter().all(|head| !head.contains('\n') || head.contains("newinfo")),
        "{heads:#?}"
    );
    let all = heads.concat();
    for secret in ["notasecret", "0822455D0A16", "094F471A1A0A", "s3cret"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn what_stands_around_our_commands_changes_nothing_in_them() {
    for name in ["xr-anchor", "xe-gateway"] {
        let (text, ours) = router(name);
        let (expected, _) = parse(&ours, name).unwrap_or_else(|errors| panic!("{}", errors[0]));
        assert_ne!(expected, Config::default());
        let mut candidate = Candidate::of(&Config::default());
        for line in text.lines().filter(|line| !line.starts_with('!')) {
            if !candidate.is_banners(line) {
                // What is refused changes nothing.
                let _ = candidate.line(line);
            }
        }
        let (typed, _) = candidate.config().unwrap_or_else(|errors| panic!("{}", errors[0]));
        assert_eq!(typed, expected, "{name}");
    }
}

#[test]
fn what_looks_like_a_command_in_a_banner_is_none() {
    for banner in [
        "banner motd ^C\nipv6 mobile pmipv6-domain EVIL\n^C\n",
        "banner login #\n \"what /* is ' this\nipv6 mobile pmipv6-domain EVIL\n#\n",
        "banner exec ^C ipv6 mobile pmipv6-domain EVIL ^C\n",
        "banner motd #one line#\n",
    ] {
        let text = format!("{banner}ipv6 mobile pmipv6-domain d\n no encap\n wrong\n");
        let errors = parse(&text, "r").unwrap_err();
        let last = text.lines().count();
        assert_eq!((errors.len(), errors[1].place.line), (2, last), "{banner}: {}", errors[0]);
        assert!(
            errors[1].to_string().contains("in ipv6 mobile pmipv6-domain d\n"),
            "{}",
            errors[1]
        );
    }
}

/// A text in other dresses: each is one that a router's terminal, an editor or a mail makes of it.
fn dresses(text: &str) -> Vec<(&'static str, String)> {
    let lines = |change: &dyn Fn(&str) -> String| -> String { text.lines().map(change).collect() };
    vec![
        ("CRLF", text.replace('\n', "\r\n")),
        ("trailing blanks", lines(&|line| format!("{line}  \t \n"))),
        (
            "tabs",
            lines(&|line| format!("{}\n", line.replacen(' ', "\t", 1).replace("\t ", "\t\t"))),
        ),
        ("deeper", lines(&|line| format!("    {line}\n"))),
        ("separators", lines(&|line| format!("{line}\n!\n !\n\n"))),
        ("no-break spaces", lines(&|line| format!("{}\n", line.replace(' ', "\u{a0}")))),
        ("a byte order mark", format!("\u{feff}{text}")),
        ("no last newline", text.trim_end().to_owned()),
        (
            "what a terminal says",
            format!(
                "router#show running-config\nMon Mar  4 10:11:12.123 UTC\nBuilding configuration...\n\
                 [OK]\nrouter#configure terminal\nEnter configuration commands, one per line.  End \
                 with CNTL/Z.\n\nCurrent configuration : 4711 bytes\n!\n{text}\nend\n\nrouter#write memory\n"
            ),
        ),
    ]
}

#[test]
fn a_text_in_another_dress_is_the_same_configuration() {
    let mut seen = 0;
    for name in ["xr-anchor", "xe-gateway"] {
        let (_, ours) = router(name);
        let (expected, _) = parse(&ours, name).unwrap();
        for (dress, text) in dresses(&ours) {
            let read = parse(&text, name).map(|(config, _)| config);
            assert_eq!(read.unwrap_or_else(|e| panic!("{dress}: {}", e[0])), expected, "{dress}");
            seen += 1;
        }
    }
    assert_eq!(seen, 18);
}

#[test]
fn a_typographic_quote_is_no_part_of_a_key() {
    let errors =
        parse("ipv6 mobile pmipv6-domain d\n auth-option spi 100 key ascii “sesame”\n", "f")
            .unwrap_err();
    let shown = errors[0].to_string();
    assert!(shown.starts_with("f:2:32: a quote is the plain one"), "{shown}");
    assert!(!shown.contains("sesame"), "{shown}");
}

#[test]
fn the_spellings_of_ios_xe_are_those_of_ios_xr() {
    let xe = "\
vrf definition RED
 netns red
ipv6 mobile pmipv6-domain d
ipv6 mobile pmipv6-lma l domain d
 heartbeat interval 10 retries 3 label lte natreboot timeout 5
 mobility-service mobile-local-loop
  customer A vrf RED
   network unauthorized
   transport
    ipv4-address 192.0.2.1
    ipv6-address 2001:db8::1
";
    let xr = "\
vrf RED
 netns red
ipv6 mobile pmipv6-domain d
ipv6 mobile pmipv6-lma l domain d
 heartbeat interval 10 retries 3 timeout 5 label lte natreboot
 mobility-service mobile-local-loop
  customer A vrf RED
   network unauthorized
   transport
    address ipv4 192.0.2.1
    address ipv6 2001:db8::1
";
    let read = |text| parse(text, "f").unwrap_or_else(|errors| panic!("{}", errors[0])).0;
    assert_eq!(read(xe), read(xr));
}
