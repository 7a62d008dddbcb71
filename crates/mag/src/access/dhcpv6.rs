//! The DHCPv6 server of one node's home link (RFC 8415 §18.3): it delegates prefixes, and assigns
//! no addresses, which nodes make themselves from the prefixes advertised to them.
//!
//! It keeps nothing. What it delegates is what the anchor said, its lifetimes are what is left of
//! the binding, and which identity association a prefix is in is what the router says: a prefix
//! of the grant that no association of a message names goes to the first one. A gateway that has
//! never heard of a router before answers its Renew or Rebind like the one before it, all the
//! more as every gateway has the same server identifier, made from the one link-layer address of
//! all gateways (RFC 6543).

use std::net::Ipv6Addr;

use kedge_access_wire::Ipv6Header;
use kedge_access_wire::dhcpv6::{
    self, ALL_SERVERS, DhcpOption, IaPrefix, Identity, Message, MessageType, StatusCode,
};
use kedge_access_wire::icmpv6::Route;
use kedge_model::{BindingId, Ipv6Net, MacAddr};
use kedge_sansio::Now;

use super::{GATEWAY_LINK_LOCAL, delegation};
use crate::entry::State;
use crate::pending::Waiting;
use crate::{Mag, Output};

/// DUID-LL (RFC 8415 §11.4): type 3, hardware type 1, 00-00-5E-00-52-13.
const SERVER_DUID: [u8; 10] = {
    let MacAddr([a, b, c, d, e, f]) = MacAddr::PMIPV6_GATEWAY;
    [0, 3, 0, 1, a, b, c, d, e, f]
};

/// How many identity associations of one message are answered: the answer has to fit into a
/// packet, and a router has one.
const MAX_ASSOCIATIONS: usize = 8;

/// There is no other server: a client need not wait for a better offer (RFC 8415 §18.2.1).
const HIGHEST_PREFERENCE: u8 = 255;

/// What a router is told about its prefixes.
struct Leases<'a> {
    /// All that are delegated to it.
    prefixes: &'a [Ipv6Net],
    /// Those that no association of its message names.
    unclaimed: Vec<Ipv6Net>,
    /// In seconds.
    lifetime: u32,
}

impl Mag {
    pub(super) fn handle_dhcpv6(
        &mut self,
        id: BindingId,
        ip: Ipv6Header,
        message: Box<Message>,
        is_new: bool,
        now: Now,
    ) {
        self.note_ipv6(id, ip.source);
        // §18.2: a client speaks from the link-local address of its interface.
        if !ip.source.is_unicast_link_local() || !is_valid(&message) {
            self.stats.dhcpv6.discarded += 1;
            return;
        }
        let kind = message.message_type;
        let client = ip.source;
        if ip.destination != ALL_SERVERS {
            // §18.4: this server never allows unicast.
            let is_told = matches!(
                kind,
                MessageType::REQUEST
                    | MessageType::RENEW
                    | MessageType::RELEASE
                    | MessageType::DECLINE
            );
            if !is_told {
                self.stats.dhcpv6.discarded += 1;
                return;
            }
            self.stats.dhcpv6.received(kind);
            let status = status(StatusCode::USE_MULTICAST, "send to ff02::1:2");
            self.send_dhcpv6(id, client, reply_to(&message, MessageType::REPLY, vec![status]));
            return;
        }
        self.stats.dhcpv6.received(kind);
        // §18.2.12: so does a client whose link has come up.
        let came_up =
            matches!(kind, MessageType::SOLICIT | MessageType::CONFIRM | MessageType::REBIND);
        if came_up && !is_new {
            self.reassert(id, now);
        }
        match kind {
            MessageType::RELEASE => self.answer_release(id, &message, client, now),
            MessageType::DECLINE => self.answer_decline(id, &message, client),
            MessageType::INFORMATION_REQUEST => {
                self.send_dhcpv6(id, client, reply_to(&message, MessageType::REPLY, Vec::new()));
            }
            _ => self.answer_dhcpv6_or_wait(id, message, client, now),
        }
    }

