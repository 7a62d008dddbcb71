//! A session that changes a configuration: what it types, what it sees, what comes of it.

use kedge_config::{
    Candidate, Change, Config, Object, What, changes, compare, parse, render, render_section,
};

const RUNNING: &str = "\
ipv6 mobile pmipv6-domain d
 auth-option spi 67 key ascii sesame
!
ipv6 mobile pmipv6-lma lma1 domain d
 address ipv4 192.0.2.1
 bce lifetime 600
 tunnel acl branches
 mobility-service mobile-local-loop
  customer A vrf red
   network authorized na
    pool mobile-node ipv4 start-address 10.0.0.1 pool-prefix 24
  customer B vrf blue
   network unauthorized
";

fn running() -> Config {
    parse(RUNNING, "running").unwrap().0
}

fn type_in(candidate: &mut Candidate, lines: &[&str]) {
    for line in lines {
        candidate.line(line).unwrap_or_else(|errors| panic!("{}", errors[0]));
    }
}

#[test]
fn what_is_typed_changes_what_it_names_and_is_shown_as_such() {
    let running = running();
    let mut candidate = Candidate::of(&running);
    assert_eq!(candidate.mode(), "");
    type_in(&mut candidate, &["ipv6 mobile pmipv6-lma lma1 domain d", "default bce lifetime"]);
    assert_eq!(candidate.mode(), "pmipv6-lma");
    type_in(&mut candidate, &["mobility-service mobile-local-loop", "no customer B"]);
    type_in(&mut candidate, &["customer C vrf green", "bce lifetime 64"]);
    assert_eq!(candidate.mode(), "pmipv6-lma-mll-cust");
    type_in(&mut candidate, &["ipv6 mobile pmipv6-domain d", "auth-option spi 67 key ascii new"]);
    let (config, _) = candidate.config().unwrap();
    let expected = [
        " ipv6 mobile pmipv6-domain d",
        "- auth-option spi 67 key 7 ascii ******",
        "+ auth-option spi 67 key 7 ascii ******",
        " !",
        " ipv6 mobile pmipv6-lma lma1 domain d",
        "- bce lifetime 600",
        "  mobility-service mobile-local-loop",
        "-  customer B vrf blue",
        "-   network unauthorized",
        "-  !",
        "+  customer C vrf green",
        "+   bce lifetime 64",
        "+  !",
        "  !",
        " !",
    ];
    assert_eq!(compare(&running, &config).lines().collect::<Vec<_>>(), expected);
    let set = |command: &str| What::Set { command: command.to_owned() };
    let found: Vec<(Object, What)> = changes(&running, &config)
        .into_iter()
        .map(|Change { object, what, .. }| (object, what))
        .collect();
    assert_eq!(
        found,
        [
            (Object::Domain("d".to_owned()), set("auth-option")),
            (Object::Lma, set("bce lifetime")),
            (Object::Customer("B".to_owned()), What::Removed),
            (Object::Customer("C".to_owned()), What::Added),
        ]
    );
}

#[test]
fn a_text_with_a_mistake_changes_nothing() {
    let mut candidate = Candidate::of(&running());
    let errors =
        candidate.merge("no ipv6 mobile pmipv6-lma lma1 domain d\nvrf\n", "file").unwrap_err();
    assert_eq!((errors.len(), errors[0].place.line), (1, 2));
    assert_eq!(candidate.config().unwrap().0, running());
    assert!(candidate.replace("nonsense", "file").is_err());
    assert_eq!(candidate.config().unwrap().0, running());
}

#[test]
fn what_contradicts_the_running_configuration_is_found_where_it_is() {
    let mut candidate = Candidate::of(&running());
    let text = "ipv6 mobile pmipv6-lma lma1 domain d\nmobility-service mobile-local-loop\n\
                customer C vrf red\n";
    candidate.merge(text, "file").unwrap();
    let errors = candidate.config().unwrap_err();
    let head = errors[0].to_string();
    assert!(head.contains("this vrf is that of customer"), "{head}");
    assert_eq!(errors.len(), 1);
}

#[test]
fn a_pasted_indented_block_leaves_the_mode_as_on_a_router() {
    let mut candidate = Candidate::of(&Config::default());
    type_in(
        &mut candidate,
        &[
            "ipv6 mobile pmipv6-lma l domain d",
            " network a",
            "  dns ip 192.0.2.53",
            " bce maximum 5",
        ],
    );
    assert_eq!(candidate.mode(), "pmipv6-lma");
    type_in(&mut candidate, &["bce lifetime 64", "exit"]);
    assert_eq!(candidate.mode(), "");
}

#[test]
fn an_anchor_that_is_preferred_now_has_moved_and_nothing_else_changed() {
    let text = |first: &str, second: &str| {
        let text = format!("ipv6 mobile pmipv6-mag m domain d\nlma {first} d\nlma {second} d\n");
        parse(&text, "t").unwrap().0
    };
    let (old, new) = (text("a", "b"), text("b", "a"));
    let found = changes(&old, &new);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|change| change.what == What::Moved));
    // The order of what has none does not matter.
    let vrfs = |text: &str| parse(text, "t").unwrap().0;
    assert!(changes(&vrfs("vrf a\nvrf b\n"), &vrfs("vrf b\nvrf a\n")).is_empty());
}

