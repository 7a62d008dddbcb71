//! What was on the wire, and what an independent decoder makes of it.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{
    Host,
    error::{LabError, Result},
    process::{Process, run},
    wait,
};

/// Nothing is on its way any more when nothing has come for this long.
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
        // A tcpdump that gets no time for a while finds all that came: room for 16 MiB of packets,
        // in blocks that are filled to the brim. In immediate mode each packet would take as much
        // room as the longest, and the kernel keep 32 of them. They reach the file within a second;
        // it is ours to write.
        let mut args =
            vec!["-B", "16384", "-U", "-Z", "root", "-n", "-s", "0", "-i", interface, "-w", &path];
        args.extend(filter.split_whitespace());
        let tcpdump = host.spawn(&format!("tcpdump-{interface}"), "tcpdump", &args)?;
        wait::until(wait::SOON, "tcpdump to listen", || {
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

    /// Ends the capture once nothing comes any more and tcpdump has read all that came: what it has
    /// not read when it is told to end, it never reads. Not for the loopback device, each packet of
    /// which the kernel counts twice.
    pub fn stop(mut self) -> Result<Recording> {
        let mut last = None;
        wait::until(wait::SOON, "the capture to come to rest", || {
            let counts = self.ask().map_err(|error| error.to_string())?;
            let rests = counts == last && counts.as_ref().is_none_or(Counts::are_complete);
            last = counts;
            if rests {
                return Ok(());
            }
            wait::pause(REST);
            Err(format!("{last:?}"))
        })?;
        self.tcpdump.signal(Signal::SIGINT)?;
        self.tcpdump.wait(wait::SOON)?;
        Ok(Recording { file: self.file.clone() })
    }

    /// The counts of now; none after tcpdump has ended, as it does when its interface goes.
    fn ask(&mut self) -> Result<Option<Counts>> {
        let before = self.counts().len();
        self.tcpdump.signal(Signal::SIGUSR1)?;
        wait::until(wait::SOON, "tcpdump to tell its counts", || {
            if self.tcpdump.ended().is_some() {
                return Ok(None);
            }
            let told = self.counts().into_iter().nth(before);
            told.map(Some).ok_or_else(|| self.tcpdump.errors())
        })
    }

    /// The counts that tcpdump has told so far.
    fn counts(&self) -> Vec<Counts> {
        self.tcpdump.errors().lines().filter_map(Counts::read).collect()
    }
}

/// What tcpdump has written, what the kernel let through to it, and what was too much for it.
#[derive(Debug, PartialEq)]
struct Counts {
    captured: u64,
    received: u64,
    dropped: u64,
}

impl Counts {
    fn are_complete(&self) -> bool {
        self.captured + self.dropped >= self.received
    }

    /// Of a line like `tcpdump: 3 packets captured, 3 packets received by filter, 0 packets dropped
    /// by kernel`.
    fn read(line: &str) -> Option<Self> {
        let words = line.strip_prefix("tcpdump: ")?;
        let of = |what: &str| {
            let part = words.split(", ").find(|part| part.ends_with(what))?;
            part.split(' ').next()?.parse().ok()
        };
        Some(Self {
            captured: of("captured")?,
            received: of("received by filter")?,
            dropped: of("dropped by kernel")?,
        })
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

    /// How many octets the frames that match have together. A train of UDP datagrams is one frame.
    pub fn octets(&self, filter: &str) -> Result<u64> {
        let frames = self.decode(filter, &["frame.len"])?;
        Ok(frames.iter().flatten().filter_map(|octets| octets.parse::<u64>().ok()).sum())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_tcpdump_are_read_and_nothing_else_it_says() {
        let line = "tcpdump: 1 packet captured, 12 packets received by filter, 2 packets dropped by \
                    kernel";
        let counts = Counts { captured: 1, received: 12, dropped: 2 };
        assert!(!counts.are_complete());
        assert_eq!(Counts::read(line), Some(counts));
        for other in ["tcpdump: listening on tp0, link-type EN10MB", "1 packet captured"] {
            assert_eq!(Counts::read(other), None, "{other}");
        }
    }
}