    /// The anchor has decided: answers the message that waited for it.
    pub(crate) fn answer_waiting_dhcpv6(&mut self, id: BindingId, now: Now) {
        let waiting = self.list.get_mut(id).and_then(|entry| entry.dhcpv6.take());
        if let Some(Waiting { message, client }) = waiting {
            self.answer_dhcpv6(id, &message, client, now);
        }
    }

    fn answer_dhcpv6_or_wait(
        &mut self,
        id: BindingId,
        message: Box<Message>,
        client: Ipv6Addr,
        now: Now,
    ) {
        let Some(entry) = self.list.get(id) else { return };
        let waits = match &entry.state {
            State::Registering { .. } => true,
            State::Active { grant, .. } => {
                let lacks = wants_prefixes(&message) && grant.delegated.is_empty();
                lacks && self.ask_for_prefixes(id, now)
            }
            State::Refused { .. } | State::Deregistering { .. } => false,
        };
        match self.list.get_mut(id) {
            Some(entry) if waits => entry.dhcpv6 = Some(Waiting { message, client }),
            _ => self.answer_dhcpv6(id, &message, client, now),
        }
    }

    /// Answers by what the anchor has granted. Without a grant there is nothing to give, which
    /// RFC 7148 §5.1.3.1 wants said.
    fn answer_dhcpv6(&mut self, id: BindingId, message: &Message, client: Ipv6Addr, now: Now) {
        let Some(entry) = self.list.get(id) else { return };
        let grant = entry.grant();
        if message.message_type == MessageType::CONFIRM {
            let prefixes = grant.map_or(&[][..], |grant| &grant.prefixes);
            return match confirmation(message, prefixes) {
                Some(status) => {
                    let reply = reply_to(message, MessageType::REPLY, vec![status]);
                    self.send_dhcpv6(id, client, reply);
                }
                // §18.3.3: without addresses there is nothing to confirm.
                None => self.stats.dhcpv6.discarded += 1,
            };
        }
        let delegated = grant.map_or(&[][..], |grant| &grant.delegated).iter();
        let prefixes: Vec<Ipv6Net> = delegated.copied().filter_map(delegation::ipv6).collect();
        let left = grant.map_or(0, |g| g.expires.saturating_duration_since(now.mono).as_secs());
        let named: Vec<Ipv6Net> = associations(message).flat_map(named_prefixes).collect();
        let unclaimed = prefixes.iter().copied().filter(|p| !named.contains(p)).collect();
        let lifetime = u32::try_from(left).unwrap_or(u32::MAX);
        let mut leases = Leases { prefixes: &prefixes, unclaimed, lifetime };
        let kind = message.message_type;
        let answers = associations(message)
            .map(|association| match association {
                DhcpOption::IaPd(identity) => leases.answer(identity, kind),
                addresses => without_addresses(addresses, kind),
            })
            .collect();
        let is_committed =
            message.options.contains(&DhcpOption::RapidCommit) && !prefixes.is_empty();
        let mut reply = match kind {
            MessageType::SOLICIT if !is_committed => {
                let mut reply = reply_to(message, MessageType::ADVERTISE, answers);
                reply.options.push(DhcpOption::Preference(HIGHEST_PREFERENCE));
                reply
            }
            _ => reply_to(message, MessageType::REPLY, answers),
        };
        if kind == MessageType::SOLICIT && is_committed {
            reply.options.push(DhcpOption::RapidCommit);
        }
        self.send_dhcpv6(id, client, reply);
    }

