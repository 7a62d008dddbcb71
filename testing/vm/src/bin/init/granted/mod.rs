//! `kedged` as an anchor whose gateway is the kernel of M: a [`Speaker`] there registers B, and the
//! tunnel that the acknowledgement grants is a device of the kernel, made with what it says.
//!
//! Every encapsulation that can be asked for is, over both families, but GRE behind the TLV header of
//! RFC 5845 §7.2: no device of the kernel knows that header.

mod speaker;

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use kedge_lab::Daemon;
use kedge_model::{Encapsulation, Lifetime, Sequence};

use crate::row::Row;
use crate::tunnel::Carriage;
use crate::{probe, transfer};
use speaker::{Answer, Problems, SOON, Speaker};

/// How long nothing has to come for nothing to have come.
const MOMENT: Duration = Duration::from_secs(1);

/// The addresses are those of the row. Without words about encapsulation the gateway chooses.
const CONFIG: &str = "ipv6 mobile pmipv6-domain example.net\n nai @example.net\n  network home\n  \
    service dual\n !\n!\nipv6 mobile pmipv6-lma lma1 domain example.net\n \
    address ipv4 192.0.2.1\n address ipv6 2001:db8:f::1\n bce maximum 10\n \
    mag m example.net\n  ipv4 address 192.0.2.2\n  ipv6 address 2001:db8:f::2\n !\n \
    network home\n  pool mobile-node ipv4 start-address 10.64.0.0 pool-prefix 24\n  \
    pool mobile-node ipv6 start-address 2001:db8:5:: pool-prefix 48\n !\n!\n";

/// What is granted to an update carries packets of both directions, until it is given back.
pub fn carries(row: &Row, carriage: &Carriage) -> Result<()> {
    for (host, interface) in row.transport.ends() {
        host.offload(interface, "tx on tso on gso on gro on")?;
    }
    let mut anchor = Daemon::start_quietly(&row.l, CONFIG)?;
    let outcome = carries_by(row, carriage);
    outcome.map_err(|error| anyhow!("{error:#}; the anchor says {}", anchor.log()))?;
    Ok(anchor.stop()?)
}

/// A message with a wrong header is answered by one Parameter Problem (RFC 6275 §9.2). This kernel
/// is built for Mobile IPv6: the answer is its own, and `kedged` adds none.
pub fn answers_a_wrong_header_once(row: &Row, carriage: &Carriage) -> Result<()> {
    let mut anchor = Daemon::start_quietly(&row.l, CONFIG)?;
    let mut speaker = Speaker::open(&row.m, carriage.over)?;
    let mut problems = Problems::open(&row.m)?;
    let whole = speaker::update(carriage, Sequence(1), Lifetime::from_secs(600))?;
    for (octet, value) in [(0, 60), (1, 0)] {
        let mut wrong = whole.clone();
        wrong[octet] = value;
        speaker.send(&wrong)?;
        let pointer = problems.next(SOON)?.context("no Parameter Problem came")?;
        ensure!(pointer == 40 + octet as u32, "octet {octet}: it points at {pointer}");
        let again = problems.next(MOMENT)?;
        ensure!(again.is_none(), "octet {octet}: it is answered twice");
    }
    // All is well with a right one. The socket of the wrong ones has the problems as its errors.
    Speaker::open(&row.m, carriage.over)?.register(carriage)?;
    Ok(anchor.stop()?)
}

fn carries_by(row: &Row, carriage: &Carriage) -> Result<()> {
    let mut speaker = Speaker::open(&row.m, carriage.over)?;
    let answer = speaker.register(carriage)?;
    let devices = carriage.make_with(&row.m, &keys(carriage, &answer)?)?;
    for inner in carriage.families() {
        let ends = [(&row.a, &row.b, inner.b()), (&row.b, &row.a, inner.a())];
        for (from, to, address) in ends {
            let what = || format!("from {} to {address}", from.name());
            probe::forget_path_mtus(from, inner)?;
            probe::until_answered(from, address)?;
            probe::told_too_big(from, address, carriage.mtu + 1, carriage.mtu)?;
            probe::answered(from, address, carriage.mtu, true)?;
            let before = devices.received()?;
            transfer::run(from, to, address)?;
            // Each packet is one of ours that the kernel has taken out of the tunnel: the octets of
            // one direction, the acknowledgements of the other.
            let through = devices.received()? - before;
            ensure!(through > 5, "{}: only {through} packets came by the tunnel", what());
        }
    }
    speaker.deregister(carriage)?;
    for inner in carriage.families() {
        probe::unanswered(&row.a, inner.b()).context("after the de-registration")?;
    }
    Ok(())
}

/// The words for the kernel's device: it receives with the key that its gateway has chosen, and sends
/// with the anchor's (RFC 5845 §3.3).
fn keys(carriage: &Carriage, answer: &Answer) -> Result<String> {
    match (carriage.ours, answer.gre) {
        (Encapsulation::Gre { send_key: Some(own), .. }, Some(Some(key))) => {
            Ok(format!("ikey {own} okey {key}"))
        }
        (Encapsulation::Gre { send_key: None, .. }, Some(None))
        | (Encapsulation::IpInIp | Encapsulation::Udp { .. }, None) => Ok(String::new()),
        (asked, granted) => Err(anyhow!("asked for {asked:?}, answered with keys {granted:?}")),
    }
}
