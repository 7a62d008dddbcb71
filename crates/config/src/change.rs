//! What a commit changes: for the person who reads it, for the log of commits, and object by
//! object for the code that carries it out.

use std::net::IpAddr;

use kedge_grammar::{Difference, Item, Keys, Takes, diff, render_commands, render_diff};
use kedge_model::MacAddr;

use crate::key::Key;
use crate::{Config, shared, table};

/// One change of one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// What changes.
    pub object: Object,
    /// What becomes of it.
    pub what: What,
    /// What that costs, by the table.
    pub takes: Takes,
}

/// What becomes of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// It is new, with all that is in it.
    Added,
    /// It is gone, with all that was in it.
    Removed,
    /// It has another place in an order; settings of it may be other ones too.
    Moved,
    /// A setting of it is another one.
    Set {
        /// The command's name, as "bce lifetime".
        command: String,
    },
}

/// Something that a configuration names and that can come, go and change by itself. A setting is
/// that of the innermost object that it is in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Object {
    /// The configuration as a whole.
    Global,
    /// A routing world.
    Vrf(String),
    /// Management from other hosts.
    ManagementApi,
    /// A RADIUS server.
    RadiusServer(IpAddr),
    /// Who may change sessions by RADIUS.
    DynamicAuthor,
    /// An access list.
    AccessList(String),
    /// A domain.
    Domain(String),
    /// An entry of a mobile map.
    MapEntry {
        /// The domain.
        domain: String,
        /// The map.
        map: String,
        /// The entry.
        sequence: u8,
    },
    /// An anchor or a gateway that a domain declares.
    DomainMember {
        /// The domain.
        domain: String,
        /// Its identifier.
        id: String,
    },
    /// The profile of a node or of a realm.
    Profile {
        /// The domain.
        domain: String,
        /// The node or the realm.
        nai: String,
    },
    /// The anchor.
    Lma,
    /// A gateway of the anchor.
    PeerMag {
        /// Its identifier.
        id: String,
        /// Its domain.
        domain: String,
    },
    /// A set of pools of the anchor.
    Network(String),
    /// The anchor's customers as a whole.
    LocalLoop,
    /// A customer, with its transports.
    Customer(String),
    /// A set of pools of a customer.
    CustomerNetwork {
        /// The customer.
        customer: String,
        /// The network.
        network: String,
    },
    /// The anchor's hybrid access, with its profiles.
    LmaHybridAccess,
    /// The gateway.
    Mag,
    /// An anchor of the gateway.
    PeerLma {
        /// Its identifier.
        id: String,
        /// Its domain.
        domain: String,
    },
    /// An access interface of the gateway.
    AccessInterface(String),
    /// A node that the gateway knows by its address.
    MobileNode(MacAddr),
    /// The gateway's roaming interfaces.
    Roaming,
    /// The gateway as a mobile node.
    LogicalMn(String),
    /// The gateway's mobile local loop.
    MagLocalLoop,
    /// The gateway's hybrid access, with its profiles.
    MagHybridAccess,
}

/// What tells `new` from `old`, object by object, in table order. Keys that are in files are
/// compared by the names of the files and, where both were read, by what was in them; a file whose
/// content alone has changed comes last.
pub fn changes(old: &Config, new: &Config) -> Vec<Change> {
    let mut changes = in_lines(&old.write(), &new.write());
    if old.has_key_files() && new.has_key_files() {
        let (old, new) = (old.with_keys_inline(), new.with_keys_inline());
        for change in in_lines(&old.write(), &new.write()) {
            let known = changes.iter().any(|known| known.object == change.object);
            if !known {
                changes.push(change);
            }
        }
    }
    changes
}

fn in_lines(old: &[Item<Key>], new: &[Item<Key>]) -> Vec<Change> {
    let differences = diff(&table::GLOBAL, old, new);
    let mut changes: Vec<Change> = Vec::new();
    for difference in &differences {
        let Some(change) = change(difference) else { continue };
        // A line that comes again right after it went has only moved.
        let ordered = difference.after.is_some_and(|item| item.row.in_order);
        let gone = Change { what: What::Removed, ..change.clone() };
        let moved = changes.iter().position(|known| ordered && *known == gone);
        match moved {
            Some(at) if change.what == What::Added => changes[at].what = What::Moved,
            _ if changes.last() == Some(&change) => {}
            _ => changes.push(change),
        }
    }
    changes
}

