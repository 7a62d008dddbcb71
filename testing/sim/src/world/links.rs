//! The access links: hosts come and go, frames travel, carriers are lost and found.

use std::rc::Rc;
use std::time::Duration;

use kedge_access_wire::{Content, EthernetHeader, Frame};
use kedge_mag::{InterfaceId, LinkState};
use kedge_model::MacAddr;

use super::{Event, Station, World};
use crate::host::Place;
use crate::packet::Asker;
use crate::plan::{LOGICAL, inner};
use crate::trail::Happened;
use crate::{oracle, packet};

/// How long a frame is on an access link.
const ACCESS_DELAY: Duration = Duration::from_micros(200);

impl World {
    /// A host sends a frame on the link where it is.
    pub(super) fn transmit_uplink(&mut self, host: usize, frame: Vec<u8>) {
        let Some(place) = self.hosts[host].place else { return };
        if !self.chance.per_mille(self.network.weather.access_loss) {
            let at = self.clock.now() + ACCESS_DELAY;
            self.agenda.plan(at, Event::Uplink(place, frame.into()));
        }
    }

    pub(super) fn take_uplink(&mut self, place: Place, frame: Rc<[u8]>) {
        let Place { gateway: n, interface } = place;
        if self.gateways[n].link(interface) != LinkState::Up {
            return;
        }
        let now = self.now(Station::Gateway(n));
        self.note(Happened::Uplink(n, interface, frame.clone()));
        self.gateways[n].mag.handle_frame(interface, &frame, now);
        self.settle(Station::Gateway(n));
        let packet = &frame[EthernetHeader::LEN..];
        if packet::read(packet).is_some() {
            let vrf = inner(self.plan.customer_of_gateway(n));
            let outer = self.gateways[n].plane.encapsulate(vrf, packet, now.mono);
            self.memory.sent += outer.len() as u64;
            self.tunnel(Station::Gateway(n), outer);
        }
    }

    /// What the kernel of a gateway does with a node's packet.
    pub(super) fn route_downlink(&mut self, n: usize, packet: &[u8]) {
        let (_, to, ping) = packet::read(packet).expect("a tunnel carries what was put in");
        let Some(node) = self.gateways[n].route(to.ip()) else { return };
        if node.interface == LOGICAL {
            oracle::check_branch(self, n, to.ip());
            if ping.asker == Asker::Branch(n) {
                self.gateways[n].answered.insert(to.ip(), ping.number);
            }
            return;
        }
        let (Some(mac), interface) = (node.mac, node.interface) else { return };
        let mut frame = mac.0.to_vec();
        frame.extend_from_slice(&MacAddr::PMIPV6_GATEWAY.0);
        frame.extend_from_slice(if to.is_ipv4() { &[8, 0] } else { &[0x86, 0xdd] });
        frame.extend_from_slice(packet);
        self.transmit_downlink(Place { gateway: n, interface }, &frame);
    }

    pub(super) fn transmit_downlink(&mut self, place: Place, frame: &[u8]) {
        if !self.chance.per_mille(self.network.weather.access_loss) {
            let at = self.clock.now() + ACCESS_DELAY;
            self.agenda.plan(at, Event::Downlink(place, frame.into()));
        }
    }

    pub(super) fn take_downlink(&mut self, place: Place, octets: Rc<[u8]>) {
        let frame = Frame::decode(&octets).expect("a gateway sends well-formed frames");
        let Some(here) = self.links.get(&place) else { return };
        let destination = frame.ethernet.destination;
        let hosts = here.iter().copied();
        let hears = |n: &usize| destination.is_group() || self.hosts[*n].mac == destination;
        let hosts: Vec<usize> = hosts.filter(hears).collect();
        if hosts.is_empty() {
            return;
        }
        self.note(Happened::Downlink(place.gateway, place.interface, octets.clone()));
        let now = self.clock.now();
        for n in hosts {
            if let Content::Ipv4(_) | Content::Ipv6(_) = frame.content {
                oracle::check_downlink(self, n, &octets[EthernetHeader::LEN..]);
            }
            self.hosts[n].handle_frame(&octets, now, &mut self.chance);
            self.settle_host(n);
        }
    }

    /// A host comes to a link.
    pub fn attach(&mut self, n: usize, place: Place) {
        self.note(Happened::Disturbance(format!("host {n} comes to {place:?}")));
        assert!(self.hosts[n].place.is_none());
        if self.gateways[place.gateway].link(place.interface) != LinkState::Up {
            self.carrier(place, LinkState::Up);
        }
        self.links.entry(place).or_default().push(n);
        self.hosts[n].attach(place, self.clock.now(), &mut self.chance);
        self.settle_host(n);
    }

    /// A host leaves its link.
    pub fn leave(&mut self, n: usize) {
        let Some(place) = self.hosts[n].place else { return };
        self.note(Happened::Disturbance(format!("host {n} leaves {place:?}")));
        self.hosts[n].detach();
        if let Some(here) = self.links.get_mut(&place) {
            here.retain(|other| *other != n);
        }
    }

    /// The hosts on a link.
    pub fn on_link(&self, place: Place) -> &[usize] {
        self.links.get(&place).map_or(&[], Vec::as_slice)
    }

    /// A gateway sees that the carrier of a link is gone, or there again. A link that somebody
    /// has come to since has its carrier.
    pub fn carrier(&mut self, place: Place, state: LinkState) {
        if state == LinkState::Down && !self.on_link(place).is_empty() {
            return;
        }
        self.note(Happened::Disturbance(format!("{place:?} is {state:?}")));
        self.tell_link(place.gateway, place.interface, state);
    }

    pub(super) fn tell_link(&mut self, n: usize, interface: InterfaceId, state: LinkState) {
        let now = self.now(Station::Gateway(n));
        let gateway = &mut self.gateways[n];
        match state {
            LinkState::Up => gateway.down.remove(&interface),
            LinkState::Down | LinkState::Gone => gateway.down.insert(interface),
        };
        gateway.mag.handle_link(interface, state, now);
        self.settle(Station::Gateway(n));
    }
}
