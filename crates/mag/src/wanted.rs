//! What the data plane and the kernel should hold for a session: told when it changes, and
//! again when the shell asks for the whole.

use std::net::Ipv4Addr;

use kedge_model::{BindingId, Forwarding, IpNet, Ipv4Net, Path};

use crate::list::{Entry, State};
use crate::{AccessNode, Mag, Output};

impl Mag {
    /// Tells what has changed. Routes to the node come first, so that nothing arrives for which
    /// there is no way on.
    pub(crate) fn tell(&mut self, id: BindingId) {
        let Some(entry) = self.list.get(id) else { return };
        let access = self.wanted_access(entry);
        let forwarding = self.wanted_forwarding(entry);
        let Some(entry) = self.list.get_mut(id) else { return };
        if entry.told_access != access {
            let before = entry.told_access.as_ref().and_then(home_address);
            entry.told_access = access.clone();
            self.list.move_home_address(id, before, access.as_ref().and_then(home_address));
            self.out.push_back(Output::Access { binding: id, want: access });
        }
        let Some(entry) = self.list.get_mut(id) else { return };
        if entry.told_forwarding != forwarding {
            entry.told_forwarding = forwarding.clone();
            self.out.push_back(Output::Forward { binding: id, want: forwarding });
        }
    }

    /// Tells everything that is wanted again, for a shell that is in doubt about what it holds.
    pub fn repeat_wanted(&mut self) {
        for (binding, entry) in self.list.iter() {
            if let Some(access) = &entry.told_access {
                self.out.push_back(Output::Access { binding, want: Some(access.clone()) });
            }
            if let Some(forwarding) = &entry.told_forwarding {
                self.out.push_back(Output::Forward { binding, want: Some(forwarding.clone()) });
            }
        }
    }

    fn wanted_access(&self, entry: &Entry) -> Option<AccessNode> {
        let grant = entry.grant()?;
        Some(AccessNode {
            interface: entry.interface,
            mac: entry.mac,
            inner: inner(entry),
            ipv4_router: grant.ipv4_router,
            ipv4_prefix_len: grant.ipv4.map_or(0, |address| address.prefix_len()),
        })
    }

    fn wanted_forwarding(&self, entry: &Entry) -> Option<Forwarding> {
        let State::Active { grant, .. } = &entry.state else { return None };
        let tunnel = self.tunnel(entry, grant.encapsulation);
        Some(Forwarding {
            vrf: self.settings.inner,
            inner: inner(entry),
            paths: vec![Path { tunnel, weight: 1 }],
        })
    }
}

fn home_address(node: &AccessNode) -> Option<Ipv4Addr> {
    node.inner.iter().find_map(|net| match net {
        IpNet::V4(net) => Some(net.addr()),
        IpNet::V6(_) => None,
    })
}

/// The node's prefixes, and its address as a host route.
fn inner(entry: &Entry) -> Vec<IpNet> {
    let Some(grant) = entry.grant() else { return Vec::new() };
    let host = grant.ipv4.map(|address| IpNet::V4(Ipv4Net::from(address.addr())));
    grant.prefixes.iter().copied().map(IpNet::V6).chain(host).collect()
}
