//! The examples that the documents print broken: what is wrong with each, and what makes it right.

/// A file, the heads of its errors, and what to write in the place of what.
pub type Broken = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// Examples that the documents print broken.
pub const BROKEN: &[Broken] = &[
    (
        "xe-access-lists.txt",
        &["14:40: incomplete command"],
        &[("permit ip any\n", "permit ip any 10.0.10.0 0.0.0.255\n")],
    ),
    (
        "xe-steps-access-lists.txt",
        &["14:40: incomplete command"],
        &[("permit ip any\n", "permit ip any 10.0.10.0 0.0.0.255\n")],
    ),
    (
        "xe-tunnel-acl.txt",
        &["5:39: SOURCE is missing before 'any'"],
        &[("deny ip host any", "deny ip host 192.0.2.1 any")],
    ),
    (
        "xe-steps-tunnel-acl.txt",
        &["5:39: SOURCE is missing before 'any'"],
        &[("deny ip host any", "deny ip host 192.0.2.1 any")],
    ),
    (
        "xe-mobile-network-pools.txt",
        &[
            "6:60: ADDRESS is missing before 'pool-prefix'",
            "7:60: ADDRESS is missing before 'pool-prefix'",
        ],
        &[
            ("pool pool-prefix 24", "pool 10.1.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.2.0.0 pool-prefix 24"),
        ],
    ),
    (
        "xe-steps-mobile-network-pools.txt",
        &[
            "6:37: ADDRESS is missing before 'pool-prefix'",
            "7:65: 'pool-prefix' stands here again",
            "8:37: ADDRESS is missing before 'pool-prefix'",
            "9:64: 'pool-prefix' stands here again",
        ],
        &[
            ("pool pool-prefix 24", "pool 10.1.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.2.0.0 pool-prefix 24"),
            (
                "pool-prefix 48  pool-prefix 48 network-prefix 30",
                "pool-prefix 48 network-prefix 60",
            ),
            (
                "2001:DB8::2 pool-prefix 64 pool-prefix 48 network-prefix 30",
                "2001:DB8:1::2 pool-prefix 48 network-prefix 60",
            ),
        ],
    ),
    (
        "xe-steps-management-lma.txt",
        &["9:47: incomplete command", "20:61: ADDRESS is missing before 'pool-prefix'"],
        &[
            ("address ipv4\n", "address ipv4 192.0.2.1\n"),
            ("pool pool-prefix 24", "pool 10.1.0.0 pool-prefix 24"),
        ],
    ),
    (
        "xe-management-lma.txt",
        &[
            "9:46: incomplete command",
            "20:60: ADDRESS is missing before 'pool-prefix'",
            "21:60: ADDRESS is missing before 'pool-prefix'",
            "22:60: ADDRESS is missing before 'pool-prefix'",
            "27:60: ADDRESS is missing before 'pool-prefix'",
            "28:60: ADDRESS is missing before 'pool-prefix'",
            "29:60: ADDRESS is missing before 'pool-prefix'",
            "30:60: ADDRESS is missing before 'pool-prefix'",
        ],
        &[
            ("address ipv4\n", "address ipv4 192.0.2.1\n"),
            ("pool pool-prefix 24", "pool 10.1.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.2.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.3.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.4.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.5.0.0 pool-prefix 24"),
            ("pool pool-prefix 24", "pool 10.6.0.0 pool-prefix 24"),
            ("pool pool-prefix 23", "pool 10.7.0.0 pool-prefix 23"),
        ],
    ),
];
