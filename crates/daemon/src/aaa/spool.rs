//! The disk under the accounting records: what no server has acknowledged survives the daemon.
//!
//! What happened in a batch of messages is written before the messages are answered, so that a
//! daemon that is killed has kept the record of everything that a peer was told. That is a `write`
//! into the kernel's memory, which takes microseconds; a thread of its own makes it durable, so
//! that no disk holds up the signalling:
//!
//! ```text
//!   loop:   keep, forget ──► write ──► [`Log`] ──► answers leave
//!                                        │
//!   thread:                    one fdatasync for all of it; the file written anew
//! ```
//!
//! The file is a row of [entries](entry): a record, or the number of a record that is over. When
//! most of it is about records that are over, it is written anew. The last entry may be torn by a
//! crash; reading ends at the first that is not whole.
//!
//! Memory is bounded by what the queue holds.

mod entry;
mod log;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{error, info};

pub use entry::Record;
pub use log::Health;

use self::log::{Job, Log};
use crate::os_error::reason;

/// The file and the thread that makes it durable.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    /// What the next [`Self::write`] writes.
    changes: Vec<(u64, Option<Record>)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    log: Log,
    /// The daemon stops.
    end: bool,
}

impl Spool {
    /// Reads what an earlier run has left, and goes on from there. A file that cannot be read or
    /// written is a state of the spool, no reason not to serve.
    pub fn open(path: &Path) -> (Self, BTreeMap<u64, Record>) {
        let (mut torn, mut left) = (0, BTreeMap::new());
        match fs::read(path) {
            Ok(octets) => {
                let whole;
                (left, whole) = entry::read(&octets);
                torn = (octets.len() - whole) as u64;
                info!(records = left.len(), torn, "accounting records of an earlier run");
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => {
                error!("accounting records cannot be read: {}", reason(&cause));
                // What cannot be read today may be read by somebody later.
                let _ = fs::rename(path, path.with_extension("unreadable"));
            }
        }
        let mut log = Log::new(path, left.clone(), torn);
        // Before anybody is served.
        let written = log.anew().write();
        log.replace(written, Instant::now());
        let state = Mutex::new(State { log, end: false });
        let shared = Arc::new(Shared { state, wake: Condvar::new() });
        let theirs = shared.clone();
        let thread = thread::Builder::new().name("accounting".to_owned());
        let started = thread.spawn(move || theirs.serve());
        let thread = started
            .inspect_err(|cause| {
                error!("accounting records are not made durable: {}", reason(cause));
            })
            .ok();
        (Self { shared, changes: Vec::new(), thread }, left)
    }

    /// Keeps a record under its number.
    pub fn keep(&mut self, number: u64, record: Record) {
        self.changes.push((number, Some(record)));
    }

    /// Forgets a record that is over.
    pub fn forget(&mut self, number: u64) {
        self.changes.push((number, None));
    }

    /// Writes what is to be kept and forgotten: from here on it survives the daemon.
    pub fn write(&mut self, now: Instant) {
        if !self.changes.is_empty() {
            self.shared.lock().log.append(std::mem::take(&mut self.changes), now);
            self.shared.wake.notify_one();
        }
    }

    /// How the disk is.
    pub fn health(&self) -> Health {
        self.shared.lock().log.health().clone()
    }
}

impl Drop for Spool {
    /// What was written is made durable first.
    fn drop(&mut self) {
        self.write(Instant::now());
        self.shared.lock().end = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // It panics on nothing that a disk does.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what the disk has to do, without the log in hand.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            match state.log.job(now) {
                Some(Job::Sync(file)) => {
                    drop(state);
                    let outcome = file.sync_data();
                    state = self.lock();
                    state.log.synced(outcome, Instant::now());
                }
                Some(Job::Anew(new)) => {
                    drop(state);
                    let written = new.write();
                    state = self.lock();
                    state.log.replace(written, Instant::now());
                    let directory = state.log.directory().to_owned();
                    drop(state);
                    let _ = File::open(directory).and_then(|directory| directory.sync_all());
                    state = self.lock();
                }
                None if state.end => {
                    if state.log.again().is_some() {
                        let written = state.log.anew().write();
                        state.log.replace(written, now);
                    }
                    return;
                }
                None => {
                    let again = state.log.again();
                    let patience =
                        again.map_or(Duration::MAX, |at| at.saturating_duration_since(now));
                    state = self
                        .wake
                        .wait_timeout(state, patience)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
            }
        }
    }
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

    fn numbers(path: &Path) -> Vec<u64> {
        entry::read(&fs::read(path).unwrap()).0.into_keys().collect()
    }