    /// §18.3.7: what is released is gone at once; what was never there is said to be nothing.
    fn answer_release(&mut self, id: BindingId, message: &Message, client: Ipv6Addr, now: Now) {
        let named: Vec<Ipv6Net> = associations(message).flat_map(named_prefixes).collect();
        let released = self.release_delegated(id, &named, now);
        let mut answers = vec![status(StatusCode::SUCCESS, "released")];
        let unknown = associations(message)
            .filter(|association| !named_prefixes(association).any(|p| released.contains(&p)));
        answers.extend(unknown.map(without_binding));
        self.send_dhcpv6(id, client, reply_to(message, MessageType::REPLY, answers));
    }

    /// §18.3.8: addresses are declined, and this server gives none.
    fn answer_decline(&mut self, id: BindingId, message: &Message, client: Ipv6Addr) {
        let mut answers = vec![status(StatusCode::SUCCESS, "")];
        answers.extend(associations(message).map(without_binding));
        self.send_dhcpv6(id, client, reply_to(message, MessageType::REPLY, answers));
    }

    fn send_dhcpv6(&mut self, id: BindingId, client: Ipv6Addr, reply: Message) {
        let Some(entry) = self.list.get(id) else { return };
        let Some(destination_mac) = entry.mac else { return };
        let interface = entry.interface;
        let route = Route {
            source_mac: MacAddr::PMIPV6_GATEWAY,
            destination_mac,
            source: GATEWAY_LINK_LOCAL,
            destination: client,
        };
        let mut bytes = self.buffers.take();
        dhcpv6::encode_frame(&route, &reply, &mut bytes);
        match reply.message_type {
            MessageType::ADVERTISE => self.stats.dhcpv6.advertise += 1,
            _ => self.stats.dhcpv6.reply += 1,
        }
        self.out.push_back(Output::Frame { interface, bytes });
    }
}

impl Leases<'_> {
    /// One association of delegated prefixes. A Renew or Rebind is told which of its prefixes are
    /// not its any more, by lifetimes of zero (§18.3.4, §18.3.5).
    fn answer(&mut self, asked: &Identity, kind: MessageType) -> DhcpOption {
        let extends = matches!(kind, MessageType::RENEW | MessageType::REBIND);
        let (ours, gone): (Vec<Ipv6Net>, Vec<Ipv6Net>) =
            asked.prefixes().map(|p| p.prefix).partition(|p| self.prefixes.contains(p));
        let leases: Vec<Ipv6Net> = ours.into_iter().chain(self.unclaimed.drain(..)).collect();
        let lifetime = if leases.is_empty() { 0 } else { self.lifetime };
        let mut options: Vec<DhcpOption> = leases.iter().map(|p| lease(*p, lifetime)).collect();
        if extends {
            options
                .extend(gone.iter().filter(|p| !p.addr().is_unspecified()).map(|p| lease(*p, 0)));
        }
        if options.is_empty() {
            options.push(match extends {
                true => status(StatusCode::NO_BINDING, "no such prefixes"),
                false => status(StatusCode::NO_PREFIX_AVAIL, "no prefix for this router"),
            });
        }
        // §14.2: half of the shortest preferred lifetime, and four fifths of it.
        let t2 = (u64::from(lifetime) * 4 / 5) as u32;
        DhcpOption::IaPd(Identity { iaid: asked.iaid, t1: lifetime / 2, t2, options })
    }
}

/// RFC 8415 §16: a message that a server is to discard is not valid.
fn is_valid(message: &Message) -> bool {
    let has_client = message.client_id().is_some();
    let server = message.server_id();
    let is_ours = server == Some(&SERVER_DUID[..]);
    match message.message_type {
        MessageType::SOLICIT | MessageType::CONFIRM | MessageType::REBIND => {
            has_client && server.is_none()
        }
        MessageType::REQUEST | MessageType::RENEW | MessageType::RELEASE | MessageType::DECLINE => {
            has_client && is_ours
        }
        MessageType::INFORMATION_REQUEST => {
            (is_ours || server.is_none()) && associations(message).next().is_none()
        }
        _ => false,
    }
}

