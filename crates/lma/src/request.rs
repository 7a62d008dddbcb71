//! A Proxy Binding Update with its options sorted out, still in the octets it came in.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use kedge_model::{CustomerId, Ipv4Net, Lifetime, MnId, SignalPath, Timestamp};
use kedge_wire::registry::{AccessTechnologyType, HandoffIndicatorValue};
use kedge_wire::{
    BindingUpdate, BuFlags, GreKeyOption, HomeNetworkPrefix, MagMultipathBinding, MnIdOption,
    MobilityOption, OptionsRef, ServiceSelection,
};

use crate::addresses::{Prefixes, upper_half};
use crate::ntp::from_ntp;
use crate::question::Authorized;
use crate::slot::NodeKey;

/// What a Binding Update asks for. Nothing in it is trusted or checked beyond its form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub path: SignalPath,
    pub dscp: u8,
    /// The whole message.
    pub bytes: &'a [u8],
    pub update: BindingUpdate,
    pub options: OptionsRef<'a>,
    /// `None` also for an identifier of no octets.
    pub mn_id: Option<MnIdOption<'a>>,
    pub handoff: Option<HandoffIndicatorValue>,
    pub access_technology: Option<AccessTechnologyType>,
    /// `None` also for an identifier of zeros, which identifies nothing (RFC 5213 §5.4.1.2).
    pub link_layer_id: Option<&'a [u8]>,
    pub link_local: Option<std::net::Ipv6Addr>,
    pub timestamp: Option<Timestamp>,
    /// The MESG-ID option (RFC 4285 §6).
    pub message_id: Option<u64>,
    pub gre_key: Option<GreKeyOption>,
    pub service: Option<ServiceSelection<'a>>,
    pub multipath: Option<MagMultipathBinding>,
    /// The address that the first IPv4 Home Address Request asks for; 0.0.0.0 is any. Its length
    /// is that of its subnet, zero if the gateway does not know it.
    pub ipv4: Option<Ipv4Net>,
    pub ipv4_count: usize,
    /// Home Network Prefix options, those that ask for any prefix included.
    pub prefix_count: usize,
    /// Delegated Mobile Network Prefix options (RFC 7148 §4.1).
    pub delegated_count: usize,
    /// The Proxy-CoA.
    pub care_of: IpAddr,
    /// What the gateway says its own address is (RFC 5555 §3.1.2).
    pub own_address: Option<Ipv4Addr>,
    /// The address that the gateway sent the update to (RFC 5949 §6.2.2).
    pub lma_address: Option<IpAddr>,
    /// Whether an option that may occur once occurs several times (RFC 5213 §8.1, errata 3140).
    pub has_repeated: bool,
    /// What AAA has said about the node, of an update that waited for that.
    pub authorized: Option<&'a Arc<Authorized>>,
}

impl<'a> Request<'a> {
    pub fn new(
        path: SignalPath,
        dscp: u8,
        bytes: &'a [u8],
        update: BindingUpdate,
        options: OptionsRef<'a>,
    ) -> Self {
        let mut request = Self {
            path,
            dscp,
            bytes,
            update,
            options,
            mn_id: None,
            handoff: None,
            access_technology: None,
            link_layer_id: None,
            link_local: None,
            timestamp: None,
            message_id: None,
            gre_key: None,
            service: None,
            multipath: None,
            ipv4: None,
            ipv4_count: 0,
            prefix_count: 0,
            delegated_count: 0,
            care_of: path.peer.ip(),
            own_address: None,
            lma_address: None,
            has_repeated: false,
            authorized: None,
        };
        for option in options {
            request.sort_in(option);
        }
        request.mn_id = request.mn_id.filter(|id| !id.identifier().is_empty());
        request.link_layer_id = request.link_layer_id.filter(|id| id.iter().any(|o| *o != 0));
        request
    }

