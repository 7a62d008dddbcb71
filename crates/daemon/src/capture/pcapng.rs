//! pcapng, as much of it as a capture needs (draft-ietf-opsawg-pcapng): one section, one interface
//! of whole IP packets, packets with a comment. Everything is little endian and padded to four.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1A2B_3C4D;
/// LINKTYPE_RAW: a packet begins with its IP header.
const RAW_IP: u16 = 101;

const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const FLAGS: u16 = 2;
const USER_APPLICATION: u16 = 4;

/// Which way a packet went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// It came.
    In,
    /// It left.
    Out,
}

/// Writes what stands before the first packet.
pub fn begin(out: &mut impl Write, interface: &str) -> io::Result<usize> {
    let mut section = Vec::new();
    section.extend(BYTE_ORDER.to_le_bytes());
    section.extend([1, 0, 0, 0]);
    // The section's length is not known yet.
    section.extend(u64::MAX.to_le_bytes());
    option(&mut section, USER_APPLICATION, b"kedged");
    option(&mut section, END_OF_OPTIONS, b"");
    let mut description = Vec::new();
    description.extend(RAW_IP.to_le_bytes());
    description.extend([0; 6]);
    option(&mut description, IF_NAME, interface.as_bytes());
    // Nanoseconds.
    option(&mut description, IF_TSRESOL, &[9]);
    option(&mut description, END_OF_OPTIONS, b"");
    Ok(block(out, SECTION, &section)? + block(out, INTERFACE, &description)?)
}

/// Writes a packet and says how many octets that took.
pub fn packet(
    out: &mut impl Write,
    at: SystemTime,
    direction: Direction,
    bytes: &[u8],
    comment: &str,
) -> io::Result<usize> {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
    let length = (bytes.len() as u32).to_le_bytes();
    let mut body = Vec::with_capacity(bytes.len() + comment.len() + 48);
    body.extend(0u32.to_le_bytes());
    body.extend(((nanos >> 32) as u32).to_le_bytes());
    body.extend((nanos as u32).to_le_bytes());
    body.extend(length);
    body.extend(length);
    body.extend(bytes);
    pad(&mut body);
    option(&mut body, COMMENT, comment.as_bytes());
    let flags: u32 = match direction {
        Direction::In => 1,
        Direction::Out => 2,
    };
    option(&mut body, FLAGS, &flags.to_le_bytes());
    option(&mut body, END_OF_OPTIONS, b"");
    block(out, PACKET, &body)
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<usize> {
    let length = body.len() + 12;
    let octets = (length as u32).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&octets)?;
    out.write_all(body)?;
    out.write_all(&octets)?;
    Ok(length)
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    out.extend(code.to_le_bytes());
    out.extend((value.len() as u16).to_le_bytes());
    out.extend(value);
    pad(out);
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}
