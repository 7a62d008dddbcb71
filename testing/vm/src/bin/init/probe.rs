//! Pings of chosen sizes, and what is said to those that are too large.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use kedge_lab::{Host, wait};

use crate::row::{Family, within};

/// Waits until a ping is answered: devices take a moment to carry their first packet.
pub fn until_answered(from: &Host, address: &str) -> Result<()> {
    wait::until(wait::SOON, &format!("{address} to answer"), || {
        match ping(from, address, &["-c", "1", "-W", "1"]) {
            Ok((true, _)) => Ok(()),
            Ok((false, said)) => Err(said),
            Err(error) => Err(format!("{error:#}")),
        }
    })?;
    Ok(())
}

/// Three pings whose packets have `size` octets are answered by as many, and no host complains.
/// With `whole` no host may cut them.
pub fn answered(from: &Host, address: &str, size: u16, whole: bool) -> Result<()> {
    let whole = if whole { "do" } else { "dont" };
    // Each probe waits for the answer to the one before: the machine may be slow.
    let words = ["-A", "-c", "3", "-w", "120", "-M", whole, "-s", &payload(size, address)];
    let (answered, said) = ping(from, address, &words)?;
    let good = answered && !said.contains("errors");
    ensure!(good, "{size} octets from {} to {address}: {said}", from.name());
    Ok(())
}

/// No ping is answered.
pub fn unanswered(from: &Host, address: &str) -> Result<()> {
    let (_, said) = ping(from, address, &["-q", "-c", "2", "-i", "0.1", "-W", "1"])?;
    ensure!(said.contains(" 100% packet loss"), "from {} to {address}: {said}", from.name());
    Ok(())
}

/// A ping whose packet has `size` octets is answered by the news that `mtu` are the most.
pub fn told_too_big(from: &Host, address: &str, size: u16, mtu: u16) -> Result<()> {
    let words = ["-c", "1", "-W", "60", "-M", "do", "-s", &payload(size, address)];
    let (_, said) = ping(from, address, &words)?;
    let told = [format!("mtu = {mtu})"), format!("mtu={mtu}"), format!("mtu: {mtu}")];
    let told = told.iter().any(|told| said.contains(told));
    ensure!(told, "{size} octets from {} to {address}: no MTU of {mtu} in {said}", from.name());
    Ok(())
}

/// Lets a host forget the path MTUs that it was told of.
pub fn forget_path_mtus(host: &Host, family: Family) -> Result<()> {
    host.ip(&format!("{} route flush cache", family.pick("-4", "-6")))?;
    Ok(())
}

/// Runs ping: whether it was content, and what it said.
fn ping(from: &Host, address: &str, words: &[&str]) -> Result<(bool, String)> {
    let run = || Command::new("ping").arg("-n").args(words).arg(address).output();
    let output = within(from, run)?.context("starting ping")?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// Octets of payload of a ping whose packet has `size`.
fn payload(size: u16, address: &str) -> String {
    let headers = if address.contains(':') { 40 + 8 } else { 20 + 8 };
    (size - headers).to_string()
}
