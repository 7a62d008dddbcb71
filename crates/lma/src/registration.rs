//! Sessions begin, go on and move: RFC 5213 §5.3.2 to §5.3.4.

use std::net::Ipv6Addr;

use kedge_model::{BindingId, GreKey, LinkLayerId, MnId, Timestamp, Tunnel};
use kedge_wire::MnIdOption;
use kedge_wire::registry::{AccessTechnologyType, HandoffIndicatorValue};

use crate::addresses::HomeAddresses;
use crate::answer::Acceptance;
use crate::assignment::{Assigned, assign};
use crate::binding::{Binding, State};
use crate::cache::Slot;
use crate::class::Class;
use crate::encapsulation::{self, Choice};
use crate::event::{Output, What};
use crate::lifetime::end_of;
use crate::networks::NetworkId;
use crate::paths::{BindingPath, Paths};
use crate::peers::PeerIndex;
use crate::rejection::Denial;
use crate::request::Request;
use crate::{Lma, Now, Timer};

/// How many sessions one node may have; more interfaces than any has, and few enough to search.
const SESSIONS_PER_NODE: usize = 8;

/// fe80::200:5eff:fe00:5213, the address of every gateway on every access link (RFC 6543 §3).
const GATEWAY_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x0200, 0x5eff, 0xfe00, 0x5213);

impl Lma {
    /// RFC 5213 §5.3.2: a new session.
    pub(crate) fn create(
        &mut self,
        request: &Request<'_>,
        network: NetworkId,
        now: Now,
    ) -> Result<(), Denial> {
        let key = request.node(self.settings.customer).ok_or(Denial::MissingMnId)?;
        let full = self.cache.len().saturating_add(self.others) >= self.settings.bce_maximum;
        if full || self.cache.of_node(key).count() >= SESSIONS_PER_NODE {
            return Err(Denial::TooManyBindings);
        }
        self.check_place(request)?;
        self.check_tunnel_end(request)?;
        let peer = self.peers.find(&request.path);
        let choice = self.choose_tunnel(request, peer)?;
        let none = HomeAddresses::default();
        let authorized = self.authorized(request).cloned();
        let fixed = authorized.as_ref().map(|authorized| &authorized.profile);
        let Assigned { addresses, delegated } =
            assign(&mut self.networks, network, request, none, &[], fixed, &self.settings)?;

        let peer = self.learn(&request.path);
        let gre_key = choice.kind.needs_key().then(|| self.uplink_key(request));
        let ends = authorized.as_ref().and_then(|authorized| authorized.ends);
        let lifetime = self.lifetime_of(request, ends, now);
        let expires = end_of(lifetime, ends, now);
        let slot = self.cache.vacant();
        let binding = Binding {
            id: BindingId(0),
            customer: self.settings.customer,
            mn_id: request.mn_id.unwrap_or(MnIdOption::EMPTY).to_mn_id(),
            link_layer_id: request.link_layer_id.and_then(LinkLayerId::new),
            access_technology: AccessTechnologyType::RESERVED,
            handoff_indicator: HandoffIndicatorValue::RESERVED,
            addresses,
            delegated: delegated.unwrap_or_default(),
            link_local: GATEWAY_LINK_LOCAL,
            lifetime,
            created: self.beginning(now),
            expires,
            wakes: expires,
            state: State::Active,
            paths: Paths::new(BindingPath {
                care_of: request.care_of,
                signal: request.path,
                tunnel: self.tunnel(request, choice, gre_key),
                behind: request.behind(),
                peer,
            }),
            gre_key,
            timestamp: Timestamp::default(),
            sequence: request.update.sequence,
            authorized,
            network,
            lifetime_timer: self.timers.insert(expires, Timer::Lifetime(slot)),
            next: None,
        };
        self.cache.insert(binding);
        self.peers.gain(peer);
        self.feel(peer, request, now);
        self.note_update(slot, request);
        self.want_forwarding(slot);
        self.acknowledge(request, Class::Initial, slot, self.acceptance(slot, choice));
        let binding = &self.cache[slot];
        let what = What::Bound { binding: binding.id, care_of: request.care_of, addresses };
        self.report(slot, what);
        if !self.cache[slot].delegated.is_empty() {
            self.report_delegation(slot);
        }
        Ok(())
    }

