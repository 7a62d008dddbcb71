//! How long a configuration of 1,000 customers takes to be read and checked, written, and
//! compared: `cargo run --release -p kedge-config --example thousand_customers`.

use std::fmt::Write;
use std::time::{Duration, Instant};

use kedge_config::{Candidate, changes, compare, parse, render};

fn main() {
    let text = text(1000);
    let (config, _) = timed("parse and check", || parse(&text, "customers").expect("it is right"));
    let written = timed("render", || render(&config));
    let (again, warnings) =
        timed("parse what is rendered", || parse(&written, "written").expect("it is right"));
    assert_eq!(again, config);
    let one = "ipv6 mobile pmipv6-lma lma1 domain d\nmobility-service mobile-local-loop\n\
               customer c7 vrf v7\nbce lifetime 64\n";
    let mut candidate = timed("candidate of it", || Candidate::of(&config));
    timed("one change merged", || candidate.merge(one, "change").expect("it is right"));
    let (changed, _) = timed("candidate checked", || candidate.config().expect("it is right"));
    let found = timed("changes", || changes(&config, &changed));
    assert_eq!(found.len(), 1);
    timed("compare", || compare(&config, &changed));
    println!("{} lines, {} octets, {} warnings", text.lines().count(), text.len(), warnings.len());
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = run();
    let took: Duration = begin.elapsed();
    println!("{what:24} {:8.1} ms", took.as_secs_f64() * 1e3);
    result
}

/// A domain with a profile for each customer, and an anchor with the customers and their pools.
fn text(customers: usize) -> String {
    let mut text = String::new();
    for n in 0..customers {
        writeln!(text, "vrf v{n}\n netns ns{n}").expect("a string");
    }
    writeln!(text, "ipv6 mobile pmipv6-domain d\n auth-option spi 100 key ascii secret")
        .expect("a string");
    for n in 0..customers {
        writeln!(text, " nai @c{n}.example\n  service dual\n  network n{n}\n  customer c{n}")
            .expect("a string");
    }
    writeln!(text, "ipv6 mobile pmipv6-lma lma1 domain d\n dynamic mag learning")
        .expect("a string");
    writeln!(text, " mobility-service mobile-local-loop").expect("a string");
    for n in 0..customers {
        let (high, low) = (n / 250, n % 250);
        writeln!(
            text,
            "  customer c{n} vrf v{n}\n   auth-option spi {spi:X} key ascii secret{n}\n   \
             network authorized n{n}\n    \
             pool mobile-node ipv4 start-address 10.0.0.1 pool-prefix 16\n    \
             pool mobile-node ipv6 start-address 2001:db8::1 pool-prefix 48\n    \
             pool mobile-network ipv4 start-address 10.1.0.1 pool-prefix 16 network-prefix 28\n    \
             pool mobile-network ipv6 start-address 2001:db8:1::1 pool-prefix 48 network-prefix 64\n   \
             transport\n    address ipv4 192.0.{high}.{low}\n    address ipv6 2001:db8:ffff::{n:x}",
            spi = 256 + n
        )
        .expect("a string");
    }
    text
}
