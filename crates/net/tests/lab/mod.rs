//! Private network namespaces for the tests of this crate: made by `ip`, which is not the code
//! under test, and removed when the guard goes, whether the test passed or not.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kedge_net::namespace::Namespace;
use kedge_net::netlink::{Event, Notifications};
use kedge_net::poll::{Poller, Token};

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

    /// A namespace with a pair of devices `near` and `far`, between which packets pass.
    pub fn with_pair() -> Self {
        let lab = Self::new();
        lab.set("ipv6/conf/default/accept_dad", "0");
        lab.set("ipv6/conf/default/router_solicitations", "0");
        lab.ip("link add near type veth peer name far");
        lab.ip("link set far up");
        lab.connect_pair();
        lab
    }

    /// Sets `near` up and waits for what follows from it at both ends: the kernel announces a
    /// carrier later than it returns from the request, and drops what is sent in between.
    pub fn connect_pair(&self) {
        let mut notifications = self.within(Notifications::open).expect("a netlink socket");
        self.ip("link set near up");
        let mut waiting = vec!["near", "far"];
        wait_for(&mut notifications, "the carrier", |notifications| {
            while let Some(event) = notifications.poll_event().expect("a netlink socket") {
                if let Event::Link(link) = event
                    && link.running
                {
                    waiting.retain(|name| *name != link.name);
                }
            }
            waiting.is_empty().then_some(())
        });
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

    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
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

/// Calls `look` each time `fd` is readable until it gives something, for longer than anything
/// here takes on a machine that has hardly any time for it.
#[track_caller]
pub fn wait_for<F: std::os::fd::AsFd, T>(
    source: &mut F,
    what: &str,
    mut look: impl FnMut(&mut F) -> Option<T>,
) -> T {
    let mut poller = Poller::new().unwrap();
    poller.add(&*source, Token(0)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look(source) {
            return found;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{what} did not happen within a minute");
        poller.wait(Some(left)).unwrap().for_each(drop);
    }
}
