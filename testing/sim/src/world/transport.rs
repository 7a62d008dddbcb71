//! What travels between gateways and anchors: messages, and nodes' packets in tunnels.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use kedge_dataplane::{InnerPacket, OuterPacket};
use kedge_model::{Datagram, SignalPath, VrfId};

use super::{Event, Station, World};
use crate::plan::SIGNALLING_PORT;
use crate::trail::Happened;
use crate::{oracle, packet, plane, translator};

impl World {
    pub(super) fn send(&mut self, from: Station, path: SignalPath, dscp: u8, bytes: &[u8]) {
        let Some((to, path)) = self.arrival(from, path) else { return };
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

    /// Whom a message is for, and its path as the receiver sees it. `None` is a message to where a
    /// translator lets nothing through any more.
    fn arrival(&self, from: Station, path: SignalPath) -> Option<(Station, SignalPath)> {
        let SignalPath { transport, local, peer } = path;
        let path = |local, peer| SignalPath { transport, local, peer };
        match from {
            Station::Gateway(gateway) => {
                let (anchor, _) = self.plan.anchor_at(transport, peer.ip()).expect("an anchor");
                let seen = self.translators.outside(gateway).map_or(local, SocketAddr::V4);
                Some((Station::Anchor(anchor), path(peer, seen)))
            }
            Station::Anchor(_) => {
                if let Some(gateway) = self.translators.behind(transport, peer) {
                    let inside =
                        SocketAddr::new(self.plan.gateway_address(gateway), SIGNALLING_PORT);
                    return Some((Station::Gateway(gateway), path(inside, local)));
                }
                let gateway = self.plan.gateway_at(transport, peer.ip())?;
                Some((Station::Gateway(gateway), path(peer, local)))
            }
            Station::Host(_) => unreachable!("hosts know nothing of mobility"),
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
            Station::Anchor(n) => drop(self.anchors[n].customers.handle_datagram(datagram, now)),
            Station::Gateway(n) => {
                self.gateways[n].mag.handle_datagram(datagram, now);
            }
            Station::Host(_) => unreachable!("hosts know nothing of mobility"),
        }
        self.settle(to);
    }

    pub(super) fn tunnel(&mut self, from: Station, outer: Vec<OuterPacket>) {
        for packet in outer {
            let transport = packet.transport;
            let Some((to, bytes)) = self.passage(from, &packet) else { continue };
            let bytes: Rc<[u8]> = bytes.into();
            for delay in self.carry(from, to) {
                let at = self.clock.now() + delay;
                self.agenda.plan(at, Event::Tunnelled { to, transport, outer: bytes.clone() });
            }
        }
    }

    /// Where an outer packet arrives, and as what; `None` if a translator stops it.
    fn passage(&self, from: Station, packet: &OuterPacket) -> Option<(Station, Vec<u8>)> {
        let (transport, address) = (packet.transport, plane::destination(packet));
        if let Station::Gateway(gateway) = from {
            let (anchor, _) = self.plan.anchor_at(transport, address).expect("tunnels end there");
            let bytes = self.translators.rewrite_source(gateway, &packet.bytes)?;
            return Some((Station::Anchor(anchor), bytes));
        }
        let outside = translator::destination(&packet.bytes);
        let behind = outside.and_then(|outside| self.translators.behind(transport, outside));
        if let Some(gateway) = behind
            && let IpAddr::V4(inside) = self.plan.gateway_address(gateway)
        {
            let bytes = translator::rewrite_destination(&packet.bytes, inside);
            return Some((Station::Gateway(gateway), bytes));
        }
        let gateway = self.plan.gateway_at(transport, address)?;
        Some((Station::Gateway(gateway), packet.bytes.clone()))
    }

    pub(super) fn take_tunnelled(&mut self, to: Station, transport: VrfId, outer: &[u8]) {
        let now = self.clock.now();
        match to {
            Station::Anchor(n) => {
                let plane = &mut self.anchors[n].plane;
                let Some(inner) = plane.decapsulate(transport, outer, now) else { return };
                oracle::check_uplink(self, &inner);
                self.answer(n, &inner);
            }
            Station::Gateway(n) => {
                let plane = &mut self.gateways[n].plane;
                let Some(inner) = plane.decapsulate(transport, outer, now) else { return };
                self.route_downlink(n, &inner.bytes);
            }
            Station::Host(_) => unreachable!("tunnels end at stations"),
        }
    }

    /// The correspondent of a customer sends a question back; routing brings it to the anchor with
    /// the pool, or to that by which the network of a router was heard of.
    fn answer(&mut self, heard: usize, question: &InnerPacket) {
        let read = packet::read(&question.bytes);
        let (from, to, ping) = read.expect("a tunnel carries what was put in");
        let anchor = self.plan.anchor_with_pool(from.ip()).unwrap_or(heard);
        let answer = packet::write(to, from, ping);
        let now = self.clock.now();
        let outer = self.anchors[anchor].plane.encapsulate(question.vrf, &answer, now);
        self.tunnel(Station::Anchor(anchor), outer);
    }
}
