//! Private network namespaces for the tests of this crate: made by `ip`, which is not the code
//! under test, and removed when the guard goes, whether the test passed or not.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use kedge_net::namespace::Namespace;

/// A namespace with loopback up.
pub struct Lab {
    pub name: String,
    pub namespace: Namespace,
}

impl Lab {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kgnet-{}-{n}", std::process::id());
        run(&format!("ip netns add {name}"));
        let namespace = Namespace::open(&name).expect("just made");
        let lab = Self { name, namespace };
        lab.ip("link set lo up");
        lab
    }

    /// A namespace with a pair of devices `near` and `far`, both up.
    pub fn with_pair() -> Self {
        let lab = Self::new();
        for device in ["near", "far"] {
            lab.set("ipv6/conf/default/accept_dad", "0");
            lab.set("ipv6/conf/default/router_solicitations", "0");
            if device == "near" {
                lab.ip("link add near type veth peer name far");
            }
            lab.ip(&format!("link set {device} up"));
        }
        lab
    }

    /// `ip COMMAND` inside, its output.
    pub fn ip(&self, command: &str) -> String {
        run(&format!("ip -n {} {command}", self.name))
    }

    /// Sets an entry of `/proc/sys/net` inside.
    pub fn set(&self, entry: &str, value: &str) {
        let path = format!("/proc/sys/net/{entry}");
        self.within(|| std::fs::write(&path, value)).expect("a sysctl of the test kernel");
    }

    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.namespace.within(work).expect("the tests run as root")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

fn run(command: &str) -> String {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().expect("a command"))
        .args(words)
        .output()
        .expect("iproute2 is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}
