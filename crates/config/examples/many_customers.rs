//! How long a configuration of many customers takes: to paste, to commit, to show.
//!
//! `cargo run --release -p kedge-config --example many_customers [CUSTOMERS]`
//!
//! What a commit does beside this, two files brought to the disk and the changes in the host, is
//! not in it.

use std::time::Instant;

use kedge_config::{Candidate, Config, commands, render};

fn main() {
    let customers: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000);
    let mut text = "ipv6 mobile pmipv6-domain d\n!\nipv6 mobile pmipv6-lma lma1 domain d\n \
        address ipv6 2001:db8::1\n mobility-service mobile-local-loop\n"
        .to_owned();
    for n in 0..customers {
        let (high, low) = (n / 256, n % 256);
        text += &format!(
            "  customer C{n} vrf V{n}\n   network authorized N{n}\n    \
             pool mobile-node ipv4 start-address 10.{high}.{low}.0 pool-prefix 24\n    \
             pool mobile-node ipv6 start-address 2001:db8:{n:x}:: pool-prefix 56\n   !\n  !\n"
        );
    }
    let lines = text.lines().count();
    let begin = Instant::now();
    let mut candidate = Candidate::of(&Config::default());
    for line in text.lines().filter(|line| line.trim() != "!") {
        if let Err(errors) = candidate.line(line) {
            return println!("{line}: {}", errors[0]);
        }
    }
    println!("pasted {lines} lines: {:?}", begin.elapsed());
    let begin = Instant::now();
    let config = match candidate.config() {
        Ok((config, _)) => config,
        Err(errors) => return println!("{}", errors[0]),
    };
    println!("checked: {:?}", begin.elapsed());
    let begin = Instant::now();
    let shown = render(&config);
    println!("shown, {} octets: {:?}", shown.len(), begin.elapsed());
    let begin = Instant::now();
    let changes = commands(&Config::default(), &config);
    println!("compared, {} lines: {:?}", changes.lines().count(), begin.elapsed());
}
