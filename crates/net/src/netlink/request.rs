//! One request, one answer.

use std::io;
use std::os::fd::AsFd;

use netlink_packet_core::{
    ErrorMessage, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NlasIterator,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use crate::{NetError, socket};

/// How many requests travel in one system call in the mass forms.
const MASS: usize = 64;

/// How often a dump is begun again because something changed while it ran.
const DUMP_TRIES: u32 = 10;

/// Larger than any message of the kernel's: it cuts dumps at 32 KiB.
const RECEIVE_SIZE: usize = 64 << 10;
const RECEIVE_BUFFER: i32 = 2 << 20;

/// A refusal by the kernel, with its own words if it had any.
pub(super) struct Refusal {
    source: io::Error,
    words: Option<String>,
}

impl Refusal {
    /// Whether the kernel refused with this number.
    pub(super) fn is(&self, errno: i32) -> bool {
        self.source.raw_os_error() == Some(errno)
    }

    /// The error of having tried `operation` on `object`.
    pub(super) fn of(self, operation: &'static str, object: impl std::fmt::Display) -> NetError {
        NetError::new(operation, object, self.source).in_words(self.words)
    }
}

impl From<io::Error> for Refusal {
    fn from(source: io::Error) -> Self {
        Self { source, words: None }
    }
}

/// A connection to the kernel's routing subsystem in one namespace, for requests.
pub struct Netlink {
    socket: Socket,
    sequence: u32,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

impl Netlink {
    /// Connects in the namespace of the calling thread.
    pub fn open() -> Result<Self, NetError> {
        let socket = connect(0).map_err(|e| NetError::new("open a netlink socket", "", e))?;
        Ok(Self {
            socket,
            sequence: 0,
            outgoing: Vec::new(),
            incoming: Vec::with_capacity(RECEIVE_SIZE),
        })
    }

    /// Makes one change.
    pub(super) fn change(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<(), Refusal> {
        self.outgoing.clear();
        let sequence = self.push(message, flags | NLM_F_ACK);
        self.transmit()?;
        let mut outcome = Ok(());
        self.until_end_of(sequence, sequence, |_| {}, |_, refusal| outcome = Err(refusal))?;
        outcome
    }

    /// Makes many changes of one kind, 64 to a system call, and gives each its outcome in turn.
    /// Only the last of a call is acknowledged: the kernel works through them in order and
    /// reports a failure in any case, so no news is success.
    pub(super) fn change_many(
        &mut self,
        messages: impl IntoIterator<Item = RouteNetlinkMessage>,
        flags: u16,
        mut failed: impl FnMut(usize, Refusal),
    ) -> Result<(), Refusal> {
        let mut messages = messages.into_iter().peekable();
        let mut done = 0;
        while messages.peek().is_some() {
            self.outgoing.clear();
            let first = self.sequence.wrapping_add(1);
            let mut last = first;
            let mut count = 0;
            while count < MASS
                && let Some(message) = messages.next()
            {
                count += 1;
                let is_last = count == MASS || messages.peek().is_none();
                last = self.push(message, if is_last { flags | NLM_F_ACK } else { flags });
            }
            self.transmit()?;
            self.until_end_of(first, last, |_| {}, |nth, refusal| failed(done + nth, refusal))?;
            done += count;
        }
        Ok(())
    }

    /// Asks for one object.
    pub(super) fn get(
        &mut self,
        message: RouteNetlinkMessage,
    ) -> Result<Option<RouteNetlinkMessage>, Refusal> {
        self.outgoing.clear();
        let sequence = self.push(message, NLM_F_ACK);
        self.transmit()?;
        let (mut answer, mut refused) = (None, None);
        self.until_end_of(
            sequence,
            sequence,
            |m| answer = Some(m),
            |_, refusal| refused = Some(refusal),
        )?;
        refused.map_or(Ok(answer), Err)
    }

    /// Asks for all objects of a kind. A dump during which something changed may be
    /// inconsistent; it is taken again, a few times.
    pub(super) fn dump(
        &mut self,
        message: &RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>, Refusal> {
        for _ in 0..DUMP_TRIES {
            self.outgoing.clear();
            let sequence = self.push(message.clone(), NLM_F_DUMP);
            self.transmit()?;
            let (mut answers, mut refused) = (Vec::new(), None);
            let whole = self.until_end_of(
                sequence,
                sequence,
                |m| answers.push(m),
                |_, refusal| refused = Some(refusal),
            )?;
            if let Some(refusal) = refused {
                return Err(refusal);
            }
            if whole {
                return Ok(answers);
            }
        }
        Err(io::Error::from_raw_os_error(libc::EAGAIN).into())
    }

    fn push(&mut self, message: RouteNetlinkMessage, flags: u16) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags | NLM_F_REQUEST;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        message.finalize();
        let start = self.outgoing.len();
        self.outgoing.resize(start + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut self.outgoing[start..]);
        self.sequence
    }

    fn transmit(&self) -> Result<(), Refusal> {
        Ok(self.socket.send(&self.outgoing, 0).map(|_| ())?)
    }

    /// Reads the answers to requests `first` to `last`, up to the one that ends the last.
    /// `refused` hears of those that failed by their place from `first` on. Gives whether the
    /// kernel vouches for the consistency of what it told.
    fn until_end_of(
        &mut self,
        first: u32,
        last: u32,
        mut answer: impl FnMut(RouteNetlinkMessage),
        mut refused: impl FnMut(usize, Refusal),
    ) -> Result<bool, Refusal> {
        let count = last.wrapping_sub(first);
        let mut whole = true;
        loop {
            self.incoming.clear();
            match self.socket.recv(&mut self.incoming, 0) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            };
            for message in messages(&self.incoming) {
                let message = message?;
                let place = message.header.sequence_number.wrapping_sub(first);
                // Not ours: what is left of an earlier request that was given up half-way.
                if place > count {
                    continue;
                }
                whole &= message.header.flags & NLM_F_DUMP_INTR == 0;
                match message.payload {
                    NetlinkPayload::InnerMessage(m) => answer(m),
                    NetlinkPayload::Done(done) => {
                        // A dump that failed half-way ends with the reason.
                        if done.code < 0 {
                            let source = io::Error::from_raw_os_error(-done.code);
                            refused(place as usize, source.into());
                        }
                        return Ok(whole);
                    }
                    NetlinkPayload::Error(e) => {
                        if e.code.is_some() {
                            refused(place as usize, refusal(&e));
                        }
                        if place == count {
                            return Ok(whole);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

impl std::fmt::Debug for Netlink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Netlink").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

/// A socket connected to the kernel and subscribed to the groups whose bits are set.
pub(super) fn connect(groups: u32) -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind(&SocketAddr::new(0, groups))?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket::set_receive_buffer(socket.as_fd(), RECEIVE_BUFFER)?;
    socket.set_cap_ack(true)?;
    socket.set_ext_ack(true)?;
    // The kernel filters dumps itself and refuses what it does not understand (Linux 4.20).
    socket.set_netlink_get_strict_chk(true)?;
    Ok(socket)
}

/// The messages that one read gave.
pub(super) fn messages(
    mut octets: &[u8],
) -> impl Iterator<Item = io::Result<NetlinkMessage<RouteNetlinkMessage>>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*octets.first_chunk()?) as usize;
        if length < 16 || length > octets.len() {
            octets = &[];
            return Some(Err(io::ErrorKind::InvalidData.into()));
        }
        let message = NetlinkMessage::deserialize(&octets[..length])
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e));
        octets = octets.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// An error message's number, and the text of its extended acknowledgement:
///
/// ```text
/// | error (4) | header of the request (16) | attributes: 1 = text, ...
/// ```
fn refusal(error: &ErrorMessage) -> Refusal {
    const REQUEST_HEADER: usize = 16;
    const TEXT: u16 = 1;
    let attributes = error.header.get(REQUEST_HEADER..).unwrap_or_default();
    let words = NlasIterator::new(attributes).map_while(Result::ok).find_map(|attribute| {
        let text = std::str::from_utf8(attribute.value()).ok()?;
        (attribute.kind() == TEXT).then(|| text.trim_end_matches('\0').to_owned())
    });
    Refusal { source: error.to_io(), words }
}
