//! The world a gateway's scenario begins in, and what `given` changes in it.
//!
//! ```text
//!   alice  02:00:00:00:00:01 ─┐  access1                                 lma1  2001:db8:a::1
//!   bob    02:00:00:00:00:02 ─┤  access2 ── gateway 2001:db8:b::1 ──┬──
//!   carol  02:00:00:00:00:03 ─┘               192.0.2.11            └──  lma2  192.0.2.2
//! ```
//!
//! Every node is lma1's and may have both families. A `stranger` is no node that any table knows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kedge_mag::{
    Auth, AuthHome, CareOf, DetachDiscovery, Dscp, Interface, InterfaceId, Lma, Profile,
    Registration, Replay, Revocation, Service, Settings, TunnelMode,
};
use kedge_model::{Lifetime, MacAddr, VrfId};
use kedge_wire::registry::AccessTechnologyType;

use crate::clock::duration;
use crate::fields::mn_id;
use crate::message::key;
use crate::script::{Words, value};

/// The nodes.
pub const NODES: [&str; 4] = ["alice", "bob", "carol", "stranger"];
/// The anchors and their addresses.
pub const ANCHORS: [(&str, &str); 2] = [("lma1", "2001:db8:a::1"), ("lma2", "192.0.2.2")];
/// The gateway's addresses.
pub const GATEWAY: [&str; 2] = ["2001:db8:b::1", "192.0.2.11"];

/// The hardware address of a node.
pub fn mac(node: &str) -> Result<MacAddr, String> {
    let number = NODES.iter().position(|name| *name == node);
    let number = number.ok_or_else(|| format!("there is no node “{node}”"))?;
    Ok(MacAddr([2, 0, 0, 0, 0, number as u8 + 1]))
}

/// An access interface: `access1`, `access2`.
pub fn interface(word: &str) -> Result<InterfaceId, String> {
    value(word.trim_start_matches("access"), "an access interface").map(InterfaceId)
}

/// The address of an anchor.
pub fn anchor(name: &str) -> Result<IpAddr, String> {
    let found = ANCHORS.iter().find(|(other, _)| *other == name);
    value(found.ok_or_else(|| format!("there is no anchor “{name}”"))?.1, "an address")
}

/// The usual world.
pub fn usual() -> Result<Settings, String> {
    let lma = |address: &str| -> Result<Arc<Lma>, String> {
        Ok(Arc::new(Lma::at(value(address, "an address")?)))
    };
    let mut lmas = BTreeMap::new();
    for (name, address) in ANCHORS {
        lmas.insert(name.to_owned(), lma(address)?);
    }
    let access = |number: u32| Interface {
        name: format!("access{number}"),
        access_technology: AccessTechnologyType(4),
        mtu: 1500,
        identity: None,
        static_node: false,
        logical: false,
    };
    let mut identities = BTreeMap::new();
    for node in NODES.iter().filter(|node| **node != "stranger") {
        identities.insert(mac(node)?, mn_id(node)?);
    }
    Ok(Settings {
        name: "mag1".to_owned(),
        domain: "example".to_owned(),
        care_of: CareOf {
            ipv6: Some(value(GATEWAY[0], "an address")?),
            ipv4: Some(value(GATEWAY[1], "an address")?),
        },
        transport: VrfId::DEFAULT,
        inner: VrfId::DEFAULT,
        lmas,
        preference: Vec::new(),
        interfaces: [1, 2].map(|number| (InterfaceId(number), access(number))).into(),
        identities,
        aaa: false,
        profiles: BTreeMap::new(),
        default_profile: Some(profile(Service::Dual, "lma1")),
        registration: Registration::default(),
        replay: Replay::Timestamp,
        replay_window: Some(Duration::from_secs(7)),
        revocation: Revocation::default(),
        detach: None,
        max_bindings: 100,
        tunnel_mtu: None,
        outer_mtu: 1500,
        dscp: Dscp::default(),
        heartbeat: None,
        restart_counter: 1,
    })
}

fn profile(service: Service, lma: &str) -> Profile {
    Profile { service, lma: Some(lma.to_owned()), ..Profile::default() }
}

/// Changes a setting as a sentence says.
///
/// `lifetime 600`, `refresh 100s` or `none`, `retransmission 1s to 32s`, `replay sequence`,
/// `detach 30s timeout 1s retries 3`, `max-bindings 1`, `encapsulation gre`, `gre-keyed`, `udp` or
/// `ipip`, `key 256:secret`, `heartbeat 60s timeout 3s retries 3`, `restart-counter 7`,
/// `profile alice dual at lma2`, `no profile`, `static bob on access2`.
pub fn set(settings: &mut Settings, words: &mut Words<'_>) -> Result<(), String> {
    match words.next("a setting")? {
        "lifetime" => {
            settings.registration.lifetime = Lifetime::from_secs(words.value("seconds")?);
        }
        "refresh" => {
            settings.registration.refresh_time = match words.take("none") {
                true => None,
                false => Some(duration(words.next("a time span")?)?),
            };
        }
        "retransmission" => {
            let registration = &mut settings.registration;
            registration.initial_retransmission = duration(words.next("a time span")?)?;
            if words.take("to") {
                registration.max_retransmission = duration(words.next("a time span")?)?;
            }
        }
        "replay" if words.take("sequence") => settings.replay = Replay::Sequence,
        "detach" => {
            let rhythm = crate::clock::rhythm(words)?;
            settings.detach = Some(DetachDiscovery {
                interval: rhythm.interval,
                timeout: rhythm.timeout,
                retries: rhythm.allowed,
            });
        }
        "max-bindings" => settings.max_bindings = words.value("a number")?,
        "encapsulation" => {
            let mode = match words.next("an encapsulation")? {
                "ipip" => TunnelMode::IpInIp,
                "gre" => TunnelMode::Gre,
                "gre-keyed" => TunnelMode::GreKeyed,
                "udp" => TunnelMode::Udp,
                other => return Err(format!("“{other}” is no encapsulation")),
            };
            change_lmas(settings, |lma| lma.encapsulation = mode);
        }
        "key" => {
            let key = key(words.next("a key")?)?;
            change_lmas(settings, |lma| {
                let home = AuthHome::CareOf;
                lma.auth = Some(Auth { key: key.clone(), home, updates_only: false });
            });
        }
        "heartbeat" => settings.heartbeat = Some(crate::clock::rhythm(words)?),
        "restart-counter" => settings.restart_counter = words.value("a number")?,
        "profile" => {
            let node = mn_id(words.next("a node")?)?;
            let service = match words.next("a service")? {
                "dual" => Service::Dual,
                "ipv4" => Service::Ipv4,
                "ipv6" => Service::Ipv6,
                other => return Err(format!("“{other}” is no service")),
            };
            let lma = if words.take("at") { words.next("an anchor")? } else { "lma1" };
            settings.profiles.insert(node, profile(service, lma));
        }
        "no" if words.take("profile") => settings.default_profile = None,
        "static" => {
            let node = mn_id(words.next("a node")?)?;
            words.take("on");
            let id = interface(words.next("an access interface")?)?;
            let access = settings.interfaces.get_mut(&id).ok_or("there is no such interface")?;
            access.identity = Some(node);
            access.static_node = true;
        }
        other => return Err(format!("there is no setting “{other}”")),
    }
    Ok(())
}

fn change_lmas(settings: &mut Settings, change: impl Fn(&mut Lma)) {
    settings.lmas.values_mut().for_each(|lma| change(Arc::make_mut(lma)));
}
