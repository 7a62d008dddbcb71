//! Pings of chosen sizes, and what is said to those that are too large.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use kedge_lab::{Host, wait};

use crate::row::Family;

/// Waits until a ping is answered: devices take a moment to carry their first packet.
pub fn until_answered(from: &Host, address: &str) -> Result<()> {
    wait::until(Duration::from_secs(10), &format!("{address} to answer"), || {
        let args = ["-n", "-c", "1", "-W", "1", address];
        from.exec("ping", &args).map_err(|error| error.to_string())
    })?;
    Ok(())
}

/// Three pings whose packets have `size` octets are answered by as many, and no host complains.
/// With `whole` no host may cut them.
pub fn answered(from: &Host, address: &str, size: u16, whole: bool) -> Result<()> {
    let payload = (size - headers(address)).to_string();
    let whole = if whole { "do" } else { "dont" };
    // Each probe waits for the answer to the one before: the machine may be slow.
    let args = ["-n", "-A", "-c", "3", "-w", "10", "-M", whole, "-s", &payload, address];
    let answer = from.exec("ping", &args);
    let answer = answer.with_context(|| format!("{size} octets from {}", from.name()))?;
    ensure!(!answer.contains("errors"), "{size} octets to {address}: {answer}");
    Ok(())
}

/// No ping is answered.
pub fn unanswered(from: &Host, address: &str) -> Result<()> {
    match from.exec("ping", &["-n", "-q", "-c", "2", "-i", "0.1", "-W", "1", address]) {
        Ok(answer) => bail!("{address} answers: {answer}"),
        Err(error) if error.to_string().contains(" 100% packet loss") => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A ping whose packet has `size` octets is answered by the news that `mtu` are the most.
pub fn told_too_big(from: &Host, address: &str, size: u16, mtu: u16) -> Result<()> {
    let payload = (size - headers(address)).to_string();
    let ping = ["-n", "-c", "1", "-W", "3", "-M", "do", "-s", &payload, address];
    let answer = match from.exec("ping", &ping) {
        Ok(answer) => answer,
        Err(error) => error.to_string(),
    };
    let told = [format!("mtu = {mtu})"), format!("mtu={mtu}"), format!("mtu: {mtu}")];
    ensure!(told.iter().any(|told| answer.contains(told)), "no MTU of {mtu} in {answer:?}");
    Ok(())
}

/// Lets a host forget the path MTUs that it was told of.
pub fn forget_path_mtus(host: &Host) -> Result<()> {
    for family in Family::ALL {
        host.ip(&format!("{} route flush cache", family.pick("-4", "-6")))?;
    }
    Ok(())
}

/// Octets of the headers in front of a ping's payload.
fn headers(address: &str) -> u16 {
    if address.contains(':') { 40 + 8 } else { 20 + 8 }
}
