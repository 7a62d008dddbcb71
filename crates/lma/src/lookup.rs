//! Which session an update is about: the Binding Cache entry existence test of RFC 5213 §5.4.1,
//! with the IPv4 home address as a key of its own (RFC 5844 §3.1.2.7).

use kedge_model::CustomerId;
use kedge_wire::registry::HandoffIndicatorValue as Handoff;

use crate::binding::{Binding, State};
use crate::cache::{Cache, Slot};
use crate::networks::Held;
use crate::rejection::Denial;
use crate::request::Request;

/// What an update is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decision {
    /// A new session.
    New,
    /// This session.
    Update(Slot),
    /// This session once its gateway de-registers it; a new one if that takes too long.
    Wait(Slot),
    /// Nothing: a de-registration that no session can be associated with.
    Ignore,
}

/// Applies the rules in their order. `held` says what nodes hold of the node's network, if it has
/// one.
pub(crate) fn find(
    cache: &Cache,
    customer: CustomerId,
    request: &Request<'_>,
    held: Option<Held<'_>>,
) -> Result<Decision, Denial> {
    let Some(key) = request.node(customer) else { return Ok(new_session(request)) };
    among(cache.of_node(key), request, held)
}

/// Whether an update is about this session of its node, were there no other.
pub(crate) fn is_about(session: &Binding, request: &Request<'_>) -> bool {
    let place = Slot(0);
    let found = among(std::iter::once((place, session)), request, None);
    found == Ok(Decision::Update(place))
}

/// Which of the sessions of its node an update is about.
fn among<'c>(
    sessions: impl Iterator<Item = (Slot, &'c Binding)> + Clone,
    request: &Request<'_>,
    held: Option<Held<'_>>,
) -> Result<Decision, Denial> {
    if request.prefixes().next().is_some() {
        by_prefix(sessions, request, held)
    } else if request.ipv4_address().is_some() {
        by_ipv4(sessions, request, held)
    } else if request.link_layer_id.is_some() {
        Ok(by_link_layer_id(sessions, request))
    } else {
        Ok(by_node(sessions, request))
    }
}

/// RFC 5213 §5.4.1.1: a home network prefix is the key.
fn by_prefix<'c>(
    sessions: impl Iterator<Item = (Slot, &'c Binding)>,
    request: &Request<'_>,
    held: Option<Held<'_>>,
) -> Result<Decision, Denial> {
    let has_one = |binding: &Binding| {
        request.prefixes().flatten().any(|wanted| binding.addresses.prefixes.contains(wanted))
    };
    let Some((slot, binding)) = { sessions }.find(|(_, binding)| has_one(binding)) else {
        // (3): held, and not by this node.
        if request.prefixes().flatten().any(|p| held.is_some_and(|held| held.has_prefix(p))) {
            return Err(Denial::PrefixNotAuthorized);
        }
        return Ok(new_session(request)); // (2)
    };
    // (4): the same prefixes, and as many of them.
    let held = &binding.addresses.prefixes;
    let all_held = request.prefixes().all(|p| p.is_some_and(|p| held.contains(p)));
    let all_wanted =
        held.upper_halves().all(|p| request.prefixes().any(|wanted| wanted == Some(p)));
    if !all_held || !all_wanted || request.prefix_count != held.len() {
        return Err(Denial::PrefixSetMismatch);
    }
    Ok(if is_update(binding, request) { Decision::Update(slot) } else { new_session(request) })
}

/// RFC 5844 §3.1.2.7: §5.4.1.1 with one IPv4 home address in the place of the prefixes.
fn by_ipv4<'c>(
    mut sessions: impl Iterator<Item = (Slot, &'c Binding)>,
    request: &Request<'_>,
    held: Option<Held<'_>>,
) -> Result<Decision, Denial> {
    let wanted = request.ipv4_address();
    let has_it = |b: &Binding| b.addresses.ipv4.map(|home| home.address) == wanted;
    let Some((slot, binding)) = sessions.find(|(_, binding)| has_it(binding)) else {
        if wanted.is_some_and(|address| held.is_some_and(|held| held.has_ipv4(address))) {
            return Err(Denial::Ipv4AddressNotAuthorized);
        }
        return Ok(new_session(request));
    };
    Ok(if is_update(binding, request) { Decision::Update(slot) } else { new_session(request) })
}

/// RFC 5213 §5.4.1.1 (5): what makes an update of a session whose addresses match. Any one of
/// the conditions does.
fn is_update(binding: &Binding, request: &Request<'_>) -> bool {
    let same_technology = Some(binding.access_technology) == request.access_technology;
    let same_interface = binding.has_link_layer_id(request.link_layer_id);
    (request.link_layer_id.is_some() && same_interface && same_technology)
        || request.handoff == Some(Handoff::BETWEEN_INTERFACES)
        || (request.link_layer_id.is_none()
            && same_interface
            && same_technology
            && request.handoff == Some(Handoff::BETWEEN_GATEWAYS))
        || (binding.is_at_sender_of(request) && same_technology)
}

/// RFC 5213 §5.4.1.2: node, access technology and link-layer identifier are the key.
fn by_link_layer_id<'c>(
    mut sessions: impl Iterator<Item = (Slot, &'c Binding)> + Clone,
    request: &Request<'_>,
) -> Decision {
    let matching = sessions.clone().filter(|(_, binding)| {
        Some(binding.access_technology) == request.access_technology
            && binding.has_link_layer_id(request.link_layer_id)
    });
    // Of several the sender's own, else the latest:
    // docs/decisions/one-of-two-sessions-of-an-interface.md.
    let mut own = matching.clone().filter(|(_, binding)| binding.is_at_sender_of(request));
    if let Some((slot, _)) = own.next().or_else(|| matching.clone().next()) {
        return Decision::Update(slot); // (2)
    }
    match (sessions.next(), sessions.next()) {
        (Some((slot, binding)), None) => match request.handoff {
            Some(Handoff::BETWEEN_INTERFACES) => Decision::Update(slot), // (3)
            Some(Handoff::UNKNOWN) => wait(slot, binding, request),      // (4)
            _ => new_session(request),
        },
        _ => new_session(request), // (5)
    }
}

/// RFC 5213 §5.4.1.3: the node alone is the key.
fn by_node<'c>(
    mut sessions: impl Iterator<Item = (Slot, &'c Binding)>,
    request: &Request<'_>,
) -> Decision {
    match (sessions.next(), sessions.next()) {
        (Some((slot, binding)), None) => match request.handoff {
            Some(Handoff::BETWEEN_INTERFACES | Handoff::BETWEEN_GATEWAYS) => {
                Decision::Update(slot) // (2)
            }
            // (3). The gateway that serves the session does not wait for itself.
            Some(Handoff::UNKNOWN) if is_update(binding, request) => Decision::Update(slot),
            Some(Handoff::UNKNOWN) => wait(slot, binding, request),
            _ => new_session(request),
        },
        _ => new_session(request), // (4)
    }
}

/// The handoff state is unknown, and the node has one session.
fn wait(slot: Slot, binding: &Binding, request: &Request<'_>) -> Decision {
    if request.is_deregistration() {
        return Decision::Ignore; // §5.4.1.2 (5), §5.4.1.3 (4)
    }
    match binding.state {
        State::Active => Decision::Wait(slot),
        // One that is being taken back is no update's, which admission sees to.
        State::Lingering(_) | State::Unreachable | State::Revoking(_) => Decision::Update(slot),
    }
}

fn new_session(request: &Request<'_>) -> Decision {
    if request.is_deregistration() { Decision::Ignore } else { Decision::New }
}