/// The difference as a person reads it: `-` before what goes, `+` before what comes. Keys are
/// starred out.
pub fn compare(old: &Config, new: &Config) -> String {
    let (old, new) = (old.write(), new.write());
    render_diff(&diff(&table::GLOBAL, &old, &new))
}

/// The difference as commands: read into `old` ([`Candidate::merge`](crate::Candidate::merge)),
/// they make `new` of it. Keys are obfuscated, which is not encryption.
pub fn commands(old: &Config, new: &Config) -> String {
    let (old, new) = (old.write(), new.write());
    render_commands(&diff(&table::GLOBAL, &old, &new), Keys::Obfuscated)
}

fn change(difference: &Difference<'_, Key>) -> Option<Change> {
    let item = difference.after.or(difference.before)?;
    let mut path = difference.path.clone();
    let outer = object(&path);
    path.push(item);
    let own = object(&path);
    let takes = item.row.takes;
    let what = match (difference.before, difference.after) {
        (None, _) if own != outer => What::Added,
        (_, None) if own != outer => What::Removed,
        _ => What::Set { command: item.row.name() },
    };
    Some(Change { object: own, what, takes })
}

/// The innermost object that these lines, each in the block of the one before, are or are in.
fn object(path: &[&Item<Key>]) -> Object {
    let mut object = Object::Global;
    for item in path {
        let name = |argument: &str| shared::name(&item.args, argument);
        let inner = match (item.row.key, &object) {
            (Key::Vrf, _) => Object::Vrf(name("NAME")),
            (Key::RadiusServer, _) => Object::RadiusServer(shared::host(&item.args)),
            (Key::DynamicAuthor, _) => Object::DynamicAuthor,
            // Its commands are the server's.
            (Key::RadiusTls, _) => continue,
            (Key::ManagementApi, _) => Object::ManagementApi,
            (Key::AccessList | Key::AccessListIpv6, _) => Object::AccessList(name("NAME")),
            (Key::Domain, _) => Object::Domain(name("NAME")),
            (Key::MapEntry, Object::Domain(domain)) => Object::MapEntry {
                domain: domain.clone(),
                map: name("NAME"),
                sequence: item.args.integer("SEQ").unwrap_or_default(),
            },
            (Key::DomainLma | Key::DomainMag, Object::Domain(domain)) => {
                Object::DomainMember { domain: domain.clone(), id: name("ID") }
            }
            (Key::Nai, Object::Domain(domain)) => {
                Object::Profile { domain: domain.clone(), nai: name("NAI") }
            }
            (Key::Lma, _) => Object::Lma,
            (Key::PeerMag, _) => Object::PeerMag { id: name("ID"), domain: name("DOMAIN") },
            (Key::Network, Object::Customer(customer)) => {
                Object::CustomerNetwork { customer: customer.clone(), network: name("NAME") }
            }
            (Key::Network, _) => Object::Network(name("NAME")),
            (Key::LocalLoop, Object::Mag) => Object::MagLocalLoop,
            (Key::LocalLoop, _) => Object::LocalLoop,
            (Key::Customer, _) => Object::Customer(name("NAME")),
            (Key::HybridAccess, Object::Mag) => Object::MagHybridAccess,
            (Key::HybridAccess, _) => Object::LmaHybridAccess,
            (Key::Mag, _) => Object::Mag,
            (Key::PeerLma, _) => Object::PeerLma { id: name("ID"), domain: name("DOMAIN") },
            (Key::Interface, _) => Object::AccessInterface(name("INTERFACE")),
            (Key::AddressDynamic, _) => Object::Roaming,
            (Key::LogicalMn, _) => Object::LogicalMn(name("NAI")),
            (Key::MobileNode, _) => match item.args.mac("MAC") {
                Some(mac) => Object::MobileNode(mac),
                None => continue,
            },
            _ => continue,
        };
        object = inner;
    }
    object
}