    #[test]
    fn what_is_not_over_is_there_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounting");
        let (mut spool, left) = Spool::open(&path);
        assert!(left.is_empty());
        for number in 1..=3 {
            spool.keep(number, record(number));
        }
        spool.forget(2);
        drop(spool);
        let (mut spool, left) = Spool::open(&path);
        assert_eq!(left, BTreeMap::from([(1, record(1)), (3, record(3))]));
        spool.forget(1);
        drop(spool);
        let (_, left) = Spool::open(&path);
        assert_eq!(left.into_keys().collect::<Vec<_>>(), [3]);
    }

    /// Whoever reads the file sees what a daemon that is killed here has kept.
    #[test]
    fn what_is_written_needs_neither_the_thread_nor_an_orderly_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounting");
        let (mut spool, _) = Spool::open(&path);
        for number in 1..=100 {
            spool.keep(number, record(number));
            assert_eq!(numbers(&path).len(), number as usize - 1, "not before it is told to");
            spool.write(Instant::now());
            assert_eq!(numbers(&path).len(), number as usize);
        }
        spool.forget(50);
        spool.write(Instant::now());
        assert!(!numbers(&path).contains(&50));
        assert_eq!(spool.health().failed, None);
    }

    #[test]
    fn records_that_came_and_went_do_not_make_the_file_grow_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounting");
        let mut log = Log::new(&path, BTreeMap::new(), 0);
        let now = Instant::now();
        let (mut largest, mut anew) = (0, 0);
        for number in 0..4_000 {
            let attributes = [0; 4000].into();
            let record = Record { attributes, ..record(number) };
            log.append(vec![(number, Some(record))], now);
            log.append(vec![(number, None)], now);
            largest = largest.max(log.health().octets);
            match log.job(now) {
                Some(Job::Anew(new)) => {
                    log.replace(new.write(), now);
                    anew += 1;
                }
                Some(Job::Sync(_)) => log.synced(Ok(()), now),
                None => panic!("a record is to be made durable"),
            }
        }
        assert!(largest < (4 << 20) + 8192 && anew > 3, "{largest}, {anew} times");
    }

    #[test]
    fn what_is_appended_while_the_file_is_written_anew_is_in_the_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounting");
        let mut log = Log::new(&path, BTreeMap::from([(1, record(1)), (2, record(2))]), 0);
        let now = Instant::now();
        let Some(Job::Anew(new)) = log.job(now) else { panic!("there is no file yet") };
        log.append(vec![(3, Some(record(3))), (1, None)], now);
        log.replace(new.write(), now);
        assert_eq!(numbers(&path), [2, 3]);
        assert_eq!(log.health().octets, fs::metadata(&path).unwrap().len());
        assert!(matches!(log.job(now), Some(Job::Sync(_))), "what came meanwhile");
    }

    #[test]
    fn a_disk_that_was_gone_gets_everything_when_it_is_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("later").join("accounting");
        let mut log = Log::new(&path, BTreeMap::new(), 0);
        let mut now = Instant::now();
        for number in 1..=2 {
            let Some(Job::Anew(new)) = log.job(now) else { panic!("it is tried again") };
            log.append(vec![(number, Some(record(number)))], now);
            log.replace(new.write(), now);
            assert!(log.job(now).is_none(), "not at once");
            now = log.again().unwrap();
        }
        let health = log.health().clone();
        assert!(health.failed.is_some_and(|why| why.contains("No such file")));
        assert_eq!(health.failures, 2);
        fs::create_dir(dir.path().join("later")).unwrap();
        let Some(Job::Anew(new)) = log.job(now) else { panic!("it is tried again") };
        log.replace(new.write(), now);
        assert_eq!(log.health().failed, None);
        log.append(vec![(3, Some(record(3)))], now);
        assert_eq!(numbers(&path), [1, 2, 3]);
    }

    #[test]
    fn a_disk_that_hangs_is_left_alone_and_gets_everything_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounting");
        let mut log = Log::new(&path, BTreeMap::new(), 0);
        let now = Instant::now();
        let written = log.anew().write();
        log.replace(written, now);
        log.append(vec![(1, Some(record(1)))], now);
        let Some(Job::Sync(_)) = log.job(now) else { panic!("one record is to be made durable") };
        log.append(vec![(2, Some(record(2)))], now + Duration::from_millis(900));
        let late = now + Duration::from_secs(2);
        log.append(vec![(3, Some(record(3)))], late);
        assert_eq!(numbers(&path), [1, 2], "the third might hang with the first");
        assert!(log.health().failed.is_some());
        log.synced(Ok(()), late);
        let Some(Job::Anew(new)) = log.job(late + log::AGAIN) else { panic!("it goes on") };
        log.replace(new.write(), late);
        assert_eq!((numbers(&path), &log.health().failed), (vec![1, 2, 3], &None));
    }
}