#[test]
fn a_section_is_found_by_its_words_wherever_it_is() {
    let config = running();
    let shown = render_section(&config, &["customer", "A"]).unwrap();
    assert_eq!(
        shown,
        "\
ipv6 mobile pmipv6-lma lma1 domain d
 mobility-service mobile-local-loop
  customer A vrf red
   network authorized na
    pool mobile-node ipv4 start-address 10.0.0.1 pool-prefix 24
   !
  !
 !
!
"
    );
    let words = ["ipv6", "mobile", "pmipv6-lma", "lma1", "domain", "d", "bce"];
    let shown = render_section(&config, &words).unwrap();
    assert_eq!(shown, "ipv6 mobile pmipv6-lma lma1 domain d\n bce lifetime 600\n!\n");
    assert_eq!(render_section(&config, &["ip", "access"]), Some(String::new()));
    assert_eq!(render_section(&config, &["nonsense"]), None);
    assert_eq!(render_section(&config, &[]), Some(render(&config)));
}

#[test]
fn what_has_no_effect_yet_is_listed_once_each() {
    assert_eq!(running().without_effect(), [""; 0]);
    let customer = "  customer B vrf blue\n";
    let text = RUNNING.replace(customer, &format!("   bandwidth aggregate 9\n{customer}"));
    let config = parse(&(text + "   bandwidth aggregate 8\n"), "running").unwrap().0;
    assert_eq!(config.without_effect(), ["bandwidth aggregate"]);
}

#[test]
fn completion_offers_the_names_of_what_there_is() {
    let mut candidate = Candidate::of(&running());
    type_in(&mut candidate, &["ip access-list extended branches", "exit"]);
    type_in(&mut candidate, &["ipv6 mobile pmipv6-lma lma1 domain d"]);
    let offered = |candidate: &Candidate, text: &str| -> Vec<String> {
        let names = |kind: &str| match kind {
            "interface" => vec!["eth0".to_owned()],
            _ => Vec::new(),
        };
        candidate.complete(text, &names).into_iter().map(|hint| hint.what).collect()
    };
    assert_eq!(offered(&candidate, "tunnel acl "), ["ACL", "branches"]);
    assert!(offered(&candidate, "interface e").contains(&"eth0".to_owned()));
    assert_eq!(offered(&candidate, "no bce life"), ["lifetime"]);
    assert!(offered(&candidate, "no bce lifetime ").contains(&"<cr>".to_owned()));
}

#[test]
fn no_before_a_whole_entry_of_an_access_list_takes_just_that_one() {
    let text = "ip access-list extended a\npermit tcp any any\npermit tcp any any eq 80\n";
    let mut candidate = Candidate::of(&parse(text, "t").unwrap().0);
    type_in(&mut candidate, &["ip access-list extended a", "no permit tcp any any"]);
    let left = render(&candidate.config().unwrap().0);
    assert_eq!(left, "ip access-list extended a\n 20 permit tcp any any eq www\n!\n");
}

#[test]
fn a_line_of_a_document_that_is_printed_in_two_is_read_as_one() {
    let mut candidate = Candidate::of(&Config::default());
    let prompt = "RP/0/RSP0/CPU0:router(config)#";
    let waits = candidate.line(&format!("{prompt} ipv6 mobile")).unwrap();
    assert!(waits[0].to_string().contains("it is read with the next one"), "{}", waits[0]);
    assert!(candidate.config().is_err(), "it is not forgotten");
    type_in(&mut candidate, &["pmipv6-lma lma1 domain cisco.com"]);
    type_in(&mut candidate, &["Device(config-pmipv6-lma)# heartbeat interval 100 retries 5"]);
    type_in(&mut candidate, &["timeout 7"]);
    let lma = candidate.config().unwrap().0.lma.unwrap();
    assert_eq!(lma.heartbeat.unwrap().timeout.as_secs(), 7);
    // Where the next line is not its end, the error comes with that line, which is read.
    candidate.line("Device(config-pmipv6-lma)# bce maximum").unwrap();
    let errors = candidate.line("Device(config-pmipv6-lma)# bce lifetime 64").unwrap_err();
    assert!(errors[0].to_string().contains("incomplete command"), "{}", errors[0]);
    assert_eq!(candidate.config().unwrap().0.lma.unwrap().bce_lifetime.as_secs(), 64);
}

#[test]
fn a_typed_line_with_a_mistake_leaves_mode_and_lines_as_they_were() {
    let mut candidate = Candidate::of(&running());
    type_in(&mut candidate, &["ipv6 mobile pmipv6-lma lma1 domain d"]);
    for wrong in ["network", "ipv6 mobile pmipv6-lma other domain d", "mag m", "vrf a b c"] {
        assert!(candidate.line(wrong).is_err(), "{wrong}");
        assert_eq!(candidate.mode(), "pmipv6-lma", "{wrong}");
    }
    assert_eq!(candidate.config().unwrap().0, running());
}