    fn sort_in(&mut self, option: MobilityOption<'a>) {
        let repeated = &mut self.has_repeated;
        match option {
            MobilityOption::MnId(o) => once(&mut self.mn_id, o, repeated),
            MobilityOption::HandoffIndicator(o) => once(&mut self.handoff, o.0, repeated),
            MobilityOption::AccessTechnology(o) => {
                once(&mut self.access_technology, o.0, repeated);
            }
            MobilityOption::MnLinkLayerId(o) => {
                once(&mut self.link_layer_id, o.identifier(), repeated);
            }
            MobilityOption::LinkLocalAddress(o) => once(&mut self.link_local, o.0, repeated),
            MobilityOption::Timestamp(o) => once(&mut self.timestamp, o.0, repeated),
            MobilityOption::MessageId(o) => once(&mut self.message_id, o.0, repeated),
            MobilityOption::GreKey(o) => once(&mut self.gre_key, o, repeated),
            MobilityOption::ServiceSelection(o) => {
                once(&mut self.service, o, repeated);
            }
            MobilityOption::MagMultipathBinding(o) => once(&mut self.multipath, o, repeated),
            MobilityOption::Ipv4HomeAddressRequest(o) => {
                self.ipv4_count += 1;
                self.ipv4.get_or_insert(o.address);
            }
            MobilityOption::HomeNetworkPrefix(_) => self.prefix_count += 1,
            MobilityOption::DelegatedMobileNetworkPrefix(_) => self.delegated_count += 1,
            // An IPv6 address is no care-of address of an IPv4 transport (RFC 5844 §4.1.1).
            MobilityOption::AlternateCareOfAddress(o) if !self.path.is_udp() => {
                self.care_of = o.0.into();
            }
            MobilityOption::Ipv4CareOfAddress(o) if self.path.is_udp() => {
                once(&mut self.own_address, o.0, repeated);
            }
            MobilityOption::LmaAddress(o) if self.path.is_udp() => {
                once(&mut self.lma_address, o.0, repeated);
            }
            _ => {}
        }
    }

    /// Whether an address was changed on the way: the gateway's (RFC 5555 §4.2) or ours.
    pub fn is_translated(&self) -> bool {
        self.behind().is_some()
            || self.lma_address.is_some_and(|address| address != self.path.local.ip())
    }

    /// The gateway's own address, if that is not where its packets come from.
    pub fn behind(&self) -> Option<Ipv4Addr> {
        self.own_address.filter(|address| IpAddr::V4(*address) != self.path.peer.ip())
    }

    pub fn is_proxy(&self) -> bool {
        self.update.flags.contains(BuFlags::P)
    }

    pub fn is_deregistration(&self) -> bool {
        self.update.lifetime.is_zero()
    }

    /// Whether the gateway says that nothing has changed (RFC 5213 §6.9.1.3).
    pub fn is_reregistration(&self) -> bool {
        self.handoff == Some(HandoffIndicatorValue::NOT_CHANGED)
    }

    pub fn lifetime(&self) -> Lifetime {
        self.update.lifetime
    }

    pub fn node(&self, customer: CustomerId) -> Option<NodeKey<'a>> {
        Some(NodeKey::of_option(customer, self.mn_id?))
    }

    /// The node's network access identifier, if it has one.
    pub fn nai(&self) -> Option<&'a str> {
        let id = self.mn_id.filter(|id| id.subtype().0 == MnId::NAI)?;
        std::str::from_utf8(id.identifier()).ok()
    }

    /// When the update says it was sent, by whichever option says so.
    pub fn time(&self) -> Option<Timestamp> {
        self.timestamp.or_else(|| self.message_id.map(from_ntp))
    }

    pub fn wants_ipv6(&self) -> bool {
        self.prefix_count > 0
    }

    pub fn wants_ipv4(&self) -> bool {
        self.ipv4_count > 0
    }

    /// The IPv4 home address asked for, if it is a certain one.
    pub fn ipv4_address(&self) -> Option<Ipv4Addr> {
        self.ipv4.map(|asked| asked.addr()).filter(|address| !address.is_unspecified())
    }

    /// The prefixes asked for by name. One that cannot be a home network prefix of this anchor,
    /// because it is not a /64, is `None`.
    pub fn prefixes(&self) -> impl Iterator<Item = Option<u64>> + use<'a> {
        self.options
            .all::<HomeNetworkPrefix>()
            .filter(|o| !o.is_request())
            .map(|o| (o.prefix.prefix_len() == Prefixes::LEN).then(|| upper_half(o.prefix.addr())))
    }
}

fn once<T>(place: &mut Option<T>, value: T, repeated: &mut bool) {
    if place.is_some() {
        *repeated = true;
    } else {
        *place = Some(value);
    }
}