/// Whether a message asks for delegated prefixes.
fn wants_prefixes(message: &Message) -> bool {
    message.message_type != MessageType::CONFIRM
        && associations(message).any(|association| matches!(association, DhcpOption::IaPd(_)))
}

fn associations(message: &Message) -> impl Iterator<Item = &DhcpOption> {
    let is_association = |option: &&DhcpOption| {
        matches!(option, DhcpOption::IaNa(_) | DhcpOption::IaTa { .. } | DhcpOption::IaPd(_))
    };
    message.options.iter().filter(is_association).take(MAX_ASSOCIATIONS)
}

fn named_prefixes(association: &DhcpOption) -> impl Iterator<Item = Ipv6Net> {
    let identity = match association {
        DhcpOption::IaPd(identity) => Some(identity),
        _ => None,
    };
    identity.into_iter().flat_map(|identity| identity.prefixes().map(|p| p.prefix))
}

fn named_addresses(association: &DhcpOption) -> impl Iterator<Item = Ipv6Addr> {
    let options = match association {
        DhcpOption::IaNa(Identity { options, .. }) | DhcpOption::IaTa { options, .. } => options,
        _ => &[][..],
    };
    options.iter().filter_map(|option| match option {
        DhcpOption::IaAddress { address, .. } => Some(*address),
        _ => None,
    })
}

/// Whether the addresses of a Confirm are of this link (RFC 8415 §18.3.3).
fn confirmation(message: &Message, prefixes: &[Ipv6Net]) -> Option<DhcpOption> {
    let mut addresses = associations(message).flat_map(named_addresses).peekable();
    addresses.peek()?;
    let is_here = |address: Ipv6Addr| prefixes.iter().any(|prefix| prefix.contains(&address));
    Some(match addresses.all(is_here) {
        true => status(StatusCode::SUCCESS, ""),
        false => status(StatusCode::NOT_ON_LINK, "not an address of this link"),
    })
}

/// An association of addresses, of which there are none.
fn without_addresses(association: &DhcpOption, kind: MessageType) -> DhcpOption {
    if !matches!(kind, MessageType::RENEW | MessageType::REBIND) {
        return empty(association, status(StatusCode::NO_ADDRS_AVAIL, "use autoconfiguration"));
    }
    without_binding(association)
}

fn without_binding(association: &DhcpOption) -> DhcpOption {
    empty(association, status(StatusCode::NO_BINDING, ""))
}

/// An association of the same kind and number with nothing but a status in it.
fn empty(association: &DhcpOption, status: DhcpOption) -> DhcpOption {
    let identity = |iaid| Identity { iaid, t1: 0, t2: 0, options: vec![status.clone()] };
    match association {
        DhcpOption::IaPd(asked) => DhcpOption::IaPd(identity(asked.iaid)),
        DhcpOption::IaNa(asked) => DhcpOption::IaNa(identity(asked.iaid)),
        DhcpOption::IaTa { iaid, .. } => DhcpOption::IaTa { iaid: *iaid, options: vec![status] },
        other => other.clone(),
    }
}

fn lease(prefix: Ipv6Net, lifetime: u32) -> DhcpOption {
    DhcpOption::IaPrefix(IaPrefix {
        prefix,
        preferred_lifetime: lifetime,
        valid_lifetime: lifetime,
        options: Vec::new(),
    })
}

fn status(code: StatusCode, text: &str) -> DhcpOption {
    DhcpOption::Status(code, text.to_owned())
}

/// §18.3.10: both identifiers, then what there is to say.
fn reply_to(request: &Message, message_type: MessageType, answers: Vec<DhcpOption>) -> Message {
    let client = request.client_id().map(|duid| DhcpOption::ClientId(duid.to_vec()));
    let server = DhcpOption::ServerId(SERVER_DUID.to_vec());
    let options = client.into_iter().chain([server]).chain(answers).collect();
    Message { message_type, transaction: request.transaction, options }
}
