//! Lines on a stream: bounded in length and in time.
//!
//! A deadline covers a whole line, not one system call, so that a peer which moves an octet now
//! and then does not hold its thread for ever. It stands below TLS, where a single read may take
//! many system calls.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustls::{ClientConnection, ServerConnection, StreamOwned};

/// Octets asked of the kernel at a time.
const CHUNK: usize = 16 * 1024;

/// What lines travel on.
pub(crate) trait Transport: Read + Write + Send {
    /// No read or write goes on beyond this; those that would fail with `TimedOut`.
    fn set_deadline(&mut self, deadline: Instant);
    /// Whether nothing is left to read and nothing will come.
    fn is_closed(&self) -> bool;
}

/// A socket that can be told how long one system call may take.
pub(crate) trait Socket: Read + Write + AsFd + Send {
    /// Bounds each read.
    fn limit_reading(&self, time: Duration) -> io::Result<()>;
    /// Bounds each write.
    fn limit_writing(&self, time: Duration) -> io::Result<()>;
}

impl Socket for UnixStream {
    fn limit_reading(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }

    fn limit_writing(&self, time: Duration) -> io::Result<()> {
        self.set_write_timeout(Some(time))
    }
}

impl Socket for TcpStream {
    fn limit_reading(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }

    fn limit_writing(&self, time: Duration) -> io::Result<()> {
        self.set_write_timeout(Some(time))
    }
}

/// A socket with a deadline.
pub(crate) struct Bounded<S> {
    socket: S,
    deadline: Instant,
}

impl<S> Bounded<S> {
    /// The deadline has passed until [`Transport::set_deadline`] sets one.
    pub(crate) fn new(socket: S) -> Self {
        Self { socket, deadline: Instant::now() }
    }
}

impl<S: Socket> Transport for Bounded<S> {
    fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    fn is_closed(&self) -> bool {
        let looked = recv(&self.socket, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        match looked {
            Ok((_, count)) => count == 0,
            Err(error) => !matches!(error, Errno::AGAIN | Errno::INTR),
        }
    }
}

impl<S: Socket> Read for Bounded<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.socket.limit_reading(remaining(self.deadline)?)?;
            match self.socket.read(buffer) {
                Err(error) => retry(error)?,
                count => return count,
            }
        }
    }
}

impl<S: Socket> Write for Bounded<S> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        loop {
            self.socket.limit_writing(remaining(self.deadline)?)?;
            match self.socket.write(octets) {
                Err(error) => retry(error)?,
                count => return count,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

impl<S: Socket> Transport for StreamOwned<ServerConnection, Bounded<S>> {
    fn set_deadline(&mut self, deadline: Instant) {
        self.sock.set_deadline(deadline);
    }

    fn is_closed(&self) -> bool {
        self.sock.is_closed()
    }
}

impl<S: Socket> Transport for StreamOwned<ClientConnection, Bounded<S>> {
    fn set_deadline(&mut self, deadline: Instant) {
        self.sock.set_deadline(deadline);
    }

    fn is_closed(&self) -> bool {
        self.sock.is_closed()
    }
}

/// Octets that the long lines of all peers together may take.
pub(crate) struct Room {
    left: AtomicUsize,
}

impl Room {
    /// What each peer has without asking for room: all but a configuration fits in.
    const FREE: usize = 64 * 1024;

    /// Room for this many octets.
    pub(crate) fn new(octets: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(octets) })
    }

    fn take(&self, octets: usize) -> bool {
        let rest = |left: usize| left.checked_sub(octets);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).is_ok()
    }

    fn give_back(&self, octets: usize) {
        self.left.fetch_add(octets, Ordering::Relaxed);
    }
}

/// The part of a [`Room`] that one stream takes.
struct Share {
    room: Arc<Room>,
    taken: usize,
}

impl Share {
    /// Takes what `octets` need beyond what is free, or gives back what they do not need; false
    /// when there is no room for them.
    fn fit(&mut self, octets: usize) -> bool {
        let needed = octets.saturating_sub(Room::FREE);
        match needed.checked_sub(self.taken) {
            Some(more) if !self.room.take(more) => return false,
            Some(_) => {}
            None => self.room.give_back(self.taken - needed),
        }
        self.taken = needed;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.give_back(self.taken);
    }
}

/// A stream with what has been read of it beyond the last line.
pub(crate) struct Frames {
    stream: Box<dyn Transport>,
    buffer: Vec<u8>,
    limit: usize,
    share: Option<Share>,
}

/// What reading a line came to.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Line {
    /// A line without its newline.
    Complete(Vec<u8>),
    /// The peer has no more to say. A line that it began and did not end is forgotten.
    End,
    /// The line is longer than the limit; the stream is of no further use.
    TooLong,
    /// Long lines of other peers have taken the room; the stream is of no further use.
    NoRoom,
}

impl Frames {
    /// Lines of at most `limit` octets, newline included.
    pub(crate) fn new(stream: impl Transport + 'static, limit: usize) -> Self {
        Self { stream: Box::new(stream), buffer: Vec::new(), limit, share: None }
    }

    /// A line takes of `room` from the time that it comes until the next one is read.
    pub(crate) fn sharing(self, room: &Arc<Room>) -> Self {
        Self { share: Some(Share { room: Arc::clone(room), taken: 0 }), ..self }
    }

