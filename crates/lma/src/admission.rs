//! Whether an update is accepted at all: RFC 5213 §5.3.1 (1) to (13), in that order, with the
//! additions of RFC 5844 §3.1.2.1, RFC 4285, RFC 5149 and RFC 8278.
//!
//! Nothing here changes anything: an update that is refused leaves no trace but its answer and
//! its counters.

use std::net::IpAddr;

use kedge_model::Timestamp;
use kedge_wire::BuFlags;
use kedge_wire::auth::{self, AuthVerdict};

use crate::answer::{care_of_address, home_address};
use crate::binding::Binding;
use crate::lookup::{self, Decision};
use crate::networks::NetworkId;
use crate::ntp::from_ntp;
use crate::peers::PeerIndex;
use crate::rejection::{Denial, Discard, Rejection};
use crate::request::Request;
use crate::settings::{Authentication, Profile};
use crate::{Lma, Now, service};

/// What is to be done about an update that is not refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Admitted {
    /// It may be acted on.
    Act {
        decision: Decision,
        /// The network of the node's profile.
        network: NetworkId,
    },
    /// AAA is to say what its node may have.
    Ask,
}

/// Why there is no profile of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unknown {
    /// AAA has not been asked yet.
    ToAaa,
    /// Nobody has one.
    ToAll,
}

impl From<Unknown> for Denial {
    fn from(_: Unknown) -> Self {
        Self::UnknownNode
    }
}

impl Lma {
    /// Applies the checks in their order.
    pub(crate) fn admit(
        &mut self,
        request: &Request<'_>,
        peer: Option<PeerIndex>,
        now: Now,
    ) -> Result<Admitted, Rejection> {
        self.authenticate(request, peer)?; // (1)
        self.check_kind(request)?;
        if request.mn_id.is_none() {
            return Err(Denial::MissingMnId.into()); // (4)
        }
        if !self.peers.is_authorized(peer) {
            return Err(Denial::UnknownMag.into()); // (6)
        }
        if !is_care_of_address(request.care_of) || request.care_of == request.path.local.ip() {
            return Err(Denial::InvalidCareOf.into());
        }
        if self.profile(request) == Err(Unknown::ToAaa) {
            return self.admit_unknown(request, now);
        }
        let network = self.network_of(request)?; // (7), (8)
        let found = self.look_up(request, Some(network));
        let session = match found {
            Ok(Decision::Update(slot) | Decision::Wait(slot)) => Some(slot),
            Ok(Decision::New | Decision::Ignore) | Err(_) => None,
        };
        self.check_order(request, session.map(|slot| &self.cache[slot]), now)?; // (9)
        self.check_options(request)?; // (10) to (12)
        // What is no longer allowed can still be given back.
        if !request.is_deregistration() {
            self.check_families(request, network)?;
        }
        check_supported(request)?;
        if session.is_some_and(|slot| self.is_revocation_pending(slot, request)) {
            return Err(Discard::RevocationPending.into());
        }
        Ok(Admitted::Act { decision: found?, network }) // (13)
    }

    /// The existence test, as far as the request goes; complete only for an admitted one.
    pub(crate) fn look_up(
        &self,
        request: &Request<'_>,
        network: Option<NetworkId>,
    ) -> Result<Decision, Denial> {
        let held = network.and_then(|id| self.networks.held(id));
        let decision = lookup::find(&self.cache, self.settings.customer, request, held)?;
        Ok(match decision {
            // RFC 5213 §5.4.1.2 (4): a new session may also be made without waiting.
            Decision::Wait(slot) if !self.can_wait(slot) => Decision::New,
            decision => decision,
        })
    }

    /// The network that the node's profile names, by RFC 5213 §5.3.1 (7) and (8).
    pub(crate) fn network_of(&self, request: &Request<'_>) -> Result<NetworkId, Denial> {
        let profile = self.profile(request)?;
        service::authorize(profile, request)?;
        let name = profile.network.as_deref().ok_or(Denial::ServiceDisabled)?;
        self.networks.id(name).ok_or(Denial::ServiceDisabled)
    }

