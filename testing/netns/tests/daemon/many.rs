//! Very many customers by one commit: who is there already notices nothing of it.

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kedge_lab::{Daemon, Host, Lab, LabError};

use crate::stage::{look, turn, until};

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

const REMOVE: &str = "configure\nipv6 mobile pmipv6-lma LMA domain D1\nno mobility-service \
                      mobile-local-loop\ncommit\n";

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

/// Whether somebody was told to wait for another one's commit.
fn is_under_way(error: &LabError) -> bool {
    error.to_string().contains("another commit is under way")
}

/// Makes a commit while somebody else makes small ones, and says whether one of those was told that
/// the large one is under way, which is an answer while it is made.
fn is_refused_beside(anchor: &Daemon, all: &str, maximum: &mut u32) -> bool {
    let is_over = AtomicBool::new(false);
    let mut refused = false;
    thread::scope(|scope| {
        let committing = scope.spawn(|| {
            let said = loop {
                match anchor.script(all) {
                    Err(error) if is_under_way(&error) => {}
                    said => break said,
                }
            };
            is_over.store(true, Ordering::Relaxed);
            said
        });
        while !is_over.load(Ordering::Relaxed) {
            let next = *maximum + 1;
            let second = format!("configure\n{LMA} bce maximum {next}\ncommit\n");
            match anchor.script(&second) {
                Ok(_) => *maximum = next,
                Err(error) if is_under_way(&error) => refused = true,
                Err(error) => panic!("{error}"),
            }
        }
        let said = committing.join().expect("no panic").expect("a commit");
        assert!(said.contains("commit "), "{said}");
    });
    refused
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
    let mut maximum = 1000;
    // Whoever comes beside it may be late: it does not take long.
    while !is_refused_beside(&anchor, &all, &mut maximum) {
        assert!(maximum < 1100, "no other commit was refused while a large one was under way");
        anchor.script(REMOVE).expect("a commit");
    }

    let running = anchor.kedge("show running-config").expect("text");
    assert_eq!(running.matches("  customer C").count(), MANY, "{running}");
    assert!(running.contains(&format!("bce maximum {maximum}")), "{running}");
    anchor.script(REMOVE).expect("a commit");
    let device = |world: &&Host| world.ip("link show kedge-lma").is_ok();
    assert_eq!(worlds.iter().filter(device).count(), 0, "a commit that is made is over");
    let running = anchor.kedge("show running-config").expect("text");
    assert!(!running.contains("customer"), "{running}");
    // Devices go a moment after the commit is answered.
    until("the world to be as before", || match look(&worlds[0]) {
        now if now == before => Ok(()),
        now => Err(format!("{before}\n--- now\n{now}")),
    });
    anchor.stop().expect("a clean stop");
}
