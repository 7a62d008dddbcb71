//! The guard on an access device's way in: what is not for the kernel does not reach it.
//!
//! It is a traffic control filter behind the packet sockets and before every protocol, of one or of
//! several programs (`crate::parts`). The queueing discipline that filters hang on, `clsact`, is
//! shared with whoever else has filters on the device; it is made where it is missing, and removed
//! with the last filter.

use std::collections::BTreeMap;
use std::fmt;

use netlink_packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcStats2};

use super::{DeviceIndex, Netlink, PROTOCOL};
use crate::NetError;
use crate::nodes::Attached;
use crate::parts::{self, MOST_BITS};

const CLSACT: &str = "clsact";
const KIND: &str = "bpf";
/// TC_H_CLSACT as the place of the discipline itself, and its places for filters.
const DISCIPLINE: u32 = 0xffff_fff1;
const INGRESS: u32 = 0xffff_fff2;
const EGRESS: u32 = 0xffff_fff3;
/// The filter's mark, since it bears no protocol number: its place among the device's filters and
/// the name of its first program there.
const PREFERENCE: u32 = PROTOCOL as u32;
const HANDLE: u32 = 0x5213;
/// All kinds of frames.
const ALL: u16 = (libc::ETH_P_ALL as u16).to_be();

/// The attributes of a `bpf` filter (linux/pkt_cls.h).
const TCA_OPTIONS: u16 = 2;
const TCA_BPF_OPS_LEN: u16 = 4;
const TCA_BPF_OPS: u16 = 5;
const TCA_BPF_FLAGS: u16 = 8;
/// What the program returns is what is done.
const DIRECT_ACTION: u32 = 1;
/// Octets of an instruction.
const INSTRUCTION: usize = 8;

/// The guard of an access device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Guard {
    /// The device.
    pub device: DeviceIndex,
}

/// What the programs of a guard are, as far as its owner has set them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posted(Vec<Vec<u8>>);

impl Default for Posted {
    /// Those of a guard that was put there, and no more.
    fn default() -> Self {
        Self(vec![Vec::new()])
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "guard of {}", self.device)
    }
}

impl Netlink {
    /// Sets a device's guard: the kernel gets the packets of these nodes. Gives how many of them
    /// there is no room for, which are strangers to it.
    ///
    /// Each program takes the place of the one before at once. Where their number changes, those of
    /// before go last, and until then a frame has to satisfy both: none passes unchecked.
    pub fn set_guard(
        &mut self,
        guard: Guard,
        posted: &mut Posted,
        attached: &Attached,
    ) -> Result<usize, NetError> {
        let parts = parts::of(attached);
        let programs: Vec<Vec<u8>> = parts.programs.iter().map(|program| octets(program)).collect();
        let (count, before) = (programs.len(), posted.0.len());
        if count != before {
            for (number, program) in programs.iter().enumerate() {
                if let Err(error) = self.put_program(guard, name(count, number), program) {
                    // The others would keep the kernel from nodes that come later.
                    for number in 0..number {
                        self.take_program(guard, name(count, number))?;
                    }
                    return Err(error);
                }
            }
            for number in 0..before {
                self.take_program(guard, name(before, number))?;
            }
            posted.0 = programs;
            return Ok(parts.left_out);
        }
        for (number, (program, posted)) in programs.into_iter().zip(&mut posted.0).enumerate() {
            if program != *posted {
                self.put_program(guard, name(count, number), &program)?;
                *posted = program;
            }
        }
        Ok(parts.left_out)
    }

    fn put_program(&mut self, guard: Guard, name: u32, program: &[u8]) -> Result<(), NetError> {
        let mut message = message(guard.device, INGRESS);
        message.header.handle = handle(name);
        message.attributes.push(options(program));
        self.change(RouteNetlinkMessage::NewTrafficFilter(message), NLM_F_CREATE | NLM_F_REPLACE)
            .map_err(|r| r.of("set the", guard))
    }