    /// RFC 4285 §5.1.1 and §5.3. Whoever has no key for a sender that uses one, and whoever gets
    /// nothing from a sender that must, says nothing.
    pub(crate) fn authenticate(
        &self,
        request: &Request<'_>,
        peer: Option<PeerIndex>,
    ) -> Result<(), Rejection> {
        let authentication = self.protection(request, peer);
        match (authentication, verdict(authentication, request)) {
            (None, AuthVerdict::Missing) | (Some(_), AuthVerdict::Valid) => Ok(()),
            (None, _) | (Some(_), AuthVerdict::Missing) => Err(Discard::NotAuthenticated.into()),
            (Some(_), AuthVerdict::UnknownSpi(_)) => Err(Denial::UnknownSpi.into()),
            (Some(_), AuthVerdict::Wrong) => Err(Denial::AuthenticationFailed.into()),
        }
    }

    /// How an update and its answer are protected: as the profile of the node says, since a
    /// gateway that may register it has its key, else as is agreed with the gateway.
    pub(crate) fn protection(
        &self,
        request: &Request<'_>,
        peer: Option<PeerIndex>,
    ) -> Option<&Authentication> {
        let profile = self.settings.configured_profile(request.nai());
        let own = profile.and_then(|profile| profile.authentication.as_deref());
        own.or(self.peers.policy(peer).authentication.as_ref())
    }

    /// Only proxy registrations are served, and each option that may occur once does.
    fn check_kind(&self, request: &Request<'_>) -> Result<(), Denial> {
        if !request.is_proxy() {
            if !request.update.flags.contains(BuFlags::H) {
                return Err(Denial::HomeBitNotSet);
            }
            // RFC 6275 §9.5.1: a registration keeps its type.
            let key = request.node(self.settings.customer);
            return Err(match key.is_some_and(|key| self.cache.of_node(key).next().is_some()) {
                true => Denial::RegistrationTypeChange,
                // §10.3.2: no entry here is marked as a home registration.
                false if request.is_deregistration() => Denial::HomeDeregistration,
                false => Denial::HomeRegistration, // §10.3.1
            });
        }
        if request.has_repeated { Err(Denial::BadRequest) } else { Ok(()) }
    }

    /// The node's own profile, its realm's, what AAA has said, or the default one. A session that
    /// was begun before AAA was in use goes on as it was.
    fn profile<'r>(&'r self, request: &Request<'r>) -> Result<&'r Profile, Unknown> {
        let settings = &self.settings;
        if let Some(own) = settings.configured_profile(request.nai()) {
            return Ok(own);
        }
        let default = settings.default_profile.as_ref().ok_or(Unknown::ToAll);
        if !settings.aaa {
            return default;
        }
        if let Some(authorized) = self.authorized(request) {
            return Ok(&authorized.profile);
        }
        let mut sessions =
            request.node(settings.customer).into_iter().flat_map(|key| self.cache.of_node(key));
        match request.nai() {
            _ if sessions.next().is_some() => default,
            Some(_) => Err(Unknown::ToAaa),
            // AAA knows nodes by network access identifiers.
            None => Err(Unknown::ToAll),
        }
    }

    /// RFC 5213 §5.5. An update is compared with the session it is about, if there is one; one
    /// without a time is ordered by its sequence number (RFC 6275 §9.5.1).
    pub(crate) fn check_order(
        &self,
        request: &Request<'_>,
        session: Option<&Binding>,
        now: Now,
    ) -> Result<(), Denial> {
        let (time, old, mismatch) = match (request.timestamp, request.message_id) {
            (Some(time), _) => (time, Denial::TimestampOld, Denial::TimestampMismatch),
            // RFC 4285 §6 has one status for both.
            (None, Some(ntp)) => {
                (from_ntp(ntp), Denial::MessageIdMismatch, Denial::MessageIdMismatch)
            }
            // RFC 4285 §6: the anchor's policy may ask for more than a sequence number, which
            // says nothing about an update of no session.
            (None, None) if self.settings.timestamp_required => {
                return Err(Denial::MessageIdRequired);
            }
            (None, None) => {
                let follows = |last: &Binding| request.update.sequence.is_after(last.sequence);
                return match session.is_none_or(follows) {
                    true => Ok(()),
                    false => Err(Denial::SequenceOutOfWindow),
                };
            }
        };
        // (8) before (9). A time equal to the last accepted one is a replay: "MUST be greater".
        if session.is_some_and(|session| time <= session.timestamp) {
            return Err(old);
        }
        let clock = Timestamp::from_system_time(now.wall);
        match self.settings.timestamp_window {
            Some(window) if time.abs_diff(clock) > window => Err(mismatch),
            _ => Ok(()),
        }
    }

