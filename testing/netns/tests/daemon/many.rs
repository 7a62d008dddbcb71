//! Very many customers by one commit: who is there already notices nothing of it.

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kedge_lab::{Daemon, Host, Lab};

use crate::stage::{look, turn};

const MANY: usize = 200;
const LMA: &str = "ipv6 mobile pmipv6-lma LMA domain D1\n";
const ANCHOR: &str = "\
ipv6 mobile pmipv6-domain D1
 lma LMA
 !
!
ipv6 mobile pmipv6-lma LMA domain D1
 address ipv4 172.16.9.9
 bce maximum 1000
 dynamic mag learning
!
";

fn customers(worlds: &[Host]) -> String {
    let mut text = String::new();
    for (number, world) in worlds.iter().enumerate() {
        writeln!(text, "vrf V{number}\n netns {}\n!", world.namespace()).expect("a string");
    }
    text += "ipv6 mobile pmipv6-lma LMA domain D1\n mobility-service mobile-local-loop\n";
    for number in 0..worlds.len() {
        writeln!(
            text,
            "  customer C{number} vrf V{number}\n   network authorized N{number}\n    \
             pool mobile-node ipv4 start-address 10.10.10.1 pool-prefix 24\n   !\n   transport\n    \
             address ipv4 172.16.1.{}\n   !\n  !",
            number + 1
        )
        .expect("a string");
    }
    text
}

#[test]
fn people_are_answered_while_many_customers_are_committed_and_nothing_is_left_of_those_removed() {
    let _turn = turn();
    let lab = Lab::new("kgmany").expect("lab");
    let host = lab.host("anchor").expect("host");
    let mut addresses = "addr add 172.16.9.9/32 dev lo\n".to_owned();
    for number in 1..=MANY {
        writeln!(addresses, "addr add 172.16.1.{number}/32 dev lo").expect("a string");
    }
    host.ip_batch(&addresses).expect("addresses");
    let worlds = lab.worlds("v", MANY + 1).expect("namespaces");
    let (first, worlds) = worlds.split_first().expect("namespaces");
    // The privilege to enter namespaces is kept if the start names one.
    let config = format!("vrf FIRST\n netns {}\n!\n{ANCHOR}", first.namespace());
    let mut anchor = Daemon::start_quietly(&host, &config).expect("kedged");
    anchor.kedge("show version").expect("it is ready");
    let before = look(&worlds[0]);
    let file = anchor.config().with_file_name("customers.conf");
    fs::write(&file, customers(worlds)).expect("a file");
    let all = format!("configure\nload {} merge\ncommit\n", file.display());
    let is_over = AtomicBool::new(false);
    let (mut answered, mut refused, mut maximum) = (0, 0, 1000);
    thread::scope(|scope| {
        let committing = scope.spawn(|| {
            let said = anchor.script(&all);
            is_over.store(true, Ordering::Relaxed);
            said
        });
        while !is_over.load(Ordering::Relaxed) {
            anchor.kedge("show version").expect("an answer");
            answered += usize::from(!is_over.load(Ordering::Relaxed));
            let next = maximum + 1;
            let second = format!("configure\n{LMA} bce maximum {next}\ncommit\n");
            match anchor.script(&second).map_err(|error| error.to_string()) {
                Ok(_) => maximum = next,
                Err(error) if error.contains("another commit is under way") => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        let said = committing.join().expect("no panic").expect("a commit");
        assert!(said.contains("commit "), "{said}");
    });
    assert!(answered > 2, "{answered} answers while the commit was made");
    assert!(refused > 0, "no second commit was begun while the first one was prepared");

    let running = anchor.kedge("show running-config").expect("text");
    assert_eq!(running.matches("  customer C").count(), MANY, "{running}");
    assert!(running.contains(&format!("bce maximum {maximum}")), "{running}");
    let remove = "configure\nipv6 mobile pmipv6-lma LMA domain D1\nno mobility-service \
                  mobile-local-loop\ncommit\n";
    anchor.script(remove).expect("a commit");
    let running = anchor.kedge("show running-config").expect("text");
    assert!(!running.contains("customer"), "{running}");
    assert_eq!(look(&worlds[0]), before);
    anchor.stop().expect("a clean stop");
}
