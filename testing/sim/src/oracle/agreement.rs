//! What the two ends of a session have to say alike.

use std::collections::BTreeSet;

use kedge_lma::Binding;
use kedge_mag::{BindingState, BindingView};
use kedge_model::{Encapsulation, Tunnel};

use crate::world::World;

/// Whether a gateway and an anchor say the same of a session.
pub fn agree(world: &World, gateway: usize, view: &BindingView, binding: &Binding) -> bool {
    let is_active = matches!(view.state, BindingState::Active | BindingState::Refreshing);
    let home = binding.addresses.ipv4.map(|home| (home.address, home.prefix_len, home.router));
    let ipv4 = view.ipv4.map(|net| (net.addr(), net.prefix_len())).zip(view.ipv4_router);
    let delegated: BTreeSet<_> = binding.delegated.iter().collect();
    let at = &binding.paths.first().tunnel;
    is_active
        && binding.is_active()
        && binding.addresses.prefixes.iter().eq(view.prefixes.iter().copied())
        && home == ipv4.map(|((address, len), router)| (address, len, router))
        && delegated == view.delegated.iter().collect()
        && view.tunnel.is_some_and(|end| are_ends(&world.translators.seen(gateway, end), at))
}

/// Whether two tunnels are the ends of one.
fn are_ends(one: &Tunnel, other: &Tunnel) -> bool {
    let encapsulation = match (one.encapsulation, other.encapsulation) {
        (Encapsulation::IpInIp, Encapsulation::IpInIp) => true,
        (
            Encapsulation::Gre { send_key, receive_key },
            Encapsulation::Gre { send_key: other_send, receive_key: other_receive },
        ) => send_key == other_receive && receive_key == other_send,
        (
            Encapsulation::Udp { local_port, peer_port },
            Encapsulation::Udp { local_port: other_local, peer_port: other_peer },
        ) => local_port == other_peer && peer_port == other_local,
        (
            Encapsulation::GreUdp { local_port, peer_port, send_key, receive_key },
            Encapsulation::GreUdp {
                local_port: other_local,
                peer_port: other_peer,
                send_key: other_send,
                receive_key: other_receive,
            },
        ) => {
            (local_port, peer_port) == (other_peer, other_local)
                && (send_key, receive_key) == (other_receive, other_send)
        }
        _ => false,
    };
    encapsulation
        && (one.local, one.peer, one.transport) == (other.peer, other.local, other.transport)
}
