//! Random updates, mutilated ones among them, time and commands, with few nodes and small pools,
//! so that everything collides. After each step the anchor's state is whole: no address is held
//! twice, the pools know what is held, the data plane holds what it should, the counters add up.
//! When everything has expired, nothing is left.

mod kit;

use std::collections::{BTreeMap, BTreeSet};

use std::net::IpAddr;

use kedge_lma::{
    Change, EncapsulationPolicy, Load, MobileNetworkPool, NoProfile, Profile, Service, Settings,
    Unchecked,
};
use kedge_model::{BindingId, CustomerId, Forwarding, IpNet, Ipv4Net, Ipv6Net, MnId, VrfId};
use kedge_wire::registry::{RevocationStatus, RevocationTrigger};
use kedge_wire::{
    BindingRevocationIndication, BuFlags, DelegatedMobileNetworkPrefix, GreKeyOption,
    HomeNetworkPrefix, Ipv4HomeAddressRequest, MnIdOption, Options, RevocationFlags,
};
use kit::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Update(Update),
    /// The update with one octet replaced, over UDP, where no checksum protects it.
    Mutilated(Update, usize, u8),
    Wait(u64),
    Clear(u8),
    /// The answer to one of the last indications, with this status.
    Acknowledge(usize, u8),
    /// A gateway revokes a node, or its IPv4 alone, or by its prefix.
    Revoke {
        mag: u8,
        node: u8,
        how: u8,
    },
    /// The anchor takes a node's IPv4 back.
    TakeIpv4(u8),
    ClearAll,
    ClearRealm,
    /// More or less waits to be read.
    Load(u8),
    /// Another configuration: which one.
    Apply(u8),
    /// What AAA says to one of the last questions.
    Authorize(usize, u8),
    /// AAA lets a node's sessions last so many seconds.
    Change(u8, u64),
}

#[derive(Clone, Debug)]
struct Update {
    node: u8,
    mag: u8,
    interface: Option<u8>,
    handoff: u8,
    lifetime: u64,
    /// 0 none, 1 any, 2 the node's own, 3 and more a certain one.
    prefix: u8,
    ipv4: u8,
    gre: Option<Option<u32>>,
    forced_udp: bool,
    time: i64,
    /// Prefixes for its network: 0 none, 1 any, 2 and more certain ones.
    delegated: u8,
}

