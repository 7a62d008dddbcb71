//! Mobile local loop: the customers of an anchor, each as its machine is told.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kedge_config::{Config, Customer, LmaConfig, LocalLoop};
use kedge_lma::{CustomerSettings, Peer, Settings};
use kedge_model::{Lifetime, VrfId, World};

use super::error::ApplyError;
use super::known::{authentication, peer, profiles};
use super::networks::{self, UNAUTHORIZED};
use super::terms::rhythm;
use super::world::world;
use crate::numbers::Numbers;

/// What the customers of an anchor are made from.
pub struct Hosting<'a> {
    /// The whole configuration.
    pub config: &'a Config,
    /// The anchor's block.
    pub lma: &'a LmaConfig,
    /// What holds for each customer unless it says otherwise.
    pub base: &'a Settings,
    /// The numbers of customers and of routing worlds.
    pub numbers: &'a mut Numbers,
    /// Where the routing worlds are that are needed.
    pub worlds: &'a mut BTreeMap<VrfId, World>,
}

impl Hosting<'_> {
    /// Every customer of the service.
    pub fn customers(&mut self, service: &LocalLoop) -> Result<Vec<CustomerSettings>, ApplyError> {
        let mut owners = Owners::default();
        for address in &self.base.addresses {
            owners.take(*address, &format!("pmipv6-lma {}", self.lma.id))?;
        }
        let each = service.customers.iter().map(|customer| {
            let settings = self.customer(service, customer)?;
            owners.take_world(settings.vrf, customer)?;
            for address in &settings.addresses {
                owners.take(*address, &section(customer))?;
            }
            Ok(CustomerSettings { name: customer.name.clone(), settings })
        });
        each.collect()
    }

    fn customer(
        &mut self,
        service: &LocalLoop,
        customer: &Customer,
    ) -> Result<Settings, ApplyError> {
        let (config, lma, base) = (self.config, self.lma, self.base);
        let id = self.numbers.customer(&customer.name).ok_or(ApplyError::TooManyCustomers)?;
        let vrf = self.world(Some(&customer.vrf))?;
        let mut addresses: Vec<(VrfId, IpAddr)> = Vec::new();
        let mut transports = Vec::new();
        for transport in &customer.transports {
            let vrf = self.world(transport.vrf.as_deref())?;
            let ipv6 = transport.ipv6.map(IpAddr::V6);
            let both = ipv6.into_iter().chain(transport.ipv4.map(IpAddr::V4));
            addresses.extend(both.map(|address| (vrf, address)));
            transports.push(vrf);
        }
        if addresses.is_empty() {
            return Err(ApplyError::NoAddress { section: section(customer) });
        }
        // A gateway may be in any of the customer's transport networks.
        let own_key = customer.auth.as_ref();
        let peers = transports.iter().flat_map(|&transport| {
            lma.mags.iter().map(move |mag| {
                let key = mag.auth.as_ref().or(own_key).map(authentication);
                let known = peer(config, mag);
                Peer { transport, authentication: key.or(known.authentication), ..known }
            })
        });
        let lifetime = customer.bce_lifetime.map(|t| Lifetime::from_secs(t.as_secs()));
        // The keys of labels are for bindings with several paths.
        let fixed = customer.gre_keys.iter().find(|(label, _)| label.is_none());
        let (mut profiles, mut default_profile) = profiles(config, lma, Some(&customer.name));
        if customer.unauthorized {
            // Profiles name it as they like: there is no other.
            let all = profiles.values_mut().chain(&mut default_profile);
            all.for_each(|profile| profile.network = Some(UNAUTHORIZED.to_owned()));
        }
        let (mnp_of_session, mnp_of_customer) = networks::mnp(service.mnp, customer.mnp);
        Ok(Settings {
            customer: id,
            vrf,
            addresses,
            lifetime: lifetime.unwrap_or(base.lifetime),
            authentication: own_key.map(authentication).or_else(|| base.authentication.clone()),
            heartbeat: customer.heartbeat.map(rhythm).or(base.heartbeat),
            gre_key: fixed.map(|(_, key)| *key).or(base.gre_key),
            peers: peers.collect(),
            networks: networks::of_customer(config, customer, lma.mobile_network_check)?,
            mnp_of_session,
            mnp_of_customer,
            profiles,
            default_profile,
            ..base.clone()
        })
    }

    /// The number of a routing world; without a name, of the daemon's own.
    fn world(&mut self, name: Option<&str>) -> Result<VrfId, ApplyError> {
        let world = name.map_or(Ok(World::Own), |name| world(self.config, name))?;
        let vrf = self.numbers.worlds.number(&world);
        self.worlds.insert(vrf, world);
        Ok(vrf)
    }
}

/// What is one customer's alone, beyond what its text says: two names may be one world.
#[derive(Default)]
struct Owners {
    addresses: BTreeMap<(VrfId, IpAddr), String>,
    worlds: BTreeMap<VrfId, String>,
}

impl Owners {
    fn take(&mut self, place: (VrfId, IpAddr), section: &str) -> Result<(), ApplyError> {
        match self.addresses.insert(place, section.to_owned()) {
            None => Ok(()),
            Some(owner) => Err(ApplyError::TakenAddress {
                section: section.to_owned(),
                address: place.1,
                owner,
            }),
        }
    }

    fn take_world(&mut self, vrf: VrfId, customer: &Customer) -> Result<(), ApplyError> {
        let (section, name) = (section(customer), customer.vrf.clone());
        match self.worlds.insert(vrf, section.clone()) {
            None => Ok(()),
            Some(owner) => Err(ApplyError::TakenWorld { section, vrf: name, owner }),
        }
    }
}

fn section(customer: &Customer) -> String {
    format!("customer {}", customer.name)
}
