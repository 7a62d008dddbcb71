//! The hosts of the networks behind gateways: ordinary ones, which no gateway knows.

use std::net::{IpAddr, SocketAddr};

use kedge_model::IpNet;

use super::{Event, Station, World};
use crate::host::correspondent;
use crate::packet::{self, Asker, Ping};
use crate::plan::{LOGICAL, inner};

/// The port that they ask from, and that of who answers.
const PORTS: (u16, u16) = (40_000, 7);

impl World {
    pub(super) fn plan_branch_ping(&mut self, gateway: usize) {
        let at = self.next_ping();
        self.agenda.plan(at, Event::BranchPing(gateway));
    }

    /// Lets a host of each network behind a gateway ask its correspondent something. Gives the
    /// addresses that it is asked from, and the number of the question.
    pub fn ping_from_branch(&mut self, n: usize) -> (Vec<IpAddr>, u64) {
        let gateway = &mut self.gateways[n];
        gateway.pings += 1;
        let ping = Ping { asker: Asker::Branch(n), number: gateway.pings };
        let routers = gateway.access.values().filter(|node| node.interface == LOGICAL);
        let networks: Vec<IpNet> = routers.flat_map(|node| node.delegated.clone()).collect();
        let from: Vec<IpAddr> = networks.iter().map(host_of).collect();
        let (now, vrf) = (self.clock.now(), inner(self.plan.customer_of_gateway(n)));
        for address in &from {
            let to = SocketAddr::new(correspondent(*address), PORTS.1);
            let packet = packet::write(SocketAddr::new(*address, PORTS.0), to, ping);
            let outer = self.gateways[n].plane.encapsulate(vrf, &packet, now);
            self.memory.sent += outer.len() as u64;
            self.tunnel(Station::Gateway(n), outer);
        }
        (from, ping.number)
    }
}

/// The first host of a network.
fn host_of(network: &IpNet) -> IpAddr {
    match network {
        IpNet::V4(network) => IpAddr::V4((network.network().to_bits() + 1).into()),
        IpNet::V6(network) => IpAddr::V6((network.network().to_bits() + 1).into()),
    }
}