fn update() -> impl Strategy<Value = Update> {
    let who = (0..4_u8, 0..4_u8, prop::option::of(0..2_u8), 0..6_u8);
    let what = (prop_oneof![Just(0_u64), 4..40_u64], 0..7_u8, 0..9_u8);
    let how = (prop::option::of(prop::option::of(0..3_u32)), any::<bool>(), -2..3_i64, 0..7_u8);
    (who, what, how).prop_map(
        |(
            (node, mag, interface, handoff),
            (lifetime, prefix, ipv4),
            (gre, forced_udp, time, delegated),
        )| {
            Update {
                node,
                mag,
                interface,
                handoff,
                lifetime,
                prefix,
                ipv4,
                gre,
                forced_udp,
                time,
                delegated,
            }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => update().prop_map(Step::Update),
        4 => (update(), 0..120_usize, any::<u8>()).prop_map(|(u, at, to)| Step::Mutilated(u, at, to)),
        4 => (0..12_000_u64).prop_map(Step::Wait),
        1 => (0..4_u8).prop_map(Step::Clear),
        4 => (0..4_usize, prop_oneof![Just(0_u8), Just(128), Just(132), any::<u8>()])
            .prop_map(|(which, status)| Step::Acknowledge(which, status)),
        2 => (0..4_u8, 0..4_u8, 0..3_u8)
            .prop_map(|(mag, node, how)| Step::Revoke { mag, node, how }),
        1 => (0..4_u8).prop_map(Step::TakeIpv4),
        1 => Just(Step::ClearAll),
        1 => Just(Step::ClearRealm),
        1 => (0..3_u8).prop_map(Step::Load),
        2 => (0..7_u8).prop_map(Step::Apply),
        4 => (0..3_usize, 0..8_u8).prop_map(|(which, answer)| Step::Authorize(which, answer)),
        1 => (0..4_u8, 0..30_u64).prop_map(|(node, secs)| Step::Change(node, secs)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_state_stays_whole_and_nothing_is_left_in_the_end(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut world = World::with(configuration(0));
        let mut held: BTreeMap<BindingId, Forwarding> = BTreeMap::new();
        for step in steps {
            let outcome = apply(&mut world, &step);
            forward(&mut held, outcome);
            check(&world, &held);
        }
        // One wait for a de-registration can begin a lifetime when it ends.
        for _ in 0..2 {
            let outcome = world.wait(secs(3_700));
            forward(&mut held, outcome);
        }
        check(&world, &held);
        prop_assert!(world.lma.is_empty() && world.lma.pending() == 0 && held.is_empty());
        prop_assert_eq!(world.lma.poll_timeout(), None);
        let (ipv4, ipv6) = world.lma.usage("home").unwrap();
        prop_assert_eq!((ipv4.unwrap().taken, ipv6.unwrap().taken), (0, 0));
        prop_assert!(world.lma.delegated_usage("home").all(|(_, usage)| usage.taken == 0));
        prop_assert!(world.lma.peers().all(|peer| peer.bindings == 0));
    }
}

/// Small pools; the second moves them and forgets a gateway, the third has GRE with keys, the
/// fourth learns one gateway and no more, the fifth joins all in one and serves IPv6 alone, the
/// sixth takes what is of no pool as it is sent.
fn configuration(which: u8) -> Settings {
    let mut settings = Settings { bce_maximum: 6, hnp_maximum: 2, ..settings() };
    let (ipv4, ipv6) = if which == 1 { (30, 61) } else { (29, 62) };
    let mut home = network(ipv4, ipv6);
    let (pool_len, network_len) = (if which == 1 { 28 } else { 29 }, 30);
    let start = IpAddr::from([172, 16, 0, 0]);
    home.mobile_networks = vec![MobileNetworkPool { start, pool_len, network_len }];
    settings.networks.insert("home".to_owned(), home);
    match which {
        1 => drop(settings.peers.pop()),
        2 => settings.encapsulation = EncapsulationPolicy::Gre,
        3 => {
            settings.peers.clear();
            (settings.dynamic_mag_learning, settings.learned_mag_maximum) = (true, 1);
        }
        4 => {
            settings.peers.truncate(1);
            settings.peers[0].addresses = MAGS.map(|mag| mag.parse().unwrap()).to_vec();
            settings.default_profile = Some(profile(Service::Ipv6));
        }
        5 => settings.networks.get_mut("home").unwrap().unchecked = Unchecked::Everything,
        // Before any has AAA, or once more.
        6 => settings.aaa = true,
        _ => {}
    }
    settings
}

fn apply(world: &mut World, step: &Step) -> Outcome {
    match step {
        Step::Update(update) => {
            let pbu = pbu(world, update);
            world.send(&pbu).1
        }
        Step::Mutilated(update, at, to) => {
            let pbu = pbu(world, &Update { mag: 3, ..update.clone() });
            let mut bytes = pbu.bytes(world.now, 1);
            let at = at % bytes.len();
            bytes[at] = *to;
            world.deliver(pbu.path(), &bytes).1
        }
        Step::Wait(time) => world.wait(ms(*time)),
        Step::Clear(node) => {
            world.lma.clear(CustomerId::DEFAULT, &MnId::nai(&nai(*node)).unwrap(), world.now);
            world.drain()
        }
        Step::ClearAll => {
            world.lma.clear_all(world.now);
            world.drain()
        }
        Step::TakeIpv4(node) => {
            let (mn_id, trigger) = (MnId::nai(&nai(*node)).unwrap(), RevocationTrigger(5));
            world.lma.revoke_ipv4(CustomerId::DEFAULT, &mn_id, trigger, world.now);
            world.drain()
        }
        Step::Acknowledge(which, status) => {
            let bri = world.indications.iter().rev().nth(*which).cloned();
            bri.map_or_else(Outcome::default, |bri| {
                world.acknowledge(&bri, RevocationStatus(*status)).1
            })
        }
        Step::Revoke { mag, node, how } => {
            let path = attach(MAGS[usize::from(*mag)]).path();
            let mn_id = MnId::nai(&nai(*node)).unwrap();
            let mut options = Options::new();
            options.push(MnIdOption::from(&mn_id));
            let own = world.bindings_of(&nai(*node)).into_iter().next().map(|b| b.addresses);
            let mut flags = RevocationFlags::P;
            match (how, own) {
                (1, Some(own)) => own
                    .prefixes
                    .iter()
                    .for_each(|prefix| options.push(HomeNetworkPrefix::new(prefix))),
                (2, Some(own)) => {
                    flags |= RevocationFlags::V;
                    if let Some(home) = own.ipv4 {
                        let address = Ipv4Net::new(home.address, home.prefix_len).unwrap();
                        options.push(Ipv4HomeAddressRequest { address });
                    }
                }
                _ => {}
            }
            let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
            let sequence = kedge_model::Sequence(1);
            let bri = BindingRevocationIndication { trigger, sequence, flags };
            world.deliver(path, &message(path, bri, options)).1
        }
        Step::ClearRealm => {
            world.lma.clear_realm(CustomerId::DEFAULT, "example.com", world.now);
            world.drain()
        }
        Step::Load(load) => {
            let loads = [Load::Normal, Load::Busy, Load::Saturated];
            world.lma.set_load(loads[usize::from(*load)]);
            world.drain()
        }
        Step::Authorize(which, answer) => {
            let Some(question) = world.questions.iter().rev().nth(*which).cloned() else {
                return Outcome::default();
            };
            let own = Profile {
                session: (*answer == 3).then(|| secs(20)),
                ipv4: (*answer == 4).then(|| [10, 0, 0, 3].into()),
                prefixes: match answer {
                    5 => vec!["2001:db8:100:1::/64".parse().unwrap()],
                    _ => Vec::new(),
                },
                delegated: match answer {
                    6 => vec!["172.16.0.0/30".parse().unwrap(), "172.16.0.4/30".parse().unwrap()],
                    _ => Vec::new(),
                },
                ..profile(Service::Dual)
            };
            let answer = match answer {
                0 => Err(NoProfile::Refused),
                1 => Err(NoProfile::Unreachable),
                _ => Ok(own),
            };
            world.authorize(&question, answer)
        }
        Step::Change(node, session) => {
            let change = Change { session: Some(secs(*session)), class: None };
            let mn_id = MnId::nai(&nai(*node)).unwrap();
            world.lma.change_authorization(CustomerId::DEFAULT, &mn_id, &change, world.now);
            world.drain()
        }
        Step::Apply(which) => {
            world.lma.apply(configuration(*which), world.now);
            world.drain()
        }
    }
}

const MAGS: [&str; 4] = [MAG1, MAG2, STRANGER, MAG1_V4];

fn pbu(world: &World, update: &Update) -> Pbu {
    let own = world.bindings_of(&nai(update.node)).into_iter().next();
    let mut pbu = attach(MAGS[usize::from(update.mag)])
        .mn(&nai(update.node))
        .handoff(update.handoff)
        .lifetime(update.lifetime)
        .time(Time::Off(update.time));
    pbu.link_layer_id = update.interface.map(|interface| vec![2, interface]);
    let own_prefixes = || own.map(|b| b.addresses.prefixes.iter().map(|p| p.to_string()).collect());
    pbu.prefixes = match update.prefix {
        0 => Vec::new(),
        1 => vec!["::/0".to_owned()],
        2 => own_prefixes().unwrap_or_default(),
        n => vec![format!("2001:db8:100:{n}::/64"), "::/0".to_owned()][..usize::from(n % 2) + 1]
            .to_vec(),
    };
    let own_ipv4 = || own.and_then(|b| b.addresses.ipv4).map(|home| home.address.to_string());
    match update.ipv4 {
        0 => {}
        1 => pbu.ipv4.push("0.0.0.0/0".to_owned()),
        2 => pbu.ipv4.extend(own_ipv4().map(|address| format!("{address}/29"))),
        n => pbu.ipv4.push(format!("10.0.0.{n}/29")),
    }
    if let Some(key) = update.gre {
        pbu.more.push(GreKeyOption { key });
    }
    for n in (1..=update.delegated).filter(|n| *n != 2) {
        let prefix = match n {
            1 => "0.0.0.0/0".to_owned(),
            // Of no pool: a part of it, and all.
            5 => "172.16.8.64/26".to_owned(),
            6 => "172.16.8.0/24".to_owned(),
            n => format!("172.16.0.{}/30", 4 * (n - 3)),
        };
        pbu = pbu.with(DelegatedMobileNetworkPrefix { prefix: prefix.parse().unwrap() });
    }
    if update.forced_udp {
        pbu.flags |= BuFlags::F;
    }
    pbu
}

fn nai(node: u8) -> String {
    format!("mn{node}@example.com")
}

fn forward(held: &mut BTreeMap<BindingId, Forwarding>, outcome: Outcome) {
    for (binding, want) in outcome.forwards {
        let before = held.get(&binding).cloned();
        assert_ne!(before, want, "forwarding is told only when it changes");
        match want {
            Some(want) => drop(held.insert(binding, want)),
            None => drop(held.remove(&binding)),
        }
    }
}

fn check(world: &World, held: &BTreeMap<BindingId, Forwarding>) {
    let mut addresses: BTreeSet<IpNet> = BTreeSet::new();
    let mut ids = BTreeSet::new();
    let mut active = 0;
    for binding in world.lma.bindings() {
        assert!(ids.insert(binding.id));
        assert!(!binding.addresses.is_empty());
        for address in binding.addresses.routed().chain(binding.delegated.iter().copied()) {
            let other = addresses.iter().find(|o| o.contains(&address) || address.contains(*o));
            assert_eq!(other, None, "{address} is held twice");
            addresses.insert(address);
        }
        let want = binding.forwarding(VrfId::DEFAULT);
        active += usize::from(want.is_some());
        assert_eq!(held.get(&binding.id), want.as_ref());
        let found = world.lma.find(CustomerId::DEFAULT, &binding.mn_id);
        assert_eq!(found.filter(|other| other.id == binding.id).count(), 1);
    }
    assert_eq!(held.len(), active, "nothing is forwarded for a binding that is gone");
    assert_eq!(world.lma.len() as usize, ids.len());
    let paths: u32 = world.lma.peers().map(|peer| peer.bindings).sum();
    assert_eq!(paths as usize, ids.len());
    // A session that is older than the pools may hold what is in none of them.
    let pools = &world.lma.settings().networks["home"];
    let (pool4, pool6) = (pools.ipv4[0], pools.ipv6[0]);
    let block4 = Ipv4Net::new(pool4.start, pool4.prefix_len).unwrap();
    let block6 = Ipv6Net::new(pool6.start, pool6.prefix_len).unwrap();
    let delegable =
        Ipv4Net::new([172, 16, 0, 0].into(), pools.mobile_networks[0].pool_len).unwrap();
    let delegated: u32 = world.lma.delegated_usage("home").map(|(_, usage)| usage.taken).sum();
    let (ipv4, ipv6) = world.lma.usage("home").unwrap();
    let in_pools = |address: &&IpNet| match address {
        IpNet::V4(a) if a.prefix_len() == 30 => delegable.contains(a),
        IpNet::V4(a) => block4.contains(a) && a.addr() != block4.broadcast(),
        IpNet::V6(p) => block6.contains(p),
    };
    let taken = ipv4.unwrap().taken + ipv6.unwrap().taken + delegated;
    assert_eq!(taken as usize, addresses.iter().filter(in_pools).count());
}
