//! What RADIUS servers ask of the anchor's sessions (RFC 5176): which they mean, and what becomes
//! of those.

use std::time::Duration;

use kedge_lma::{Binding, Change, Lma};
use kedge_model::{CustomerId, Ipv6Net, MnId};
use kedge_radius::{ErrorCause, PacketRef, Subject, Wanted};
use kedge_sansio::Now;
use kedge_wire::registry::RevocationTrigger;

use crate::aaa::{Accounting, Nas};
use crate::anchor::Anchor;

/// Does what a request asks of the anchor's sessions.
pub fn carry_out(
    anchor: Option<&mut Anchor>,
    request: &PacketRef<'_>,
    nas: &Nas,
    now: Now,
) -> Result<(), ErrorCause> {
    let nas =
        kedge_radius::Nas { identifier: nas.identifier.clone(), addresses: nas.addresses.clone() };
    let wanted = Wanted::read(request, &nas)?;
    let anchor = anchor.ok_or(ErrorCause::SESSION_CONTEXT_NOT_FOUND)?;
    let found: Vec<(CustomerId, MnId, _)> = {
        let accounting = anchor.accounting();
        let of_customer = wanted.subject.customer.as_deref();
        let all = anchor.customers().iter();
        all.filter(|(_, customer)| of_customer.is_none_or(|name| customer.name() == name))
            .flat_map(|(_, customer)| candidates(customer.lma(), &wanted.subject))
            .filter(|binding| is_meant(&wanted.subject, binding, accounting))
            .map(|binding| (binding.customer, binding.mn_id.clone(), binding.id))
            .collect()
    };
    if found.is_empty() {
        return Err(ErrorCause::SESSION_CONTEXT_NOT_FOUND);
    }
    // What two customers have in common, as a name or an address, says nothing of whose is meant.
    if found.iter().any(|(customer, ..)| *customer != found[0].0) {
        return Err(ErrorCause::MULTIPLE_SESSION_SELECTION_UNSUPPORTED);
    }
    let customers = anchor.customers_mut();
    let mut done = 0;
    if wanted.disconnect {
        let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
        for (customer, _, binding) in &found {
            let revoke = |lma: &mut Lma| lma.revoke_binding(*binding, trigger, now);
            done += usize::from(customers.with(*customer, revoke) == Some(true));
        }
    } else {
        let session = wanted.session_timeout.map(|s| Duration::from_secs(s.into()));
        let class = (!wanted.class.is_empty()).then_some(wanted.class);
        let change = Change { session, class };
        for (customer, mn_id, _) in &found {
            let change = |lma: &mut Lma| lma.change_authorization(*customer, mn_id, &change, now);
            done += customers.with(*customer, change).unwrap_or_default();
        }
    }
    anchor.settle();
    for (customer, mn_id, _) in &found {
        anchor.reauthorized(*customer, mn_id);
    }
    // Nodes that AAA has not been asked about are the configuration's.
    if done > 0 { Ok(()) } else { Err(ErrorCause::ADMINISTRATIVELY_PROHIBITED) }
}

/// The bindings of the named node, or all of them where none is named.
fn candidates<'l>(lma: &'l Lma, subject: &Subject) -> impl Iterator<Item = &'l Binding> + use<'l> {
    let node = subject.user.as_deref().map(MnId::nai);
    let named = node.clone().flatten();
    let of_node: Vec<&Binding> =
        named.map(|mn_id| lma.find(lma.settings().customer, &mn_id).collect()).unwrap_or_default();
    let all = node.is_none().then(|| lma.bindings()).into_iter().flatten();
    of_node.into_iter().chain(all)
}

/// Whether all that a request says is true of a binding (§3).
fn is_meant(subject: &Subject, binding: &Binding, accounting: Option<&Accounting>) -> bool {
    let Subject { customer: _, user: _, session, station, ipv4, prefix, chargeable_user } = subject;
    let id = || accounting.and_then(|accounting| accounting.session_of(binding.id));
    let home = binding.addresses.ipv4.map(|home| home.address);
    let whom = || binding.authorized.as_ref()?.profile.chargeable_user.as_ref();
    session.as_ref().is_none_or(|session| id().is_some_and(|id| id.text() == *session))
        && station.as_ref().is_none_or(|station| {
            binding.link_layer_id.as_ref().is_some_and(|id| id.to_string() == *station)
        })
        && ipv4.is_none_or(|address| home == Some(address))
        && prefix.is_none_or(|(prefix, len)| {
            let is_it = |held: Ipv6Net| (held.addr(), held.prefix_len()) == (prefix, len);
            binding.addresses.prefixes.iter().any(is_it)
        })
        && chargeable_user.as_ref().is_none_or(|user| whom() == Some(user))
}