    /// RFC 5213 §5.3.3 and §5.3.4: the session goes on, where it was or at another gateway. One
    /// that was de-registered is active again (§5.3.5).
    pub(crate) fn extend(
        &mut self,
        request: &Request<'_>,
        slot: Slot,
        now: Now,
    ) -> Result<(), Denial> {
        self.check_place(request)?;
        let peer = self.peers.find(&request.path);
        let choice = self.choose_tunnel(request, peer)?;
        let binding = &self.cache[slot];
        let id = binding.id;
        let from = Some(binding.care_of()).filter(|_| !binding.is_at_sender_of(request));
        if from.is_some() {
            self.check_tunnel_end(request)?;
        }
        let (held, network, was) = (binding.addresses, binding.network, binding.state);
        let technology = binding.access_technology;
        let authorized = binding.authorized.clone();
        let fixed = authorized.as_ref().map(|authorized| &authorized.profile);
        let delegated = &binding.delegated;
        let Assigned { mut addresses, delegated } =
            assign(&mut self.networks, network, request, held, delegated, fixed, &self.settings)?;
        self.release_unwanted(request, network, &mut addresses);

        let gre_key = self.cache[slot]
            .gre_key
            .or_else(|| choice.kind.needs_key().then(|| self.uplink_key(request)));
        let tunnel = self.tunnel(request, choice, gre_key);
        let ends = authorized.as_ref().and_then(|authorized| authorized.ends);
        let lifetime = self.lifetime_of(request, ends, now);
        let peer = self.learn(&request.path);
        let path = BindingPath {
            care_of: request.care_of,
            signal: request.path,
            tunnel,
            behind: request.behind(),
            peer,
        };
        if let State::Lingering(timer) = was {
            self.timers.remove(timer);
        }
        let binding = &mut self.cache[slot];
        binding.state = State::Active;
        binding.addresses = addresses;
        binding.gre_key = gre_key;
        self.prolong(slot, lifetime, now);
        let redelegated = self.redelegate(slot, delegated);
        let before = self.cache[slot].paths.replace_first(path);
        if before.peer != peer {
            self.peers.gain(peer);
            self.lose_binding(before.peer, now);
        }
        self.feel(peer, request, now);
        self.cancel_departure(slot, &request.path);
        self.note_update(slot, request);
        self.supersede_waiting(slot, request);
        self.ask_elsewhere(slot, request, from.is_some(), now);
        let readdressed = addresses != held || redelegated;
        if before.tunnel != tunnel || readdressed || was != State::Active {
            self.want_forwarding(slot);
        }
        let class = if from.is_some() { Class::Handoff } else { Class::Refresh };
        self.acknowledge(request, class, slot, self.acceptance(slot, choice));
        match (from, was) {
            (Some(from), _) => {
                self.report(slot, What::HandedOver { binding: id, from, to: request.care_of });
            }
            (None, State::Lingering(_) | State::Unreachable) => {
                self.report(slot, What::Resumed { binding: id });
            }
            (None, State::Active | State::Revoking(_)) => {}
        }
        if addresses != held {
            self.report(slot, What::Readdressed { binding: id, addresses });
        }
        if redelegated {
            self.report_delegation(slot);
        }
        let elsewhere = (before.peer, before.behind) != (peer, request.behind());
        if elsewhere && matches!(was, State::Active | State::Unreachable) {
            self.tell_departure(slot, &before, held, technology, now);
        }
        Ok(())
    }

    /// Tells the data plane what it should hold for a binding.
    pub(crate) fn want_forwarding(&mut self, slot: Slot) {
        let binding = &self.cache[slot];
        let want = binding.forwarding(self.settings.vrf);
        self.output.push_back(Output::Forward { binding: binding.id, want });
    }

