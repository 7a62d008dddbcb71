//! The socket of a network whose hosts get their addresses here.

use std::time::Instant;

use kedge_mag::{Lan, LeaseView, NetworkHosts, Served};
use kedge_net::NetError;
use kedge_net::access::AccessSocket;
use kedge_net::netlink::{DeviceIndex, Link};
use kedge_net::poll::{Poller, Token};
use kedge_sansio::Now;
use tracing::debug;

/// How many frames of one network are read before others get their turn.
const FRAMES_A_TURN: usize = 64;

/// A network's machine and its socket.
pub struct NetworkPort {
    device: DeviceIndex,
    token: Token,
    socket: AccessSocket,
    lan: Lan,
}

impl NetworkPort {
    /// Opens the socket of a device.
    pub fn open(link: &Link, poller: &Poller, token: Token, seed: u64) -> Result<Self, NetError> {
        let socket = AccessSocket::open(link)?;
        socket.hear_control_only()?;
        poller.add(&socket, token)?;
        Ok(Self { device: link.index, token, socket, lan: Lan::new(seed) })
    }

    /// The device.
    pub fn device(&self) -> DeviceIndex {
        self.device
    }

    /// What the poller calls it.
    pub fn token(&self) -> Token {
        self.token
    }

    /// States what the hosts are told.
    pub fn serve(&mut self, served: Served, count: &mut NetworkHosts, now: Now) {
        self.lan.serve(served, now);
        self.handle_timeout(count, now);
    }

    /// Reads frames.
    pub fn receive(&mut self, count: &mut NetworkHosts, now: Now) {
        for _ in 0..FRAMES_A_TURN {
            match self.socket.recv() {
                Ok(Some(frame)) => self.lan.handle_frame(frame.bytes, count, now),
                Ok(None) => break,
                Err(error) => {
                    // The link went down or away; its own event says so.
                    debug!("{error}");
                    break;
                }
            }
        }
        self.send();
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, count: &mut NetworkHosts, now: Now) {
        self.lan.handle_timeout(count, now);
        self.send();
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.lan.poll_timeout()
    }

    /// The leases of the hosts.
    pub fn leases(&self, now: Now) -> impl Iterator<Item = LeaseView> {
        self.lan.leases(now.mono)
    }

    fn send(&mut self) {
        while let Some(bytes) = self.lan.poll_frame() {
            if let Err(error) = self.socket.send(&bytes) {
                debug!("{error}");
            }
            self.lan.reclaim(bytes);
        }
    }
}
