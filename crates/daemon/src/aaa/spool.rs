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

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kedge_radius::Kind;
use tracing::{error, info};

use crate::os_error::reason;
use crate::state_dir;

/// After this long a disk that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// A file up to this size is not worth writing anew.
const SMALL: u64 = 1 << 20;
/// What an entry has beside the attributes of its record.
const OVERHEAD: u64 = 33;
/// The longest entry: a record is at most a packet.
const LONGEST: usize = 8192;

/// A record as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// What it is to the order of records.
    pub kind: Kind,
    /// When what it says happened.
    pub happened: SystemTime,
    /// The session it is about.
    pub session: u64,
    /// Its attributes.
    pub attributes: Arc<[u8]>,
}

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
        let needed = live.values().map(|record| record.attributes.len() as u64 + OVERHEAD).sum();
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
                self.needed -= record.attributes.len() as u64 + OVERHEAD;
            }
            put(&mut octets, *number, None);
        }
        let durable = !records.is_empty();
        for (number, record) in records {
            put(&mut octets, number, Some(&record));
            self.needed += record.attributes.len() as u64 + OVERHEAD;
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

/// Adds an entry: length and checksum of what follows, the number, and the record unless it is
/// over.
fn put(out: &mut Vec<u8>, number: u64, record: Option<&Record>) {
    let mut body = number.to_be_bytes().to_vec();
    if let Some(record) = record {
        let kind = match record.kind {
            Kind::Start => 1,
            Kind::Stop => 2,
            Kind::Gate => 3,
            Kind::Interim => 4,
        };
        let since = record.happened.duration_since(UNIX_EPOCH).unwrap_or_default();
        body.push(kind);
        body.extend_from_slice(&u64::try_from(since.as_millis()).unwrap_or(u64::MAX).to_be_bytes());
        body.extend_from_slice(&record.session.to_be_bytes());
        body.extend_from_slice(&record.attributes);
    }
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(&checksum(&body).to_be_bytes());
    out.extend_from_slice(&body);
}

/// The records that are not over, and how many octets made whole entries.
fn read(octets: &[u8]) -> (BTreeMap<u64, Record>, usize) {
    let (mut records, mut rest) = (BTreeMap::new(), octets);
    while let Some((entry, behind)) = entry(rest) {
        match entry {
            (number, Some(record)) => records.insert(number, record),
            (number, None) => records.remove(&number),
        };
        rest = behind;
    }
    (records, octets.len() - rest.len())
}

type Entry = (u64, Option<Record>);

/// The first entry, and what is behind it; `None` if it is not whole.
fn entry(octets: &[u8]) -> Option<(Entry, &[u8])> {
    let (len, rest) = octets.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let len = u32::from_be_bytes(*len) as usize;
    let (body, behind) = rest.split_at_checked(len).filter(|_| len <= LONGEST)?;
    if checksum(body) != u32::from_be_bytes(*sum) {
        return None;
    }
    let (number, rest) = body.split_first_chunk()?;
    let number = u64::from_be_bytes(*number);
    if rest.is_empty() {
        return Some(((number, None), behind));
    }
    let (kind, rest) = rest.split_first()?;
    let kind = match kind {
        1 => Kind::Start,
        2 => Kind::Stop,
        3 => Kind::Gate,
        4 => Kind::Interim,
        _ => return None,
    };
    let (millis, rest) = rest.split_first_chunk()?;
    let (session, attributes) = rest.split_first_chunk()?;
    let since = Duration::from_millis(u64::from_be_bytes(*millis));
    let record = Record {
        kind,
        happened: UNIX_EPOCH.checked_add(since)?,
        session: u64::from_be_bytes(*session),
        attributes: attributes.into(),
    };
    Some(((number, Some(record)), behind))
}

/// CRC-32 as Ethernet has it.
fn checksum(octets: &[u8]) -> u32 {
    let step = |crc: u32, octet: &u8| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| match crc & 1 {
            1 => crc >> 1 ^ 0xedb8_8320,
            _ => crc >> 1,
        })
    };
    !octets.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(session: u64) -> Record {
        let happened = UNIX_EPOCH + Duration::from_millis(1_800_000_000_123);
        Record { kind: Kind::Stop, happened, session, attributes: [session as u8; 40].into() }
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
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
    fn a_file_torn_at_any_octet_gives_the_whole_entries_before_it() {
        let mut octets = Vec::new();
        put(&mut octets, 1, Some(&record(1)));
        let first = octets.len();
        put(&mut octets, 2, Some(&record(2)));
        let second = octets.len();
        put(&mut octets, 1, None);
        for len in 0..octets.len() {
            let (records, whole) = read(&octets[..len]);
            let expected = if len < first {
                0
            } else if len < second {
                first
            } else {
                second
            };
            assert_eq!(whole, expected, "{len}");
            assert_eq!(
                records.len(),
                [0, 1, 2][usize::from(whole >= first) + usize::from(whole >= second)]
            );
        }
        assert_eq!(read(&octets).0.into_keys().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_bit_that_has_turned_ends_the_reading_before_its_entry() {
        let mut octets = Vec::new();
        put(&mut octets, 1, Some(&record(1)));
        let first = octets.len();
        put(&mut octets, 2, Some(&record(2)));
        for bit in first * 8..octets.len() * 8 {
            let mut damaged = octets.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&damaged).1, first, "bit {bit}");
        }
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
