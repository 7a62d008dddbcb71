//! The world a scenario begins in, and what `given` changes in it.
//!
//! ```text
//!   mag1  2001:db8:1::1  192.0.2.1 ─┐
//!   mag2  2001:db8:2::1  192.0.2.2 ─┼─ anchor  2001:db8::1  192.0.2.254
//!   mag3  2001:db8:3::1  192.0.2.3 ─┘            pools 2001:db8:100::/48, 10.0.0.0/24
//! ```
//!
//! A `stranger` at 2001:db8:66::1 and 192.0.2.66 is no gateway that the anchor knows. Every node
//! may have both families. What is not said is as the configuration has it without a line.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kedge_lma::{
    Authentication, AuthenticationHome, Dscp, EncapsulationPolicy, Ipv4Pool, Ipv6Pool, MnpMaximum,
    MobileNetworkPool, Network, Peer, Profile, Revocation, Service, Settings, Unchecked,
};
use kedge_model::{IpNet, Ipv4Net, Ipv6Net, Lifetime, VrfId};

use crate::clock::{duration, rhythm};
use crate::fields::full;
use crate::message::key;
use crate::script::{Words, value};

/// The anchor's addresses.
pub const ANCHOR: [&str; 2] = ["2001:db8::1", "192.0.2.254"];
/// Everybody else's.
pub const STATIONS: &[(&str, [&str; 2])] = &[
    ("mag1", ["2001:db8:1::1", "192.0.2.1"]),
    ("mag2", ["2001:db8:2::1", "192.0.2.2"]),
    ("mag3", ["2001:db8:3::1", "192.0.2.3"]),
    ("stranger", ["2001:db8:66::1", "192.0.2.66"]),
];

const NETWORK: &str = "home";

/// The usual world.
pub fn usual() -> Settings {
    let peers = STATIONS.iter().filter(|(name, _)| *name != "stranger").map(peer).collect();
    let network = Network {
        ipv4: vec![Ipv4Pool { start: [10, 0, 0, 2].into(), last: None, prefix_len: 24 }],
        ipv6: vec![Ipv6Pool {
            start: [0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 0].into(),
            prefix_len: 48,
        }],
        ..Network::default()
    };
    Settings {
        peers,
        networks: BTreeMap::from([(NETWORK.to_owned(), network)]),
        default_profile: Some(profile(Service::Dual)),
        ..Settings::default()
    }
}

fn peer((name, addresses): &(&str, [&str; 2])) -> Peer {
    Peer {
        name: (*name).to_owned(),
        transport: VrfId::DEFAULT,
        addresses: addresses.iter().filter_map(|address| address.parse().ok()).collect(),
        authentication: None,
        encapsulation: None,
        dscp: None,
    }
}

/// What a node may have that is served so.
pub fn profile(service: Service) -> Profile {
    Profile { service, network: Some(NETWORK.to_owned()), ..Profile::default() }
}

/// The address of a station.
pub fn address(station: &str, ipv4: bool) -> Result<IpAddr, String> {
    let found = STATIONS.iter().find(|(name, _)| *name == station);
    let (_, addresses) = found.ok_or_else(|| format!("there is no station “{station}”"))?;
    value(addresses[usize::from(ipv4)], "an address")
}

