//! Another user-space tunnel between the same two hosts: fastd, without encryption, so that what
//! is compared is the way of a packet through a user's process and back.

use std::{fs, net::Ipv4Addr, process::Command, time::Duration};

use kedge_lab::{
    Host, LabError, Process, Result,
    domain::{ANCHOR, GATEWAYS},
    wait,
};

const DEVICE: &str = "fd0";
const PORT: u16 = 10_000;
const LIMIT: Duration = Duration::from_secs(20);

/// Whether Debian's package is here; the comparison is made where it is.
pub fn is_installed() -> bool {
    Command::new("fastd").arg("--version").output().is_ok_and(|out| out.status.success())
}

/// Joins the anchor's host and the gateway's; the ends have 10.255.0.1 and 10.255.0.2.
pub fn join(lma: &Host, mag: &Host, mtu: u32) -> Result<[Process; 2]> {
    let ends = [(lma, ANCHOR.0, key(lma)?), (mag, GATEWAYS[0].1, key(mag)?)];
    let start = |own: usize| -> Result<Process> {
        let ((host, _, key), (_, address, peer)) = (&ends[own], &ends[1 - own]);
        let file = host.dir().join(format!("{}-fastd.conf", host.name()));
        fs::write(&file, configuration(key, peer, *address, ends[own].1, mtu))
            .map_err(|e| LabError::Unexpected(format!("{}: {e}", file.display())))?;
        let process = host.spawn("fastd", "fastd", &["-c", &file.to_string_lossy()])?;
        wait::until(LIMIT, "fastd's device", || {
            host.address(DEVICE, &format!("10.255.0.{}/30", own + 1)).map_err(|e| e.to_string())
        })?;
        host.ip(&format!("link set {DEVICE} up"))?;
        Ok(process)
    };
    Ok([start(0)?, start(1)?])
}

/// A pair of keys.
struct Key {
    secret: String,
    public: String,
}

fn key(host: &Host) -> Result<Key> {
    let said = host.exec("fastd", &["--generate-key"])?;
    let after = |label: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(label));
        line.map(|key| key.trim().to_owned())
            .ok_or_else(|| LabError::Unexpected(format!("fastd said {said:?}")))
    };
    Ok(Key { secret: after("Secret:")?, public: after("Public:")? })
}

fn configuration(own: &Key, peer: &Key, at: Ipv4Addr, from: Ipv4Addr, mtu: u32) -> String {
    let (secret, public) = (&own.secret, &peer.public);
    format!(
        "log level warn;\nmode tun;\ninterface \"{DEVICE}\";\nmethod \"null\";\nmtu {mtu};\n\
         bind {from}:{PORT};\nsecret \"{secret}\";\n\
         peer \"other\" {{ key \"{public}\"; remote {at}:{PORT}; }}\n"
    )
}
