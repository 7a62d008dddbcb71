//! Messages that are not updates: their protection, and what an anchor does not understand.

use std::net::Ipv6Addr;

use kedge_model::Datagram;
use kedge_wire::auth::{self, AuthVerdict};
use kedge_wire::registry::{BindingErrorStatus, MhType};
use kedge_wire::{BindingError, Encoder, OptionsRef};

use crate::answer::{care_of_address, home_address, seal};
use crate::event::Output;
use crate::peers::PeerIndex;
use crate::rejection::Discard;
use crate::{Lma, Now, dscp};

impl Lma {
    /// Whether a message that is neither an update nor an acknowledgement is protected as is
    /// agreed with its sender (RFC 5846 §6.2, RFC 5847 §6).
    pub(crate) fn check_protection(
        &self,
        d: Datagram<'_>,
        options: OptionsRef<'_>,
        peer: Option<PeerIndex>,
    ) -> Result<(), Discard> {
        let policy = self.peers.policy(peer);
        let Some(authentication) = policy.beyond_updates() else { return Ok(()) };
        let care_of = care_of_address(&d.path, options);
        let home = home_address(authentication.home_address, care_of, options);
        let key = &authentication.key;
        let key_for = |spi| (key.spi() == spi).then_some(key);
        match auth::verify(d.bytes, key_for, care_of, home) {
            AuthVerdict::Valid => Ok(()),
            _ => Err(Discard::NotAuthenticated),
        }
    }

    /// Answers an MH type it does not know with a Binding Error (RFC 6275 §9.2, §9.3.3). So it
    /// does over UDP: RFC 5844 §4.1.3.1 keeps the rules of RFC 5213 §5.3.1 (2), which are those of
    /// §9.2, and a gateway there learns by it, too, what not to send again (RFC 5847 §3, §4).
    pub(crate) fn handle_unknown(&mut self, d: Datagram<'_>, mh_type: MhType, now: Now) -> Discard {
        let peer = d.path.peer.ip();
        let is_unicast = !peer.is_multicast() && !peer.is_unspecified();
        if is_unicast && self.binding_errors.allows(now.mono) {
            let mut bytes = self.buffers.take();
            let status = BindingErrorStatus::UNRECOGNIZED_MH_TYPE;
            let home_address = Ipv6Addr::UNSPECIFIED;
            Encoder::new(&mut bytes, BindingError { status, home_address }).finish();
            seal(&mut bytes, &d.path, d.path.peer.ip(), None);
            let policy = self.peers.policy(self.peers.find(&d.path));
            let dscp = dscp::answer(policy.dscp, d.dscp);
            self.output.push_back(Output::Send { path: d.path, dscp, bytes });
            self.statistics.other_signalling.binding_errors_sent += 1;
        }
        Discard::UnknownType(mh_type.0)
    }
}
