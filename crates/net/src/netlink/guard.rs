//! The guard on an access device's way in: what is not for the kernel does not reach it.
//!
//! It is a traffic control filter behind the packet sockets and before every protocol, and its
//! program is one of `crate::filter`. The queueing discipline that filters hang on, `clsact`, is shared
//! with whoever else has filters on the device; it is made where it is missing, and removed with
//! the last filter.

use std::fmt;

use netlink_packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage};

use super::{DeviceIndex, Netlink, PROTOCOL};
use crate::NetError;
use crate::filter::{self, Attached};

const CLSACT: &str = "clsact";
const KIND: &str = "bpf";
/// TC_H_CLSACT as the place of the discipline itself, and its places for filters.
const DISCIPLINE: u32 = 0xffff_fff1;
const INGRESS: u32 = 0xffff_fff2;
const EGRESS: u32 = 0xffff_fff3;
/// The filter's mark, since it bears no protocol number: its place among the device's filters and
/// its name there.
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

/// The guard of an access device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Guard {
    /// The device.
    pub device: DeviceIndex,
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "guard of {}", self.device)
    }
}

impl Netlink {
    /// Sets a device's guard: the kernel gets the packets of these nodes. Takes the place of the
    /// guard before at once.
    pub fn set_guard(&mut self, guard: Guard, attached: &Attached) -> Result<(), NetError> {
        let mut message = message(guard.device, INGRESS);
        message.header.handle = handle(HANDLE);
        message.attributes.push(options(&filter::guard(attached)));
        self.change(RouteNetlinkMessage::NewTrafficFilter(message), NLM_F_CREATE | NLM_F_REPLACE)
            .map_err(|r| r.of("set the", guard))
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
            _ => self.set_guard(guard, &Attached::new()),
        }
    }

    /// Takes the guard off a device.
    pub(crate) fn remove_guard(&mut self, guard: Guard) -> Result<(), NetError> {
        let mut filter = message(guard.device, INGRESS);
        filter.header.handle = handle(HANDLE);
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
        let request = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
        let answers = self.dump(&request).map_err(|r| r.of("list queueing disciplines", ""))?;
        let holders = answers.into_iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewQueueDiscipline(m)
                if m.attributes.contains(&TcAttribute::Kind(CLSACT.to_owned())) =>
            {
                Some(DeviceIndex(m.header.index.cast_unsigned()))
            }
            _ => None,
        });
        let mut guards = Vec::new();
        for device in holders.collect::<Vec<_>>() {
            let filters = self.filters(device, INGRESS)?;
            if filters.iter().any(|m| m.header.info >> 16 == PREFERENCE && is_ours(m)) {
                guards.push(Guard { device });
            }
        }
        Ok(guards)
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

fn is_ours(message: &TcMessage) -> bool {
    message.header.handle == handle(HANDLE)
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
/// | TCA_OPTIONS | TCA_BPF_OPS_LEN | TCA_BPF_OPS: code, jt, jf, k for each | TCA_BPF_FLAGS |
/// ```
fn options(program: &[libc::sock_filter]) -> TcAttribute {
    let mut octets = Vec::with_capacity(program.len() * 8 + 24);
    let mut attribute = |kind: u16, value: &[u8]| {
        octets.extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
        octets.extend_from_slice(&kind.to_ne_bytes());
        octets.extend_from_slice(value);
        octets.resize(octets.len().next_multiple_of(4), 0);
    };
    // A program is bounded to 4096 instructions, which are 32 KiB.
    attribute(TCA_BPF_OPS_LEN, &(program.len() as u16).to_ne_bytes());
    let operations: Vec<u8> = program
        .iter()
        .flat_map(|op| {
            let [a, b] = op.code.to_ne_bytes();
            let [c, d, e, f] = op.k.to_ne_bytes();
            [a, b, op.jt, op.jf, c, d, e, f]
        })
        .collect();
    attribute(TCA_BPF_OPS, &operations);
    attribute(TCA_BPF_FLAGS, &DIRECT_ACTION.to_ne_bytes());
    TcAttribute::Other(DefaultNla::new(TCA_OPTIONS, octets))
}
