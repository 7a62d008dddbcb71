//! What packets wait in on their way to a device.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage};

use super::{DeviceIndex, Netlink};
use crate::NetError;

const NOQUEUE: &str = "noqueue";

impl Netlink {
    /// `tc qdisc replace dev DEVICE root noqueue`: packets go to the device at once. One that takes
    /// whatever it is given, and drops what it has no room for, leaves nothing to a queueing
    /// discipline but to be passed.
    pub fn pass_queueing(&mut self, device: DeviceIndex) -> Result<(), NetError> {
        let mut message = TcMessage::default();
        message.header.index = device.0.cast_signed();
        message.header.parent = TcHandle::ROOT;
        message.attributes = vec![TcAttribute::Kind(NOQUEUE.to_owned())];
        self.change(RouteNetlinkMessage::NewQueueDiscipline(message), NLM_F_CREATE | NLM_F_REPLACE)
            .map_err(|r| r.of("pass the queueing of", device))
    }
}
