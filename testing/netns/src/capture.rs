//! What was on the wire, and what an independent decoder makes of it.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    Host,
    error::{LabError, Result},
    process::{Process, run},
    wait,
};

const LIMIT: Duration = Duration::from_secs(10);
/// In immediate mode a packet is in the file well within this.
const REST: Duration = Duration::from_millis(200);
/// The protocols that tshark judges: those Kedge and the hosts of a lab write. Left to itself it
/// guesses at the octets of user data, and now and then takes random ones for a protocol that is
/// in error.
const JUDGED: [&str; 17] = [
    "arp",
    "data",
    "dhcp",
    "dhcpv6",
    "eth",
    "ethertype",
    "frame",
    "gre",
    "icmp",
    "icmpv6",
    "ip",
    "ipv6",
    "ipv6.dstopts",
    "ipv6.hopopts",
    "mipv6",
    "tcp",
    "udp",
];

/// A running packet capture.
#[derive(Debug)]
pub struct Capture {
    tcpdump: Process,
    file: PathBuf,
}

impl Capture {
    /// Starts capturing on an interface what `filter` lets through; returns once it listens.
    pub fn start(host: &Host, interface: &str, filter: &str) -> Result<Self> {
        let file = host.dir().join(format!("{}-{interface}.pcap", host.name()));
        let path = file.to_string_lossy().into_owned();
        // Every packet reaches tcpdump and the file at once; the file is ours to write.
        let mut args = vec![
            "--immediate-mode",
            "-U",
            "-Z",
            "root",
            "-n",
            "-s",
            "0",
            "-i",
            interface,
            "-w",
            &path,
        ];
        args.extend(filter.split_whitespace());
        let tcpdump = host.spawn(&format!("tcpdump-{interface}"), "tcpdump", &args)?;
        wait::until(LIMIT, "tcpdump to listen", || {
            let said = tcpdump.errors();
            if said.contains("listening on") { Ok(()) } else { Err(said) }
        })?;
        Ok(Self { tcpdump, file })
    }

    /// Waits until the capture so far holds a packet that the display filter matches.
    pub fn wait_for(&self, limit: Duration, filter: &str) -> Result<()> {
        wait::until(limit, &format!("a packet matching `{filter}`"), || {
            match decode(&self.file, filter, &["frame.number"]) {
                Ok(rows) if !rows.is_empty() => Ok(()),
                Ok(_) => Err("none yet".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    /// Ends the capture once the file has stopped growing: what tcpdump has not read when it is
    /// told to end, it never reads.
    pub fn stop(mut self) -> Result<Recording> {
        let mut last = (0, Instant::now());
        wait::until(LIMIT, "the capture to come to rest", || {
            let size = fs::metadata(&self.file).map_or(0, |m| m.len());
            if size != last.0 {
                last = (size, Instant::now());
            }
            let rested = last.1.elapsed() >= REST;
            if rested { Ok(()) } else { Err(format!("{size} octets and growing")) }
        })?;
        self.tcpdump.signal(Signal::SIGINT)?;
        self.tcpdump.wait(LIMIT)?;
        Ok(Recording { file: self.file.clone() })
    }
}

/// A finished capture.
#[derive(Debug)]
pub struct Recording {
    file: PathBuf,
}

impl Recording {
    /// Opens a capture file that is there already.
    #[must_use]
    pub fn open(file: &Path) -> Self {
        Self { file: file.to_owned() }
    }

    /// The fields of every packet that matches, one row a packet.
    pub fn decode(&self, filter: &str, fields: &[&str]) -> Result<Vec<Vec<String>>> {
        decode(&self.file, filter, fields)
    }

    /// How many packets match.
    pub fn count(&self, filter: &str) -> Result<usize> {
        Ok(self.decode(filter, &["frame.number"])?.len())
    }

    /// Packets from `source` that tshark finds malformed or in error, described; empty is good.
    pub fn malformed_from(&self, source: IpAddr) -> Result<Vec<String>> {
        let sender = match source {
            IpAddr::V4(address) => format!("ip.src == {address}"),
            IpAddr::V6(address) => format!("ipv6.src == {address}"),
        };
        let filter = format!("({sender}) && (_ws.malformed || _ws.expert.severity == error)");
        let mut tshark = tshark(&self.file, &filter);
        for other in all_protocols()?.lines().filter_map(|row| row.split('\t').nth(2)) {
            // Its own findings are protocols to tshark, too.
            if !JUDGED.contains(&other) && !other.starts_with("_ws.") {
                tshark.args(["--disable-protocol", other]);
            }
        }
        let rows = rows(&mut tshark, &["frame.number", "_ws.col.Info", "_ws.expert.message"])?;
        Ok(rows.into_iter().map(|row| row.join(" ")).collect())
    }
}

/// The fields of the packets of a file that match.
fn decode(file: &Path, filter: &str, fields: &[&str]) -> Result<Vec<Vec<String>>> {
    rows(&mut tshark(file, filter), fields)
}

fn tshark(file: &Path, filter: &str) -> Command {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-r"]).arg(file).args(["-T", "fields", "-E", "separator=/t"]);
    tshark.args(["-Y", filter]);
    tshark
}

/// What tshark prints. A half-written last packet of a running capture is not an error.
fn rows(tshark: &mut Command, fields: &[&str]) -> Result<Vec<Vec<String>>> {
    for field in fields {
        tshark.args(["-e", field]);
    }
    let out = match run(tshark) {
        Ok(out) => out,
        Err(LabError::Command { output, .. }) if output.contains("cut short") => return Ok(vec![]),
        Err(error) => return Err(error),
    };
    Ok(out.lines().map(|l| l.split('\t').map(str::to_owned).collect()).collect())
}

/// One row a protocol that tshark knows: name, short name, filter name.
fn all_protocols() -> Result<String> {
    run(Command::new("tshark").args(["-G", "protocols"]))
}
