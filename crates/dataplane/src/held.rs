//! A binding as the tables hold it, its usual addresses and path in place.

use ipnet::IpNet;
use kedge_model::{BindingId, Tunnel, VrfId};

use crate::ends::EndId;
use crate::few::Few;
use crate::ways::WayId;

/// A binding as the tables hold it.
#[derive(Debug)]
pub struct Held {
    /// Whose it is.
    pub binding: BindingId,
    /// The inner routing world.
    pub vrf: VrfId,
    /// The place of that world in the list of devices.
    pub device: u16,
    /// Its ways; at least one has a weight.
    pub paths: Few<HeldPath, 1>,
    pub(crate) inner: Few<IpNet, 2>,
    /// Where its packets are counted.
    pub(crate) counted: u32,
}

/// A path as the tables hold it.
#[derive(Clone, Copy, Debug)]
pub struct HeldPath {
    /// Where its packets go and come from.
    pub tunnel: Tunnel,
    /// The place of its near end in the list of locals.
    pub local: u16,
    /// Whether its packets go through the signalling port there.
    pub shares_signalling: bool,
    pub(crate) end: EndId,
    pub(crate) way: WayId,
    /// Its share of new flows.
    pub(crate) weight: u16,
    /// Its place among the paths from that local into the binding's device.
    pub(crate) place: u32,
}

impl Held {
    /// Reads from each of its cache lines, and from its counters.
    pub(crate) fn touch(&self) {
        std::hint::black_box((self.binding, self.device, self.inner.first(), self.inner.len()));
        std::hint::black_box(
            self.paths.first().map(|path| (path.tunnel.local, path.way, path.end)),
        );
    }

    /// The path of a flow: the same for all its packets while the paths stay as they are.
    pub fn path_of(&self, hash: impl FnOnce() -> u32) -> u16 {
        if self.paths.len() == 1 {
            return 0;
        }
        let total: u64 = self.paths.iter().map(|path| u64::from(path.weight)).sum();
        // The hash's upper bits decide, so its share of the range is the weight's share.
        let mut ticket = ((u64::from(hash()) * total) >> 32) as u32;
        for (at, path) in self.paths.iter().enumerate() {
            match ticket.checked_sub(path.weight.into()) {
                Some(rest) => ticket = rest,
                None => return at as u16,
            }
        }
        0
    }

    /// Whether packets from this tunnel end may be the binding's.
    pub fn uses(&self, end: EndId) -> bool {
        self.paths.iter().any(|path| path.end == end)
    }
}