    /// A family that the gateway does not ask for is given back: after a handover by RFC 5844
    /// §3.1.2.4, and without one because the entry is what was registered last (RFC 5213 §5.3.3)
    /// and a gateway that has an address names it in every update (RFC 5844 §3.2.3.3). To keep it
    /// would be to tunnel its packets to a gateway that drops them.
    fn release_unwanted(
        &mut self,
        request: &Request<'_>,
        network: NetworkId,
        addresses: &mut HomeAddresses,
    ) {
        let mut unwanted = HomeAddresses::default();
        if !request.wants_ipv6() {
            unwanted.prefixes = std::mem::take(&mut addresses.prefixes);
        }
        if !request.wants_ipv4() {
            unwanted.ipv4 = addresses.ipv4.take();
        }
        self.networks.release(network, &unwanted);
    }

    /// Keeps what every accepted update leaves behind (RFC 5213 §5.1).
    fn note_update(&mut self, slot: Slot, request: &Request<'_>) {
        let binding = &mut self.cache[slot];
        if !binding.has_link_layer_id(request.link_layer_id) {
            binding.link_layer_id = request.link_layer_id.and_then(LinkLayerId::new);
        }
        if let Some(technology) = request.access_technology {
            binding.access_technology = technology;
        }
        if let Some(handoff) = request.handoff {
            binding.handoff_indicator = handoff;
        }
        // RFC 5213 §5.3.6: an address of zero asks for the binding's.
        if let Some(address) = request.link_local.filter(|address| !address.is_unspecified()) {
            binding.link_local = address;
        }
        // An update that waited may be older than the de-registration it waited for.
        binding.timestamp =
            request.time().map_or(Timestamp::default(), |time| time.max(binding.timestamp));
        binding.sequence = request.update.sequence;
    }

    fn choose_tunnel(
        &self,
        request: &Request<'_>,
        peer: Option<PeerIndex>,
    ) -> Result<Choice, Denial> {
        encapsulation::choose(self.peers.policy(peer).encapsulation, &self.settings, request)
    }

    fn tunnel(&self, request: &Request<'_>, choice: Choice, own_key: Option<GreKey>) -> Tunnel {
        let mut tunnel = Tunnel {
            transport: request.path.transport,
            local: request.path.local.ip(),
            peer: request.care_of,
            encapsulation: choice.encapsulation(own_key),
            mtu: 0,
        };
        tunnel.mtu = self.settings.mtu_of(&tunnel);
        tunnel
    }

    fn acceptance(&self, slot: Slot, choice: Choice) -> Acceptance {
        let binding = &self.cache[slot];
        Acceptance {
            status: choice.status,
            lifetime: binding.lifetime,
            // RFC 6275 §10.3.1: it MUST be below the lifetime.
            refresh_advice: self.settings.refresh_advice.filter(|at| *at < binding.lifetime),
            addresses: binding.addresses,
            link_local: binding.link_local,
            gre: choice.kind.gre_option(binding.gre_key),
            tlv: choice.in_udp,
            nat: choice.nat_detection(),
        }
    }

    /// The key of a node's packets to us: what an operator has fixed, or one of our choosing.
    fn uplink_key(&mut self, request: &Request<'_>) -> GreKey {
        let own = self.settings.configured_profile(request.nai());
        let own = own.or(self.settings.default_profile.as_ref()).and_then(|p| p.uplink_key);
        own.or(self.settings.gre_key).unwrap_or_else(|| self.new_gre_key())
    }

    /// A key that no other binding has: the multiplier is odd, so the keys of 2^32 bindings in a
    /// row differ, and they do not count up for an onlooker.
    fn new_gre_key(&mut self) -> GreKey {
        self.gre_keys_given = self.gre_keys_given.wrapping_add(1);
        self.gre_keys_given.wrapping_mul(0x9e37_79b1)
    }

    /// The identifier to report of a request.
    pub(crate) fn mn_id_of(request: &Request<'_>) -> MnId {
        request.mn_id.unwrap_or(MnIdOption::EMPTY).to_mn_id()
    }
}
