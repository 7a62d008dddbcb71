//! The disk under the accounting records: what no server has acknowledged survives the daemon.
//!
//! A thread of its own writes, so that no disk holds up the signalling:
//!
//! ```text
//!   loop:   keep, forget ──► pending ──► thread: one write and one fdatasync for all of it
//! ```
//!
//! The file is a row of entries, each behind its length and its checksum: a record, or the number
//! of a record that is over. When most of it is about records that are over, it is written anew.
//! The last entry may be torn by a crash; reading ends at the first that is not whole. What the
//! disk refuses is tried again by writing the whole file anew, which also heals a disk that was
//! full or gone.
//!
//! Memory is bounded by what the queue holds: a record that is over before it was written is
//! never written.

mod entry;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::{error, info};

use crate::os_error::reason;
use crate::state_dir;
use entry::{put, read};

pub use entry::Record;

/// After this long a disk that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// A file up to this size is not worth writing anew.
const SMALL: u64 = 1 << 20;
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

/// The file and the thread that writes it.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
    health: Mutex<Health>,
}

/// What the thread has not written yet.
#[derive(Debug, Default)]
struct Pending {
    records: BTreeMap<u64, Record>,
    over: Vec<u64>,
    /// The daemon stops.
    end: bool,
}

impl Spool {
    /// Reads what an earlier run has left, and goes on from there. A file that cannot be read or
    /// written is a state of the spool, no reason not to serve.
    pub fn open(path: &Path) -> (Self, BTreeMap<u64, Record>) {
        let shared = Arc::<Shared>::default();
        let (mut failed, mut left) = (None, BTreeMap::new());
        match fs::read(path) {
            Ok(octets) => {
                let whole;
                (left, whole) = read(&octets);
                let torn = (octets.len() - whole) as u64;
                lock(&shared.health).torn = torn;
                info!(records = left.len(), torn, "accounting records of an earlier run");
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => {
                // What cannot be read today may be read by somebody later.
                let _ = fs::rename(path, path.with_extension("unreadable"));
                failed = Some(cause);
            }
        }
        let mut writer = Writer::new(path, left.clone());
        let theirs = shared.clone();
        let started = thread::Builder::new().name("accounting".to_owned()).spawn(move || {
            if let Some(cause) = failed {
                writer.report(&theirs, Err(cause));
            }
            writer.run(&theirs);
        });
        let thread =
            started.inspect_err(|cause| lock(&shared.health).failed = Some(reason(cause))).ok();
        (Self { shared, thread }, left)
    }

    /// Keeps a record under its number.
    pub fn keep(&self, number: u64, record: Record) {
        lock(&self.shared.pending).records.insert(number, record);
        self.shared.wake.notify_one();
    }

    /// Forgets a record that is over.
    pub fn forget(&self, number: u64) {
        let mut pending = lock(&self.shared.pending);
        if pending.records.remove(&number).is_none() {
            pending.over.push(number);
            self.shared.wake.notify_one();
        }
    }

    /// How the disk is.
    pub fn health(&self) -> Health {
        lock(&self.shared.health).clone()
    }
}

impl Drop for Spool {
    /// What is pending is written first.
    fn drop(&mut self) {
        lock(&self.shared.pending).end = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // It panics on nothing that a disk does.
            let _ = thread.join();
        }
    }
}

struct Writer {
    path: PathBuf,
    /// The file to append to; `None` if it is to be written anew.
    file: Option<File>,
    len: u64,
    live: BTreeMap<u64, Record>,
    /// How long the file were with what is live alone.
    needed: u64,
}

impl Writer {
    fn new(path: &Path, live: BTreeMap<u64, Record>) -> Self {
        let needed = live.values().map(Record::octets).sum();
        Self { path: path.to_owned(), file: None, len: 0, live, needed }
    }

    fn run(&mut self, shared: &Shared) {
        let begun = self.anew();
        self.report(shared, begun);
        loop {
            let mut pending = lock(&shared.pending);
            let patience = if self.file.is_some() { Duration::MAX } else { AGAIN };
            let idle = |pending: &mut Pending| {
                pending.records.is_empty() && pending.over.is_empty() && !pending.end
            };
            pending = shared
                .wake
                .wait_timeout_while(pending, patience, idle)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            let end = pending.end;
            let Pending { records, over, .. } = std::mem::take(&mut *pending);
            drop(pending);
            let written = self.write(records, &over);
            self.report(shared, written);
            if end {
                return;
            }
        }
    }

