//! What the data plane and the kernel should hold for a session: told when it changes, and
//! again when the shell asks for the whole.

use kedge_model::{BindingId, Forwarding, Path};

use crate::entry::{Entry, State};
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
            let before = std::mem::replace(&mut entry.told_access, access.clone());
            let inner =
                |node: &Option<AccessNode>| node.as_ref().map_or(vec![], AccessNode::all_inner);
            self.list.move_inner(id, &inner(&before), &inner(&access));
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
            link_local: entry.neighbor.link_local,
            inner: grant.on_link(),
            delegated: grant.delegated.clone(),
            ipv4_router: grant.ipv4_router,
            ipv4_prefix_len: grant.ipv4.map_or(0, |address| address.prefix_len()),
        })
    }

    fn wanted_forwarding(&self, entry: &Entry) -> Option<Forwarding> {
        let State::Active { grant, .. } = &entry.state else { return None };
        let tunnel = self.tunnel(entry, grant.encapsulation);
        Some(Forwarding {
            vrf: self.settings.inner,
            inner: grant.inner(),
            paths: vec![Path { tunnel, weight: 1 }],
        })
    }
}
