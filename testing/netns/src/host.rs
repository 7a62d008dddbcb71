//! A host: one network namespace, and what one does on a host.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
};

use nix::sched::{CloneFlags, setns};

use crate::{
    error::{Context, Result},
    lab::NAMESPACES,
    process::{Process, run, run_with_input},
};

/// A machine of the lab. Cheap to clone; the lab that made it removes it.
#[derive(Clone, Debug)]
pub struct Host(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    namespace: String,
    dir: PathBuf,
}

impl Host {
    pub(crate) fn new(name: &str, namespace: String, dir: PathBuf) -> Self {
        Self(Arc::new(Inner { name: name.to_owned(), namespace, dir }))
    }

    /// The short name, as in the drawing of the topology.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The name of its network namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.0.namespace
    }

    /// The lab's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// Runs a program to its end in this host and returns what it printed.
    pub fn exec(&self, program: &str, args: &[&str]) -> Result<String> {
        run(self.command(program).args(args))
    }

    /// Starts a program in this host. Its output goes to `<host>-<name>.out` and `.err`.
    pub fn spawn(&self, name: &str, program: &str, args: &[&str]) -> Result<Process> {
        let mut command = self.command(program);
        command.args(args);
        Process::start(command, &format!("{}-{name}", self.name()), self.dir())
    }

    /// Runs `work` on a thread that is inside this host: sockets that it opens stay there.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> Result<T> {
        let path = Path::new(NAMESPACES).join(self.namespace());
        let entered = || {
            setns(File::open(&path)?, CloneFlags::CLONE_NEWNET)?;
            work()
        };
        let done = thread::scope(|scope| scope.spawn(entered).join());
        let done = done.unwrap_or_else(|_| Err(io::Error::other("the thread panicked")));
        done.context(|| format!("inside {}", self.name()))
    }

    /// One `ip` command, as typed: `host.ip("addr add 192.0.2.1/24 dev eth0")`.
    pub fn ip(&self, words: &str) -> Result<String> {
        run(Command::new("ip").args(["-n", self.namespace()]).args(words.split_whitespace()))
    }

    /// Several `ip` commands in one go, one a line.
    pub fn ip_batch(&self, lines: &str) -> Result<()> {
        let mut ip = Command::new("ip");
        ip.args(["-n", self.namespace(), "-batch", "-"]);
        run_with_input(&mut ip, lines).map(drop)
    }

    /// Adds an address, usable at once (no duplicate address detection: the lab knows its plan).
    pub fn address(&self, interface: &str, address: &str) -> Result<()> {
        let nodad = if address.contains(':') { " nodad" } else { "" };
        self.ip(&format!("addr add {address} dev {interface}{nodad}")).map(drop)
    }

    /// Adds a route: `host.route("default via 192.0.2.1")`.
    pub fn route(&self, route: &str) -> Result<()> {
        let family = if route.contains(':') { "-6 " } else { "" };
        self.ip(&format!("{family}route add {route}")).map(drop)
    }

    /// Sets a kernel parameter of this host: `host.sysctl("net.ipv4.ip_forward", "1")`.
    /// An interface name may contain dots, so the separator is a slash where it matters.
    pub fn sysctl(&self, name: &str, value: &str) -> Result<()> {
        self.exec("sysctl", &["-q", "-w", &format!("{name}={value}")]).map(drop)
    }

    /// Makes it forward, both families.
    pub fn router(&self) -> Result<()> {
        self.sysctl("net.ipv4.ip_forward", "1")?;
        self.sysctl("net.ipv6.conf.all.forwarding", "1")
    }

    /// Sets the largest packet of an interface.
    pub fn mtu(&self, interface: &str, mtu: u32) -> Result<()> {
        self.ip(&format!("link set {interface} mtu {mtu}")).map(drop)
    }

    /// Segmentation, merging and checksum offloads of an interface: `host.offload("eth0",
    /// "tso off gro on")`.
    pub fn offload(&self, interface: &str, features: &str) -> Result<()> {
        let mut args = vec!["-K", interface];
        args.extend(features.split_whitespace());
        self.exec("ethtool", &args).map(drop)
    }

    /// One of the kernel's counters of an interface, as `rx_bytes`.
    pub fn counter(&self, interface: &str, counter: &str) -> Result<u64> {
        let path = format!("/sys/class/net/{interface}/statistics/{counter}");
        let text = self.exec("cat", &[&path])?;
        text.trim().parse().map_err(|_| {
            crate::LabError::Unexpected(format!("{path} of {} reads {text:?}", self.name()))
        })
    }

    /// The addresses of one family (`4` or `6`) and global scope on an interface, in order.
    pub fn addresses(&self, interface: &str, family: u8) -> Result<Vec<String>> {
        let listing = self.ip(&format!("-{family} -o addr show dev {interface} scope global"))?;
        let usable = listing.lines().filter(|l| !l.contains("tentative"));
        Ok(usable.filter_map(|l| l.split_whitespace().nth(3)).map(str::to_owned).collect())
    }

    /// Prepares a command to run inside the namespace, without running it.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.namespace(), program]);
        command
    }
}
