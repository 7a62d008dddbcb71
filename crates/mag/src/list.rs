//! The Binding Update List (RFC 5213 §6.1): one [`Entry`] for each node that is, or was, here.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use kedge_model::{BindingId, IpNet, Ipv4Net, MacAddr, MnId};

use crate::InterfaceId;
use crate::entry::Entry;

/// All entries, and the ways to find them.
#[derive(Debug, Default)]
pub(crate) struct UpdateList {
    entries: BTreeMap<BindingId, Entry>,
    /// Nodes that are present, by hardware address; an address is at one place at a time.
    by_mac: HashMap<MacAddr, BindingId>,
    /// All sessions of a node: it may have several interfaces here, and a session being ended.
    by_mn_id: HashMap<MnId, Vec<BindingId>>,
    /// Who has a prefix or, as a host route, an IPv4 home address; nobody shares one.
    by_inner: HashMap<IpNet, BindingId>,
    next: u64,
}

impl UpdateList {
    pub(crate) fn insert(&mut self, entry: Entry) -> BindingId {
        let mac = entry.mac;
        let id = self.insert_aside(entry);
        if let Some(mac) = mac {
            self.by_mac.insert(mac, id);
        }
        id
    }

    /// Inserts an entry that is not the session of a node on its link.
    pub(crate) fn insert_aside(&mut self, entry: Entry) -> BindingId {
        let id = BindingId(self.next);
        self.next += 1;
        self.by_mn_id.entry(entry.mn_id.clone()).or_default().push(id);
        self.entries.insert(id, entry);
        id
    }

    pub(crate) fn remove(&mut self, id: BindingId) -> Option<Entry> {
        self.forget_mac(id);
        let entry = self.entries.remove(&id)?;
        if let Some(ids) = self.by_mn_id.get_mut(&entry.mn_id) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_mn_id.remove(&entry.mn_id);
            }
        }
        Some(entry)
    }

    /// Frees the hardware address of a session for another one.
    pub(crate) fn forget_mac(&mut self, id: BindingId) {
        if let Some(mac) = self.entries.get(&id).and_then(|entry| entry.mac)
            && self.by_mac.get(&mac) == Some(&id)
        {
            self.by_mac.remove(&mac);
        }
    }

    /// Gives a static node the hardware address it was first heard with.
    pub(crate) fn learn_mac(&mut self, id: BindingId, mac: MacAddr) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.mac = Some(mac);
            self.by_mac.insert(mac, id);
        }
    }

    pub(crate) fn get(&self, id: BindingId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: BindingId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (BindingId, &Entry)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// The entries that `wanted` picks, as names, so that each may be changed.
    pub(crate) fn ids(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<BindingId> {
        self.iter().filter(|(_, entry)| wanted(entry)).map(|(id, _)| id).collect()
    }

    pub(crate) fn by_mac(&self, mac: MacAddr) -> Option<BindingId> {
        self.by_mac.get(&mac).copied()
    }

    /// The node has these prefixes and addresses instead of those before.
    pub(crate) fn move_inner(&mut self, id: BindingId, before: &[IpNet], after: &[IpNet]) {
        for net in before {
            if self.by_inner.get(net) == Some(&id) {
                self.by_inner.remove(net);
            }
        }
        self.by_inner.extend(after.iter().map(|net| (*net, id)));
    }

    /// Who has this prefix or host route.
    pub(crate) fn by_inner(&self, net: IpNet) -> Option<BindingId> {
        self.by_inner.get(&net).copied()
    }

    pub(crate) fn by_home_address(&self, address: Ipv4Addr) -> Option<&Entry> {
        self.entries.get(&self.by_inner(Ipv4Net::from(address).into())?)
    }

    pub(crate) fn by_mn_id(&self, mn_id: &MnId) -> &[BindingId] {
        self.by_mn_id.get(mn_id).map_or(&[], Vec::as_slice)
    }

    /// The static node of an interface that has not been heard yet.
    pub(crate) fn unheard(&self, interface: InterfaceId) -> Option<BindingId> {
        self.iter()
            .find(|(_, e)| e.interface == interface && e.mac.is_none() && e.is_present())
            .map(|(id, _)| id)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