    /// Lines have at most `limit` octets from now on.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether the peer has hung up, as far as can be seen without waiting.
    pub(crate) fn is_closed(&self) -> bool {
        self.stream.is_closed()
    }

    /// The next line, or `TimedOut` when it has not come whole within `patience`.
    pub(crate) fn read_line(&mut self, patience: Duration) -> io::Result<Line> {
        let deadline = Instant::now() + patience;
        let mut searched = 0;
        loop {
            if self.share.as_mut().is_some_and(|share| !share.fit(self.buffer.len())) {
                return Ok(Line::NoRoom);
            }
            if let Some(at) = self.buffer[searched..].iter().position(|&octet| octet == b'\n') {
                let end = searched + at;
                if end >= self.limit {
                    return Ok(Line::TooLong);
                }
                let rest = self.buffer.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.pop();
                return Ok(Line::Complete(line));
            }
            searched = self.buffer.len();
            if searched >= self.limit {
                return Ok(Line::TooLong);
            }
            if self.fill(deadline)? == 0 {
                return Ok(Line::End);
            }
        }
    }

    /// Reads what there is, waiting for it until `deadline`; 0 octets are the end.
    fn fill(&mut self, deadline: Instant) -> io::Result<usize> {
        self.stream.set_deadline(deadline);
        let mut chunk = [0; CHUNK];
        match self.stream.read(&mut chunk) {
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(count)
            }
            // TLS that ends without a farewell. A line is whole or is not there: nothing that
            // counts can have been cut off.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Writes all of `line`, or fails with `TimedOut` when the peer does not take it.
    pub(crate) fn write_line(&mut self, line: &[u8], patience: Duration) -> io::Result<()> {
        self.stream.set_deadline(Instant::now() + patience);
        self.stream.write_all(line)?;
        // TLS tells only here what became of the last octets.
        self.stream.flush()
    }
}

/// The time left; never zero, which a socket would take for "no limit".
fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A socket's time limit shows as `WouldBlock`; the loop then finds its deadline passed.
fn retry(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted | ErrorKind::WouldBlock => Ok(()),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    fn pair(limit: usize) -> (Frames, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Frames::new(Bounded::new(ours), limit), theirs)
    }

    #[test]
    fn lines_sent_together_come_out_one_by_one() {
        let (mut frames, mut peer) = pair(100);
        peer.write_all(b"one\n\ntwo\nunfinished").unwrap();
        drop(peer);
        for line in ["one", "", "two"] {
            assert_eq!(frames.read_line(LONG).unwrap(), Line::Complete(line.into()));
        }
        assert_eq!(frames.read_line(LONG).unwrap(), Line::End);
    }

    #[test]
    fn a_line_of_the_limit_passes_and_one_octet_more_does_not() {
        let (mut frames, mut peer) = pair(5);
        peer.write_all(b"abcd\nabcde\n").unwrap();
        assert_eq!(frames.read_line(LONG).unwrap(), Line::Complete(b"abcd".into()));
        assert_eq!(frames.read_line(LONG).unwrap(), Line::TooLong);
    }

    #[test]
    fn a_line_without_an_end_is_given_up_at_the_limit() {
        let (mut frames, mut peer) = pair(5);
        peer.write_all(b"abcdefgh").unwrap();
        assert_eq!(frames.read_line(LONG).unwrap(), Line::TooLong);
    }

    #[test]
    fn long_lines_of_all_peers_share_one_room_and_give_it_back() {
        let room = Room::new(CHUNK);
        let open = || {
            let (frames, peer) = pair(1 << 20);
            (frames.sharing(&room), peer)
        };
        let send = |mut peer: &UnixStream, octets: usize| {
            peer.write_all(&vec![b'x'; octets]).unwrap();
            peer.write_all(b"\n").unwrap();
        };
        let ((mut one, peer_of_one), (mut other, peer_of_other)) = (open(), open());
        send(&peer_of_one, Room::FREE + 1000);
        assert!(matches!(one.read_line(LONG).unwrap(), Line::Complete(_)));
        // The first one's line is not done with yet: both together are too long.
        send(&peer_of_other, Room::FREE + CHUNK - 500);
        assert_eq!(other.read_line(LONG).unwrap(), Line::NoRoom);
        drop(other);
        // A short line gives back what the long one took.
        send(&peer_of_one, 1);
        assert!(matches!(one.read_line(LONG).unwrap(), Line::Complete(_)));
        let (mut third, peer_of_third) = open();
        send(&peer_of_third, Room::FREE + CHUNK - 500);
        assert!(matches!(third.read_line(LONG).unwrap(), Line::Complete(_)));
        drop((one, third));
        assert_eq!(room.left.load(Ordering::Relaxed), CHUNK);
    }

    #[test]
    fn a_peer_that_says_nothing_is_not_waited_for_beyond_the_deadline() {
        let (mut frames, mut peer) = pair(100);
        peer.write_all(b"half a li").unwrap();
        assert_eq!(frames.read_line(SHORT).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_peer_that_does_not_read_is_not_waited_for_beyond_the_deadline() {
        let (mut frames, _peer) = pair(100);
        let line = vec![b'x'; 16 * 1024 * 1024];
        assert_eq!(frames.write_line(&line, SHORT).unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