/// Changes a setting as a sentence says.
///
/// `lifetime 3600`, `hnp-maximum 2`, `bce-maximum 10`, `delete-wait 10s`, `create-wait 0s`,
/// `timestamp-window 7s` or `none`, `learning on`, `learned-maximum 10`, `key 256:secret`, optionally with `over zero`,
/// `over hnp` or `updates-only`, `encapsulation gre`, `udp` or `as-requested`, `forced-udp off`,
/// `gre-keys off`, `heartbeat 60s timeout 3s retries 3` or `none`, `revocation 1s to 2s retries 1`,
/// `restart-counter 7`, `ipv6-pool 2001:db8:100::/48` or `none`, `ipv4-pool 10.0.0.2/24` or `none`,
/// `profile alice dual`, `ipv4`, `ipv6` or `disabled`, optionally with `service internet`,
/// `no profile`, `aaa on`, `dscp 46`, `timestamps required`, `mobile-networks 2001:db8:200::/48 56`,
/// `network unauthorized` (no pools), `mobile-networks unchecked`, `mnp-of-session 16`,
/// `mnp-of-customer 2000`, each optionally with `ipv4` or `ipv6`.
pub fn set(settings: &mut Settings, words: &mut Words<'_>) -> Result<(), String> {
    let network = settings.networks.entry(NETWORK.to_owned()).or_default();
    match words.next("a setting")? {
        "lifetime" => settings.lifetime = Lifetime::from_secs(words.value("seconds")?),
        "hnp-maximum" => settings.hnp_maximum = words.value("a number")?,
        "bce-maximum" => settings.bce_maximum = words.value("a number")?,
        "delete-wait" => settings.delete_wait = duration(words.next("a time span")?)?,
        "create-wait" => settings.create_wait = duration(words.next("a time span")?)?,
        "timestamp-window" => settings.timestamp_window = unless_none(words, duration)?,
        "learned-maximum" => settings.learned_mag_maximum = words.value("a number")?,
        "learning" => settings.dynamic_mag_learning = is_on(words)?,
        "forced-udp" => settings.accept_forced_udp = is_on(words)?,
        "gre-keys" => settings.generate_grekey = is_on(words)?,
        "key" => settings.authentication = Some(authentication(words)?),
        "encapsulation" => {
            settings.encapsulation = match words.next("an encapsulation")? {
                "gre" => EncapsulationPolicy::Gre,
                "udp" => EncapsulationPolicy::Udp,
                "as-requested" => EncapsulationPolicy::AsRequested,
                other => return Err(format!("“{other}” is no encapsulation")),
            };
        }
        "heartbeat" => {
            settings.heartbeat = match words.take("none") {
                true => None,
                false => Some(rhythm(words)?),
            }
        }
        "revocation" => settings.revocation = revocation(words)?,
        "restart-counter" => settings.restart_counter = words.value("a number")?,
        "ipv6-pool" => {
            network.ipv6 = unless_none(words, |word| {
                let pool: Ipv6Net = value(word, "a prefix")?;
                Ok(Ipv6Pool { start: pool.addr(), prefix_len: pool.prefix_len() })
            })?
            .into_iter()
            .collect();
        }
        "ipv4-pool" => {
            network.ipv4 = unless_none(words, |word| {
                let pool: Ipv4Net = value(word, "an address with its prefix length")?;
                Ok(Ipv4Pool { start: pool.addr(), last: None, prefix_len: pool.prefix_len() })
            })?
            .into_iter()
            .collect();
        }
        "profile" => {
            let node = full("nai", words.next("a node")?);
            let mut profile = match words.next("a service")? {
                "dual" => profile(Service::Dual),
                "ipv4" => profile(Service::Ipv4),
                "ipv6" => profile(Service::Ipv6),
                "disabled" => Profile { network: None, ..Profile::default() },
                other => return Err(format!("“{other}” is no service")),
            };
            if words.take("service") {
                profile.apn = Some(words.next("a name")?.to_owned());
            }
            settings.profiles.insert(node, profile);
        }
        "timestamps" if words.take("required") => settings.timestamp_required = true,
        "network" if words.take("unauthorized") => *network = Network::unauthorized(),
        "mobile-networks" if words.take("unchecked") => {
            network.unchecked = Unchecked::MobileNetworks;
        }
        "mnp-of-session" => maximum(&mut settings.mnp_of_session, words)?,
        "mnp-of-customer" => maximum(&mut settings.mnp_of_customer, words)?,
        "mobile-networks" => {
            let pool: IpNet = words.value("a prefix")?;
            let network_len = words.value("the length of each")?;
            let (start, pool_len) = (pool.addr(), pool.prefix_len());
            network.mobile_networks.push(MobileNetworkPool { start, pool_len, network_len });
        }
        "aaa" => settings.aaa = is_on(words)?,
        "no" if words.take("profile") => settings.default_profile = None,
        "dscp" => {
            settings.dscp = Some(Dscp { value: words.value("a code point")?, force: false });
        }
        other => return Err(format!("there is no setting “{other}”")),
    }
    Ok(())
}

fn maximum(maximum: &mut MnpMaximum, words: &mut Words<'_>) -> Result<(), String> {
    let of = match (words.take("ipv4"), words.take("ipv6")) {
        (true, _) => &mut maximum.ipv4,
        (_, true) => &mut maximum.ipv6,
        _ => &mut maximum.both,
    };
    *of = words.value("a number")?;
    Ok(())
}

/// The profile that AAA gives: `dual`, `ipv4` or `ipv6`, and then any of `session 30s`,
/// `address 10.0.0.9`, `prefix 2001:db8:100:9::/64`, `mobile-network 172.16.9.0/24`.
pub fn profile_of_aaa(words: &mut Words<'_>) -> Result<Profile, String> {
    let mut given = match words.next("a service")? {
        "dual" => profile(Service::Dual),
        "ipv4" => profile(Service::Ipv4),
        "ipv6" => profile(Service::Ipv6),
        other => return Err(format!("“{other}” is no service")),
    };
    loop {
        if words.take("session") {
            given.session = Some(duration(words.next("a time span")?)?);
        } else if words.take("address") {
            given.ipv4 = Some(words.value("an address")?);
        } else if words.take("prefix") {
            given.prefixes.push(words.value("a prefix")?);
        } else if words.take("mobile-network") {
            given.delegated.push(words.value("a prefix")?);
        } else {
            return Ok(given);
        }
    }
}

fn unless_none<T>(
    words: &mut Words<'_>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    match words.next("a value")? {
        "none" => Ok(None),
        word => read(word).map(Some),
    }
}

fn is_on(words: &mut Words<'_>) -> Result<bool, String> {
    match words.next("on or off")? {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("“{other}” is neither on nor off")),
    }
}

fn authentication(words: &mut Words<'_>) -> Result<Authentication, String> {
    let key = key(words.next("a key")?)?;
    let home_address = match (words.take("over zero"), words.take("over hnp")) {
        (true, _) => AuthenticationHome::Zero,
        (_, true) => AuthenticationHome::HomeNetworkPrefix,
        _ => AuthenticationHome::CareOf,
    };
    Ok(Authentication { key, home_address, updates_only: words.take("updates-only") })
}

fn revocation(words: &mut Words<'_>) -> Result<Revocation, String> {
    let delay_min = duration(words.next("the first wait")?)?;
    let mut revocation = Revocation { delay_min, delay_max: delay_min, retries: 1 };
    if words.take("to") {
        revocation.delay_max = duration(words.next("the longest wait")?)?;
    }
    if words.take("retries") {
        revocation.retries = words.value("a number")?;
    }
    Ok(revocation)
}
