//! A TCP transfer between two hosts whose every octet is compared.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use kedge_lab::{Host, pattern, wait};

use crate::row::within;

/// Octets of a transfer.
pub const OCTETS: usize = 300_000;

/// Longest wait for a step, and for further octets.
const LIMIT: Duration = Duration::from_secs(120);

/// Sends [`OCTETS`] from one host to an address of another.
pub fn run(from: &Host, to: &Host, address: &str) -> Result<()> {
    let what = || format!("TCP from {} to {address}", from.name());
    transfer(from, to, address).with_context(what)
}

fn transfer(from: &Host, to: &Host, address: &str) -> Result<()> {
    // A socket stays in the namespace that it was made in.
    let at = SocketAddr::new(address.parse()?, 0);
    let listener = within(to, move || TcpListener::bind(at))??;
    let at = listener.local_addr()?;
    let mut sender = within(from, move || TcpStream::connect_timeout(&at, LIMIT))??;
    listener.set_nonblocking(true)?;
    let (mut receiver, _) = wait::until(LIMIT, "the connection", || {
        listener.accept().map_err(|error| error.to_string())
    })?;
    receiver.set_nonblocking(false)?;
    receiver.set_read_timeout(Some(LIMIT))?;
    sender.set_write_timeout(Some(LIMIT))?;

    let mut octets = vec![0; OCTETS];
    pattern::fill(0, &mut octets);
    let expected = octets.clone();
    let sending = thread::spawn(move || sender.write_all(&octets));
    let mut received = Vec::with_capacity(OCTETS);
    let end = receiver.read_to_end(&mut received);
    drop(receiver);
    let sent = sending.join().map_err(|_| anyhow!("the sender panicked"))?;
    end.with_context(|| format!("{} octets arrived, then none", received.len()))?;
    sent.context("sending")?;
    let same = received.iter().zip(&expected).take_while(|(got, want)| got == want).count();
    ensure!(
        received == expected,
        "{} of {OCTETS} octets arrived, the first {same} of them right",
        received.len()
    );
    Ok(())
}