    fn take_program(&mut self, guard: Guard, name: u32) -> Result<(), NetError> {
        let mut message = message(guard.device, INGRESS);
        message.header.handle = handle(name);
        match self.change(RouteNetlinkMessage::DelTrafficFilter(message), NLM_F_REQUEST) {
            Ok(()) => Ok(()),
            Err(refusal) => match refusal.of("change the", guard) {
                gone if gone.is_absent() => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Puts a guard on a device, for a gateway to which nobody is attached.
    pub(crate) fn add_guard(&mut self, guard: Guard) -> Result<(), NetError> {
        let mut message = message(guard.device, DISCIPLINE);
        message.header.handle = handle(0xffff_0000);
        message.header.info = 0;
        message.attributes = vec![TcAttribute::Kind(CLSACT.to_owned())];
        let made = self
            .change(RouteNetlinkMessage::NewQueueDiscipline(message), NLM_F_CREATE)
            .map_err(|r| r.of("prepare the", guard));
        match made {
            Err(e) if !e.is_present() => Err(e),
            _ => self.set_guard(guard, &mut Posted::default(), &Attached::new()).map(drop),
        }
    }

    /// Takes the guard off a device.
    pub(crate) fn remove_guard(&mut self, guard: Guard) -> Result<(), NetError> {
        // Without a name it is all of them.
        let filter = message(guard.device, INGRESS);
        self.change(RouteNetlinkMessage::DelTrafficFilter(filter), NLM_F_REQUEST)
            .map_err(|r| r.of("remove the", guard))?;
        for place in [INGRESS, EGRESS] {
            if !self.filters(guard.device, place)?.is_empty() {
                return Ok(());
            }
        }
        let mut discipline = message(guard.device, DISCIPLINE);
        discipline.header.handle = handle(0xffff_0000);
        discipline.header.info = 0;
        discipline.attributes = vec![TcAttribute::Kind(CLSACT.to_owned())];
        self.change(RouteNetlinkMessage::DelQueueDiscipline(discipline), NLM_F_REQUEST)
            .map_err(|r| r.of("remove what held the", guard))
    }

    /// The guards on the devices of the namespace.
    pub(crate) fn own_guards(&mut self) -> Result<Vec<Guard>, NetError> {
        let mut guards = Vec::new();
        for holder in self.holders()? {
            let device = DeviceIndex(holder.header.index.cast_unsigned());
            let filters = self.filters(device, INGRESS)?;
            if filters.iter().any(|m| m.header.info >> 16 == PREFERENCE && is_ours(m)) {
                guards.push(Guard { device });
            }
        }
        Ok(guards)
    }

    /// How many frames guards have dropped since they were put on their devices: what nobody who is
    /// attached has sent, or from an address that is not its own. What others' filters on the device
    /// drop is in it too.
    pub fn dropped_by_guards(&mut self) -> Result<BTreeMap<DeviceIndex, u32>, NetError> {
        let dropped = |holder: TcMessage| {
            let device = DeviceIndex(holder.header.index.cast_unsigned());
            let drops = holder.attributes.into_iter().find_map(|attribute| match attribute {
                TcAttribute::Stats2(stats) => stats.into_iter().find_map(|of| match of {
                    TcStats2::Queue(queue) => Some(queue.drops),
                    _ => None,
                }),
                _ => None,
            });
            Some((device, drops?))
        };
        Ok(self.holders()?.into_iter().filter_map(dropped).collect())
    }

    /// The queueing disciplines of the namespace that filters like the guard hang on.
    fn holders(&mut self) -> Result<Vec<TcMessage>, NetError> {
        let request = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
        let answers = self.dump(&request).map_err(|r| r.of("list queueing disciplines", ""))?;
        let holders = answers.into_iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewQueueDiscipline(m)
                if m.attributes.contains(&TcAttribute::Kind(CLSACT.to_owned())) =>
            {
                Some(m)
            }
            _ => None,
        });
        Ok(holders.collect())
    }

    fn filters(&mut self, device: DeviceIndex, place: u32) -> Result<Vec<TcMessage>, NetError> {
        let mut request = TcMessage::default();
        request.header.index = device.0.cast_signed();
        request.header.parent = handle(place);
        let answers = self
            .dump(&RouteNetlinkMessage::GetTrafficFilter(request))
            .map_err(|r| r.of("list the filters of", device))?;
        Ok(answers
            .into_iter()
            .filter_map(|answer| match answer {
                RouteNetlinkMessage::NewTrafficFilter(m) => Some(m),
                _ => None,
            })
            .collect())
    }
}

/// What a program is called by its number among so many. No two numbers of programs have a name in
/// common, so that all of both can be there.
fn name(count: usize, number: usize) -> u32 {
    // Two to the power of MOST_BITS at most.
    HANDLE + (count - 1 + number) as u32
}

fn is_ours(message: &TcMessage) -> bool {
    let mut names = HANDLE..HANDLE + (2 << MOST_BITS);
    names.any(|name| message.header.handle == handle(name))
        && message.attributes.contains(&TcAttribute::Kind(KIND.to_owned()))
}

fn handle(number: u32) -> TcHandle {
    TcHandle::from(number)
}

/// A message about the filter.
fn message(device: DeviceIndex, place: u32) -> TcMessage {
    let mut message = TcMessage::default();
    message.header.index = device.0.cast_signed();
    message.header.parent = handle(place);
    message.header.info = PREFERENCE << 16 | u32::from(ALL);
    message.attributes.push(TcAttribute::Kind(KIND.to_owned()));
    message
}

/// ```text
/// | TCA_OPTIONS | TCA_BPF_OPS_LEN | TCA_BPF_OPS: the program | TCA_BPF_FLAGS |
/// ```
fn options(program: &[u8]) -> TcAttribute {
    let mut octets = Vec::with_capacity(program.len() + 24);
    let mut attribute = |kind: u16, value: &[u8]| {
        octets.extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
        octets.extend_from_slice(&kind.to_ne_bytes());
        octets.extend_from_slice(value);
        octets.resize(octets.len().next_multiple_of(4), 0);
    };
    // A program is bounded to 2048 instructions, which are 16 KiB.
    attribute(TCA_BPF_OPS_LEN, &((program.len() / INSTRUCTION) as u16).to_ne_bytes());
    attribute(TCA_BPF_OPS, program);
    attribute(TCA_BPF_FLAGS, &DIRECT_ACTION.to_ne_bytes());
    TcAttribute::Other(DefaultNla::new(TCA_OPTIONS, octets))
}

/// A program as the kernel reads it: code, jt, jf, k for each instruction.
fn octets(program: &[libc::sock_filter]) -> Vec<u8> {
    let instruction = |op: &libc::sock_filter| -> [u8; INSTRUCTION] {
        let [a, b] = op.code.to_ne_bytes();
        let [c, d, e, f] = op.k.to_ne_bytes();
        [a, b, op.jt, op.jf, c, d, e, f]
    };
    program.iter().flat_map(instruction).collect()
}
