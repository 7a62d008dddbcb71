//! The entries of the file under the accounting records.
//!
//! ```text
//!   ┌────────┬──────────┬────────┬──────┬──────────┬─────────┬────────────┐
//!   │ length │ checksum │ number │ kind │ happened │ session │ attributes │
//!   └────────┴──────────┴────────┴──────┴──────────┴─────────┴────────────┘
//!       4          4         8   └─ 1 ─────── 8 ──────── 8 ─── of records alone ──┘
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kedge_radius::Kind;

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

impl Record {
    /// How many octets its entry takes.
    pub fn octets(&self) -> u64 {
        self.attributes.len() as u64 + OVERHEAD
    }
}

/// Adds an entry: length and checksum of what follows, the number, and the record unless it is
/// over.
pub fn put(out: &mut Vec<u8>, number: u64, record: Option<&Record>) {
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
pub fn read(octets: &[u8]) -> (BTreeMap<u64, Record>, usize) {
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
}
