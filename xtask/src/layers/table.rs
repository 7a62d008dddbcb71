//! Which crate may use which, and why no more.

/// One package of the workspace.
pub struct Layer {
    /// The package.
    pub package: &'static str,
    /// Whether it is kept from clocks, sockets, threads, files and randomness.
    pub pure: bool,
    /// The packages of the workspace that it may use, other than in its tests.
    pub may_use: &'static [&'static str],
    /// Why it may use no others.
    pub why: &'static str,
}

const fn pure(package: &'static str, may_use: &'static [&'static str], why: &'static str) -> Layer {
    Layer { package, pure: true, may_use, why }
}

const fn edge(package: &'static str, may_use: &'static [&'static str], why: &'static str) -> Layer {
    Layer { package, pure: false, may_use, why }
}

const MACHINE: &str = "a machine knows the protocol and takes its own Settings and the time; \
    the daemon maps the configuration to those and carries out what the machine wants";

/// The house, from the ground up.
pub static LAYERS: &[Layer] = &[
    pure("kedge-model", &[], "what everyone shares stands on nothing"),
    pure("kedge-sansio", &[], "the parts of a machine know no protocol"),
    pure("kedge-telemetry", &[], "counters are declared by those who count"),
    pure("kedge-wire", &["kedge-model"], "a codec turns octets into values and decides nothing"),
    pure(
        "kedge-access-wire",
        &["kedge-model"],
        "a codec turns octets into values and decides nothing",
    ),
    pure("kedge-lma", &["kedge-model", "kedge-sansio", "kedge-telemetry", "kedge-wire"], MACHINE),
    pure(
        "kedge-mag",
        &["kedge-access-wire", "kedge-model", "kedge-sansio", "kedge-telemetry", "kedge-wire"],
        MACHINE,
    ),
    pure(
        "kedge-radius",
        &["kedge-sansio", "kedge-telemetry"],
        "the client knows servers and attributes, not what they are asked about",
    ),
    pure("kedge-grammar", &["kedge-model"], "the language engine knows no mobility"),
    pure(
        "kedge-config",
        &["kedge-grammar", "kedge-model"],
        "the configuration is plain data; what it becomes is the daemon's affair",
    ),
    pure(
        "kedge-dataplane",
        &["kedge-model", "kedge-sansio", "kedge-telemetry"],
        "the forwarding model is plain data, and knows neither signalling nor a kernel",
    ),
    edge(
        "kedge-net",
        &["kedge-model"],
        "the host's side knows addresses and sockets, not what travels through them",
    ),
    edge(
        "kedge-dp-user",
        &["kedge-dataplane", "kedge-model", "kedge-net", "kedge-telemetry"],
        "a data plane carries out the forwarding model and knows no signalling",
    ),
    edge("kedge-api", &[], "whoever talks to the daemon needs nothing else of it"),
    edge("kedge-cli", &["kedge-api"], "the terminal is thin: the daemon parses and completes"),
    edge(
        "kedge-daemon",
        &[
            "kedge-access-wire",
            "kedge-api",
            "kedge-config",
            "kedge-dataplane",
            "kedge-dp-user",
            "kedge-grammar",
            "kedge-lma",
            "kedge-mag",
            "kedge-model",
            "kedge-net",
            "kedge-radius",
            "kedge-sansio",
            "kedge-telemetry",
            "kedge-wire",
        ],
        "the daemon joins all parts, but no test kit and no terminal",
    ),
    edge(
        "kedge-lab",
        &["kedge-api", "kedge-model", "kedge-sansio", "kedge-wire"],
        "the laboratory runs the product as its users do, from outside",
    ),
    edge(
        "kedge-vm",
        &["kedge-dataplane", "kedge-dp-user", "kedge-lab", "kedge-model", "kedge-wire"],
        "the emulated machine tries the data plane alone, and runs the product as its users do",
    ),
    edge(
        "kedge-scenario",
        &[
            "kedge-access-wire",
            "kedge-lma",
            "kedge-mag",
            "kedge-model",
            "kedge-telemetry",
            "kedge-wire",
        ],
        "scenarios are played to a machine alone, in its own time",
    ),
    edge(
        "kedge-sim",
        &[
            "kedge-access-wire",
            "kedge-dataplane",
            "kedge-lma",
            "kedge-mag",
            "kedge-model",
            "kedge-sansio",
            "kedge-telemetry",
            "kedge-wire",
        ],
        "the simulator joins what is pure, and meets no kernel and no daemon",
    ),
    edge(
        "xtask",
        &[
            "kedge-config",
            "kedge-dataplane",
            "kedge-lma",
            "kedge-mag",
            "kedge-radius",
            "kedge-telemetry",
        ],
        "the generators read tables and nothing else",
    ),
];

/// External crates that bring the outside world, and so have no place in a pure crate.
pub static WORLDLY: &[&str] = &[
    "chrono",
    "crossbeam-channel",
    "fastrand",
    "getrandom",
    "libc",
    "mio",
    "netlink-sys",
    "nix",
    "quinn-udp",
    "rand",
    "rtnetlink",
    "rustix",
    "socket2",
    "time",
    "tokio",
    "tun-rs",
];

/// Whether a package is one of the pure ones.
pub fn is_pure(package: &str) -> bool {
    LAYERS.iter().any(|layer| layer.pure && layer.package == package)
}