    fn write(&mut self, records: BTreeMap<u64, Record>, over: &[u64]) -> io::Result<()> {
        let mut octets = Vec::new();
        for number in over {
            if let Some(record) = self.live.remove(number) {
                self.needed -= record.octets();
            }
            put(&mut octets, *number, None);
        }
        let durable = !records.is_empty();
        for (number, record) in records {
            put(&mut octets, number, Some(&record));
            self.needed += record.octets();
            self.live.insert(number, record);
        }
        let bloated = self.len > SMALL && self.len > 2 * self.needed;
        let Some(file) = self.file.as_mut().filter(|_| !bloated) else { return self.anew() };
        let written = file.write_all(&octets).and_then(|()| match durable {
            true => file.sync_data(),
            false => Ok(()),
        });
        match written {
            Ok(()) => self.len += octets.len() as u64,
            // Half an entry may be there: what comes behind it would not be read.
            Err(_) => self.file = None,
        }
        written
    }

    /// Writes the file anew with what is not over.
    fn anew(&mut self) -> io::Result<()> {
        self.file = None;
        let mut octets = Vec::new();
        for (number, record) in &self.live {
            put(&mut octets, *number, Some(record));
        }
        state_dir::replace(&self.path, &octets)?;
        self.file = Some(OpenOptions::new().append(true).mode(0o600).open(&self.path)?);
        self.len = octets.len() as u64;
        Ok(())
    }

    /// Says how the disk is when that changes.
    fn report(&self, shared: &Shared, outcome: io::Result<()>) {
        let mut health = lock(&shared.health);
        health.octets = self.len;
        match outcome {
            Ok(()) => {
                if health.failed.take().is_some() {
                    info!("accounting records are on the disk again");
                }
            }
            Err(cause) => {
                health.failures += 1;
                let why = reason(&cause);
                if health.failed.as_ref() != Some(&why) {
                    let path = self.path.display();
                    error!("accounting records cannot be written to {path}: {why}");
                }
                health.failed = Some(why);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use kedge_radius::Kind;

    use super::*;

    fn record(session: u64) -> Record {
        let happened = UNIX_EPOCH + Duration::from_millis(1_800_000_000_123);
        Record { kind: Kind::Stop, happened, session, attributes: [session as u8; 40].into() }
    }

    #[test]
    fn what_is_not_over_is_there_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounting");
        let (spool, left) = Spool::open(&path);
        assert!(left.is_empty());
        for number in 1..=3 {
            spool.keep(number, record(number));
        }
        spool.forget(2);
        drop(spool);
        let (spool, left) = Spool::open(&path);
        assert_eq!(left, BTreeMap::from([(1, record(1)), (3, record(3))]));
        spool.forget(1);
        drop(spool);
        let (_, left) = Spool::open(&path);
        assert_eq!(left.into_keys().collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn records_that_came_and_went_do_not_make_the_file_grow_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounting");
        let mut writer = Writer::new(&path, BTreeMap::new());
        writer.anew().unwrap();
        let mut largest = 0;
        for number in 0..800 {
            let attributes = [0; 4000].into();
            let record = Record { attributes, ..record(number) };
            writer.write(BTreeMap::from([(number, record)]), &[]).unwrap();
            writer.write(BTreeMap::new(), &[number]).unwrap();
            largest = largest.max(writer.len);
        }
        assert!(largest > SMALL / 2 && largest < SMALL + 8192, "{largest}");
    }

    #[test]
    fn a_disk_that_was_gone_gets_everything_when_it_is_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("later").join("accounting");
        let mut writer = Writer::new(&path, BTreeMap::new());
        let shared = Shared::default();
        for number in 1..=2 {
            let outcome = writer.write(BTreeMap::from([(number, record(number))]), &[]);
            assert!(outcome.is_err());
            writer.report(&shared, outcome);
        }
        let health = lock(&shared.health).clone();
        assert!(health.failed.is_some_and(|why| why.contains("No such file")));
        assert_eq!(health.failures, 2);
        fs::create_dir(dir.path().join("later")).unwrap();
        let outcome = writer.write(BTreeMap::from([(3, record(3))]), &[]);
        writer.report(&shared, outcome);
        assert_eq!(lock(&shared.health).failed, None);
        assert_eq!(read(&fs::read(&path).unwrap()).0.len(), 3);
    }
}
