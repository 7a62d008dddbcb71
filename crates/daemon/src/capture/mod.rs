//! `capture`: signalling messages in a file that Wireshark reads, each with a comment that says
//! what the daemon made of it.
//!
//! Files are in one directory below the state directory, their owner's alone. A capture ends by
//! itself after so many packets or octets. It has what was on the wire; a shared key is never
//! there.

mod headers;
mod pcapng;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kedge_model::{CustomerId, MnId, SignalPath};

pub use pcapng::Direction;

use crate::debug::Target;
use crate::os_error::reason;

/// A capture has at most so many octets.
const MOST_OCTETS: u64 = 64 << 20;
/// The directory has at most so many captures.
const MOST_FILES: usize = 32;
/// Packets of a capture that nobody gave a limit.
pub const USUAL_LIMIT: u64 = 10_000;

/// A message that was received, or is sent.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Which way.
    pub direction: Direction,
    /// Between whom.
    pub path: SignalPath,
    /// The code point of its packet.
    pub dscp: u8,
    /// The message.
    pub bytes: &'a [u8],
}

/// A capture, running or ended.
#[derive(Debug)]
pub struct Capture {
    target: Option<Target>,
    path: PathBuf,
    /// `None` once it has ended.
    file: Option<BufWriter<File>>,
    limit: u64,
    packets: u64,
    octets: u64,
    ended: &'static str,
    failure: Option<String>,
}

/// Why a capture did not start.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Such a name could leave the directory, or hide in it.
    #[error(
        "a capture's name has letters, digits, '-', '_' and '.', does not begin with '.', and is 64 characters long at most"
    )]
    Name,
    /// There are enough.
    #[error("there are {MOST_FILES} captures in {directory}: remove some")]
    Full {
        /// Where.
        directory: PathBuf,
    },
    /// The file cannot be made.
    #[error("{path} cannot be written: {}", reason(cause))]
    File {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
}

impl Capture {
    /// Starts a capture into a file of `directory`.
    pub fn start(
        directory: &Path,
        name: &str,
        target: Option<Target>,
        limit: u64,
    ) -> Result<Self, CaptureError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(fits) {
            return Err(CaptureError::Name);
        }
        let name = match name.ends_with(".pcapng") {
            true => name.to_owned(),
            false => format!("{name}.pcapng"),
        };
        let path = directory.join(name);
        let failed = |cause| CaptureError::File { path: path.clone(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let held = fs::read_dir(directory).map_err(failed)?.count();
        if held >= MOST_FILES && !path.exists() {
            return Err(CaptureError::Full { directory: directory.into() });
        }
        // A link that somebody put there is not followed: the old file goes, a new one comes.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(failed)?;
        file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
        let mut file = BufWriter::new(file);
        let octets = pcapng::begin(&mut file, "signalling").and_then(|n| file.flush().map(|()| n));
        let octets = octets.map_err(failed)? as u64;
        let file = Some(file);
        Ok(Self { target, path, file, limit, packets: 0, octets, ended: "", failure: None })
    }

    /// Whether it still goes on.
    pub fn is_running(&self) -> bool {
        self.file.is_some()
    }

    /// Whether a message belongs into it.
    pub fn wants(&self, customer: CustomerId, mn_id: Option<&MnId>, seen: &Seen<'_>) -> bool {
        let peer = seen.path.peer.ip();
        let meant = self.target.as_ref().is_none_or(|target| target.is_met(customer, mn_id, peer));
        self.is_running() && meant
    }

    /// Writes a message. What cannot be written ends the capture, never the service.
    pub fn write(&mut self, seen: &Seen<'_>, comment: &str, at: SystemTime) {
        let Some(file) = &mut self.file else { return };
        let SignalPath { local, peer, .. } = seen.path;
        let (from, to) = match seen.direction {
            Direction::In => (peer, local),
            Direction::Out => (local, peer),
        };
        let packet = headers::wrap(from, to, seen.dscp, seen.bytes);
        match pcapng::packet(file, at, seen.direction, &packet, comment) {
            Ok(octets) => {
                self.octets += octets as u64;
                self.packets += 1;
            }
            Err(error) => {
                self.failure = Some(error.to_string());
                return self.stop("it could not be written");
            }
        }
        if self.packets >= self.limit {
            self.stop("it has as many packets as it may have");
        } else if self.octets >= MOST_OCTETS {
            self.stop("it has as many octets as it may have");
        }
    }

    /// Makes what was written readable by others.
    pub fn flush(&mut self) {
        if let Some(Err(error)) = self.file.as_mut().map(Write::flush) {
            self.failure = Some(error.to_string());
            self.stop("it could not be written");
        }
    }

    /// Ends it.
    pub fn stop(&mut self, why: &'static str) {
        if let Some(mut file) = self.file.take() {
            if let Err(error) = file.flush() {
                self.failure.get_or_insert(error.to_string());
            }
            self.ended = why;
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it has so far: packets, and octets of the file.
    pub fn size(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// At most so many packets.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Whose messages it has.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Why it ended.
    pub fn ended(&self) -> &'static str {
        self.ended
    }

    /// What could not be written, and why.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

#[cfg(test)]
mod tests;