    /// RFC 5213 §5.3.1 (10) to (12).
    pub(crate) fn check_options(&self, request: &Request<'_>) -> Result<(), Denial> {
        if !request.wants_ipv6() && !request.wants_ipv4() {
            return Err(Denial::MissingPrefix);
        }
        if request.handoff.is_none() {
            return Err(Denial::MissingHandoffIndicator);
        }
        if request.access_technology.is_none() {
            return Err(Denial::MissingAccessTechnology);
        }
        Ok(())
    }

    /// Whether a tunnel can end at the care-of address. One that is itself reached through a
    /// tunnel of this anchor would put its packets into tunnels again: two such sessions that lead
    /// to each other go round for ever, since every turn has a hop limit of its own (RFC 2473
    /// §4.1.3), and no Tunnel Encapsulation Limit is sent that would end it.
    pub(crate) fn check_tunnel_end(&self, request: &Request<'_>) -> Result<(), Denial> {
        let settings = &self.settings;
        let leads_into_tunnel = request.path.transport == settings.vrf
            && (self.networks.is_claimed(request.care_of)
                || settings.networks.values().any(|network| network.covers(request.care_of)));
        if leads_into_tunnel { Err(Denial::InvalidCareOf) } else { Ok(()) }
    }

    /// RFC 5844 §3.1.2.1: the families that the profile and the pools have.
    fn check_families(&self, request: &Request<'_>, network: NetworkId) -> Result<(), Denial> {
        let profile = self.profile(request)?;
        let pools = self.networks.pools(network);
        let has_ipv6 = profile.service.has_ipv6() && pools.is_some_and(|pools| pools.has_ipv6());
        if request.wants_ipv6() && !has_ipv6 {
            return Err(Denial::Ipv6NotAuthorized);
        }
        let has_ipv4 = profile.service.has_ipv4() && pools.is_some_and(|pools| pools.has_ipv4());
        if request.wants_ipv4() && !has_ipv4 {
            return Err(Denial::Ipv4NotAuthorized);
        }
        Ok(())
    }
}

/// RFC 5844 §3.1.2.1, RFC 8278 §4.3.
pub(crate) fn check_supported(request: &Request<'_>) -> Result<(), Denial> {
    if request.ipv4_count > 1 {
        return Err(Denial::MultipleIpv4);
    }
    if request.multipath.is_some() {
        return Err(Denial::MultipathNotSupported);
    }
    Ok(())
}

fn verdict(authentication: Option<&Authentication>, request: &Request<'_>) -> AuthVerdict {
    let care_of = care_of_address(&request.path, request.options);
    let home = authentication.map_or(care_of, |authentication| {
        home_address(authentication.home_address, care_of, request.options)
    });
    let key = authentication.map(|authentication| &authentication.key);
    auth::verify(request.bytes, |spi| key.filter(|key| key.spi() == spi), care_of, home)
}

/// Whether packets can be tunnelled to `address`: RFC 6275 §10.3.1 wants a unicast routable one.
/// One with a scope of a link would need that link, a loopback address is this host's own, and
/// one of IPv4 in the form of IPv6 is no destination of a packet.
fn is_care_of_address(address: IpAddr) -> bool {
    let routable = match address {
        IpAddr::V4(address) => !address.is_link_local() && !address.is_broadcast(),
        IpAddr::V6(address) => {
            !address.is_unicast_link_local() && address.to_ipv4_mapped().is_none()
        }
    };
    routable && !address.is_unspecified() && !address.is_multicast() && !address.is_loopback()
}
