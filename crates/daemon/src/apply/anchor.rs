//! The anchor's part of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kedge_config::{Config, LmaConfig, ReplayWindow};
use kedge_dataplane::Policy;
use kedge_lma::{CustomerSettings, CustomersSettings, Revocation, Settings};
use kedge_model::{CustomerId, Lifetime, VrfId, World};

use super::customers::Hosting;
use super::error::ApplyError;
use super::known::{authentication, dscp, encapsulation, peer, profiles};
use super::networks::networks;
use super::routes::{RoutePlan, routes};
use super::terms::{LINK_MTU, MIN_MTU, rhythm};
use super::tunnels;
use crate::ends::State;
use crate::numbers::Numbers;

/// What an anchor is made of.
#[derive(Debug)]
pub struct AnchorPlan {
    /// What the machines are told.
    pub settings: CustomersSettings,
    /// Where they are reached, and where their nodes' packets come out.
    ends: State,
    /// The routes to its devices, of each routing world.
    pub routes: BTreeMap<VrfId, RoutePlan>,
    /// What is done with the packets in its tunnels, whosoever they are.
    pub policy: Policy,
}

impl AnchorPlan {
    /// Where its signalling and tunnels end.
    pub fn ends(&self) -> State {
        self.ends.clone()
    }

    /// The devices that have its addresses carry packets of these sizes.
    pub fn fit(&mut self, outer_mtus: &BTreeMap<(VrfId, IpAddr), u16>) {
        for settings in self.settings.customers.iter_mut().map(|customer| &mut customer.settings) {
            let mtus = settings.addresses.iter().filter_map(|place| outer_mtus.get(place));
            if let Some(smallest) = mtus.min() {
                settings.link_mtu = *smallest;
                self.ends.devices.insert(settings.vrf, device_mtu(settings));
            }
        }
    }
}

/// Maps the anchor's block: one machine for what the anchor serves at its own addresses, and one
/// for each customer.
pub fn anchor(
    config: &Config,
    lma: &LmaConfig,
    restart_counter: u32,
    numbers: &mut Numbers,
) -> Result<AnchorPlan, ApplyError> {
    let ipv6 = lma.ipv6.iter().copied().map(IpAddr::V6);
    let own = ipv6.chain(lma.ipv4.iter().copied().map(IpAddr::V4));
    let own = own.map(|address| (VrfId::DEFAULT, address)).collect();
    let base = base(config, lma, own, restart_counter)?;
    let mut worlds = BTreeMap::from([(VrfId::DEFAULT, World::Own)]);
    let mut customers = match &lma.local_loop {
        Some(service) => {
            let mut hosting = Hosting { config, lma, base: &base, numbers, worlds: &mut worlds };
            hosting.customers(service)?
        }
        None => Vec::new(),
    };
    if !base.addresses.is_empty() {
        customers.insert(0, CustomerSettings { name: String::new(), settings: base });
    }
    if customers.is_empty() {
        return Err(ApplyError::NoAddress { section: format!("pmipv6-lma {}", lma.id) });
    }
    let each = || customers.iter().map(|customer| &customer.settings);
    let addresses: BTreeSet<(VrfId, IpAddr)> = each().flat_map(|s| s.addresses.clone()).collect();
    let devices = each().map(|settings| (settings.vrf, device_mtu(settings))).collect();
    Ok(AnchorPlan {
        routes: routes(lma, &customers),
        ends: State { addresses, devices, worlds },
        settings: CustomersSettings { customers, entitled: lma.bce_license },
        policy: tunnels::policy(config, &lma.tunnels, &format!("pmipv6-lma {}", lma.id))?,
    })
}

/// The MTU of the device that a customer's packets pass: that of a tunnel with the shortest headers
/// it may have. A tunnel that carries less has its own limit; the forwarder answers for it.
fn device_mtu(settings: &Settings) -> u16 {
    let is_ipv4 = settings.addresses.iter().any(|(_, address)| address.is_ipv4());
    let headers = if is_ipv4 { 20 } else { 40 };
    let link = settings.link_mtu.saturating_sub(headers).max(MIN_MTU);
    settings.tunnel_mtu.unwrap_or(link)
}

/// What the anchor serves itself, and what holds for each customer unless it says otherwise.
fn base(
    config: &Config,
    lma: &LmaConfig,
    addresses: Vec<(VrfId, IpAddr)>,
    restart_counter: u32,
) -> Result<Settings, ApplyError> {
    let domain = config.domain(&lma.domain);
    let (profiles, default_profile) = profiles(config, lma, None);
    Ok(Settings {
        customer: CustomerId::DEFAULT,
        vrf: VrfId::DEFAULT,
        addresses,
        lifetime: Lifetime::from_secs(lma.bce_lifetime.as_secs()),
        refresh_advice: lma.refresh_time.map(|time| Lifetime::from_secs(time.as_secs())),
        hnp_maximum: lma.hnp_maximum,
        mnp_of_session: Settings::default().mnp_of_session,
        mnp_of_customer: Settings::default().mnp_of_customer,
        bce_maximum: lma.bce_maximum,
        delete_wait: lma.bce_delete_wait,
        create_wait: lma.bce_create_wait,
        timestamp_window: match config.lma_replay_window(lma) {
            ReplayWindow::Within(window) => Some(window),
            ReplayWindow::Ignore => None,
        },
        timestamp_required: lma.timestamp_required,
        dynamic_mag_learning: lma.dynamic_mag_learning,
        learned_mag_maximum: Settings::default().learned_mag_maximum,
        authentication: domain.and_then(|d| d.auth.as_ref()).map(authentication),
        encapsulation: encapsulation(domain.and_then(|d| d.encap)),
        accept_forced_udp: lma.accept_forced_udp,
        generate_grekey: lma.generate_grekey && !lma.ignore_grekey,
        gre_key: None,
        dscp: dscp(lma.dscp),
        heartbeat: lma.heartbeat.map(rhythm),
        impose_heartbeat: lma.enforce_heartbeat,
        revocation: Revocation {
            delay_min: lma.revocation.delay_min,
            delay_max: lma.revocation.delay_max,
            retries: lma.revocation.retries,
        },
        restart_counter,
        tunnel_mtu: lma.tunnel_mtu,
        link_mtu: LINK_MTU,
        peers: lma.mags.iter().map(|mag| peer(config, mag)).collect(),
        networks: networks(config, &lma.networks, lma.mobile_network_check)?,
        aaa: domain.is_some_and(|domain| domain.profiles_from_aaa),
        profiles,
        default_profile,
    })
}
