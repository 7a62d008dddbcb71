//! What travels between gateways and anchors: messages, and nodes' packets in tunnels.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use kedge_dataplane::OuterPacket;
use kedge_model::{Datagram, SignalPath};

use super::{Event, Station, World};
use crate::trail::Happened;
use crate::{oracle, packet, plane};

impl World {
    pub(super) fn send(&mut self, from: Station, path: SignalPath, dscp: u8, bytes: &[u8]) {
        let Some(to) = self.station_at(path.peer.ip()) else {
            panic!("{from:?} sends to {}, where nobody is", path.peer);
        };
        let path = SignalPath { local: path.peer, peer: path.local, ..path };
        for delay in self.carry(from, to) {
            let mut bytes = bytes.to_vec();
            // Over UDP the host's checksum drops a corrupted message before anybody sees it.
            if !path.is_udp() {
                self.network.corrupt(&mut bytes, &mut self.chance);
            }
            let event = Event::Message { to, path, dscp, bytes: bytes.into() };
            self.agenda.plan(self.clock.now() + delay, event);
        }
    }

    fn carry(&mut self, from: Station, to: Station) -> Vec<Duration> {
        match (from, to) {
            (Station::Anchor(anchor), Station::Gateway(gateway))
            | (Station::Gateway(gateway), Station::Anchor(anchor)) => {
                self.network.carry(gateway, anchor, &mut self.chance)
            }
            _ => panic!("{from:?} has nothing to say to {to:?}"),
        }
    }

    fn station_at(&self, address: IpAddr) -> Option<Station> {
        let anchor = (0..self.anchors.len()).find(|n| self.plan.anchor_address(*n) == address);
        let gateway = (0..self.gateways.len()).find(|n| self.plan.gateway_address(*n) == address);
        anchor.map(Station::Anchor).or(gateway.map(Station::Gateway))
    }

    pub(super) fn take_message(
        &mut self,
        to: Station,
        path: SignalPath,
        dscp: u8,
        bytes: Rc<[u8]>,
    ) {
        let now = self.now(to);
        self.note(Happened::Message(path, bytes.clone()));
        let datagram = Datagram { path, dscp, bytes: &bytes };
        match to {
            // Whatever becomes of it is in the output and in the counters.
            Station::Anchor(n) => drop(self.anchors[n].lma.handle_datagram(datagram, now)),
            Station::Gateway(n) => self.gateways[n].mag.handle_datagram(datagram, now),
            Station::Host(_) => unreachable!("hosts know nothing of mobility"),
        }
        self.settle(to);
    }

    pub(super) fn tunnel(&mut self, from: Station, outer: Vec<OuterPacket>) {
        for packet in outer {
            let address = plane::destination(&packet);
            let to = self.station_at(address).expect("tunnels end at stations");
            let bytes: Rc<[u8]> = packet.bytes.into();
            for delay in self.carry(from, to) {
                let at = self.clock.now() + delay;
                self.agenda.plan(at, Event::Tunnelled(to, bytes.clone()));
            }
        }
    }

    pub(super) fn take_tunnelled(&mut self, to: Station, outer: &[u8]) {
        let now = self.clock.now();
        match to {
            Station::Anchor(n) => {
                let Some(inner) = self.anchors[n].plane.decapsulate(outer, now) else { return };
                oracle::check_uplink(self, &inner);
                self.answer(&inner);
            }
            Station::Gateway(n) => {
                let Some(inner) = self.gateways[n].plane.decapsulate(outer, now) else { return };
                self.route_downlink(n, &inner);
            }
            Station::Host(_) => unreachable!("tunnels end at stations"),
        }
    }

    /// The correspondent sends a question back; routing brings it to the anchor with the pool.
    fn answer(&mut self, question: &[u8]) {
        let (from, to, ping) = packet::read(question).expect("a tunnel carries what was put in");
        let anchor = self.plan.anchor_with_pool(from.ip()).expect("addresses are from pools");
        let answer = packet::write(to, from, ping);
        let now = self.clock.now();
        let outer = self.anchors[anchor].plane.encapsulate(&answer, now);
        self.tunnel(Station::Anchor(anchor), outer);
    }
}
