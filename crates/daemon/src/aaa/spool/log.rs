//! The file itself: entries are appended, and it is written anew when most of it is over.
//!
//! ```text
//!   append ──────────────► file ──► [`Log::job`]: Sync
//!                            ▲
//!   what is not over ──► new file, and behind it what was appended meanwhile ──► renamed
//! ```
//!
//! Nothing here waits for the disk but what [`Job`] says to be done without the log in hand:
//! appending is a `write`, which the kernel takes into its memory, where it survives the daemon.
//! What the disk refuses is tried again by writing the file anew, which also heals a disk that was
//! full or gone.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info};

use super::entry::{OVERHEAD, Record, put};
use crate::os_error::reason;

/// After this long a disk that failed is tried again.
pub const AGAIN: Duration = Duration::from_secs(5);
/// A disk that takes longer to make something durable hangs: a `write` may hang with it.
const HANGS: Duration = Duration::from_secs(1);
/// A file up to this size is not worth writing anew.
const SMALL: u64 = 4 << 20;

/// How the disk is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Health {
    /// Why nothing is written; `None` if all is well.
    pub failed: Option<String>,
    /// How large the file is.
    pub octets: u64,
    /// How often the disk has refused.
    pub failures: u64,
    /// Octets at the end of the file that were no whole entry at the start.
    pub torn: u64,
}

/// What the disk is to do next; it may take its time.
pub enum Job {
    /// Make durable what was appended; [`Log::synced`] follows.
    Sync(Arc<File>),
    /// Write the file anew; [`Log::replace`] follows.
    Anew(New),
}

/// A file in the making, with what was not over when it was begun.
pub struct New {
    path: PathBuf,
    octets: Vec<u8>,
}

/// The same on the disk, not yet in the place of the old one.
pub struct Written {
    path: PathBuf,
    file: File,
    len: u64,
}

impl New {
    /// Writes it.
    pub fn write(self) -> io::Result<Written> {
        let Self { path, octets } = self;
        let written = || -> io::Result<File> {
            let mut options = OpenOptions::new();
            let mut file = options.create(true).append(true).mode(0o600).open(&path)?;
            // Of an earlier attempt.
            file.set_len(0)?;
            file.write_all(&octets)?;
            file.sync_all()?;
            Ok(file)
        };
        let file = written().inspect_err(|_| {
            // On a disk that is full, every octet counts.
            let _ = fs::remove_file(&path);
        })?;
        Ok(Written { file, len: octets.len() as u64, path })
    }
}

/// The file, and what it says.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    /// The file to append to; `None` if it is to be written anew.
    file: Option<Arc<File>>,
    live: BTreeMap<u64, Record>,
    /// How long the file were with what is live alone.
    needed: u64,
    /// What was appended since a new file was begun, if one was.
    tail: Option<Vec<u8>>,
    /// Records were appended since the last time that they were made durable.
    dirty: bool,
    /// Since when the disk has been making something durable.
    syncing: Option<Instant>,
    /// Before this, the disk is not tried again.
    again: Option<Instant>,
    health: Health,
}

impl Log {
    /// A log of these records, which are in no file yet.
    pub fn new(path: &Path, live: BTreeMap<u64, Record>, torn: u64) -> Self {
        let needed = live.values().map(|record| record.attributes.len() as u64 + OVERHEAD).sum();
        Self {
            path: path.to_owned(),
            file: None,
            live,
            needed,
            tail: None,
            dirty: false,
            syncing: None,
            again: None,
            health: Health { torn, ..Health::default() },
        }
    }

    /// How the disk is.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Appends records, and numbers of those that are over.
    pub fn append(&mut self, changes: Vec<(u64, Option<Record>)>, now: Instant) {
        let mut octets = Vec::new();
        for (number, record) in changes {
            put(&mut octets, number, record.as_ref());
            let was = match record {
                Some(record) => {
                    self.dirty = true;
                    self.needed += record.attributes.len() as u64 + OVERHEAD;
                    self.live.insert(number, record)
                }
                None => self.live.remove(&number),
            };
            self.needed -= was.map_or(0, |was| was.attributes.len() as u64 + OVERHEAD);
        }
        if let Some(tail) = &mut self.tail {
            tail.extend_from_slice(&octets);
        }
        let Some(mut file) = self.file.as_deref() else { return };
        if self.syncing.is_some_and(|since| now.saturating_duration_since(since) > HANGS) {
            return self.fail(&io::ErrorKind::TimedOut.into(), now);
        }
        match file.write_all(&octets) {
            Ok(()) => self.health.octets += octets.len() as u64,
            // Half an entry may be there: what came behind it would not be read.
            Err(cause) => self.fail(&cause, now),
        }
    }

    /// What there is to be done; `None` if all is well.
    pub fn job(&mut self, now: Instant) -> Option<Job> {
        let bloated = self.health.octets > SMALL && self.health.octets > 2 * self.needed;
        match self.file.as_ref().filter(|_| !bloated) {
            Some(_) if !self.dirty => None,
            Some(file) => {
                (self.dirty, self.syncing) = (false, Some(now));
                Some(Job::Sync(file.clone()))
            }
            None if self.again.is_some_and(|again| now < again) => None,
            None => Some(Job::Anew(self.anew())),
        }
    }

    /// Begins a new file.
    pub fn anew(&mut self) -> New {
        let mut octets = Vec::with_capacity(usize::try_from(self.needed).unwrap_or(0));
        for (number, record) in &self.live {
            put(&mut octets, *number, Some(record));
        }
        self.tail = Some(Vec::new());
        New { path: self.path.with_extension("new"), octets }
    }

    /// Takes the new file instead of the old one, if it could be written.
    pub fn replace(&mut self, written: io::Result<Written>, now: Instant) {
        let tail = self.tail.take().unwrap_or_default();
        let replaced = written.and_then(|Written { path, mut file, len }| {
            file.write_all(&tail)?;
            fs::rename(path, &self.path)?;
            Ok((file, len + tail.len() as u64))
        });
        match replaced {
            Ok((file, octets)) => {
                (self.file, self.health.octets) = (Some(Arc::new(file)), octets);
                self.dirty = !tail.is_empty();
                if self.health.failed.take().is_some() {
                    info!("accounting records are on the disk again");
                }
            }
            Err(cause) => self.fail(&cause, now),
        }
    }

    /// The disk has made durable what was appended, or has not.
    pub fn synced(&mut self, outcome: io::Result<()>, now: Instant) {
        self.syncing = None;
        if let (Err(cause), Some(_)) = (outcome, &self.file) {
            self.fail(&cause, now);
        }
    }

    /// When a disk that failed is tried again.
    pub fn again(&self) -> Option<Instant> {
        self.again.filter(|_| self.file.is_none())
    }

    /// The directory, where a new file's name is.
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    fn fail(&mut self, cause: &io::Error, now: Instant) {
        (self.file, self.again) = (None, Some(now + AGAIN));
        self.health.failures += 1;
        let why = reason(cause);
        if self.health.failed.as_ref() != Some(&why) {
            let path = self.path.display();
            error!("accounting records cannot be written to {path}: {why}");
        }
        self.health.failed = Some(why);
    }
}
