//! Kedge's configuration language and operational commands: our tables for the engine of
//! `kedge-grammar`, and the typed [`Config`] that a text becomes.
//!
//! ```text
//!   text ── table + engine ──► tree ── read ──► Config ── check ──► Config, warnings
//!                               ▲                  │
//!   text ◄────── engine ────────┴───── write ──────┘
//! ```
//!
//! The language is that of the vendors' documents: IOS XR's for the anchor, IOS XE's for the
//! gateway, and a few words of our own for what a Linux host adds. `docs/config/` is generated
//! from the table. A [`Config`] is plain data; what may be left out in the text and has a default
//! is not optional in it.
//!
//! The crate is pure and no text makes it panic.

mod access_list;
mod candidate;
mod change;
mod check;
mod command;
mod customer;
mod domain;
mod dynamic_author;
mod error;
mod gateway_link;
mod hybrid;
mod inspect;
mod json;
mod key;
mod key_file;
mod keyword;
mod lma;
mod local_pool;
mod logical;
mod mag;
mod management;
mod map;
mod network;
mod peer_lma;
mod pipe;
mod radius;
mod resequence;
mod session;
mod shared;
mod table;
mod tunnel;

pub use access_list::{
    AccessEntry, AccessList, Action, AddressMatch, CodePoints, Family, IcmpMatch, PortMatch, Remark,
};
pub use candidate::Candidate;
pub use change::{Change, Object, What, changes, commands, compare};
pub use command::{
    BindingFilter, Command, CommandError, DebugTarget, Extent, Request, Role, complete,
    parse_command, split_pipes,
};
pub use customer::{Customer, LocalLoop, MnpMaximum, PerFamily, Transport};
pub use domain::{DomainConfig, DomainMember, NaiConfig, Service};
pub use dynamic_author::{DynamicAuthor, DynamicClient};
pub use error::{Caution, ConfigError, ConfigFault, Warning, listed};
pub use gateway_link::{AccessInterface, AccessTechnology, EgressTechnology, RoamingInterface};
pub use hybrid::{BandwidthRatio, HybridAccess, Probe, Threshold, TrafficProfile};
pub use inspect::render_section;
pub use json::{JsonMistake, from_json, json_schema, to_json};
pub use kedge_grammar::{Hint, Place, Secret, SyntaxFault, Takes, near_names, without_prompt};
pub use lma::{Accounting, LmaConfig, MobileNetworkCheck, PeerMag, Redistribute};
pub use local_pool::{LocalIpv4Pool, LocalIpv6Pool, LocalPools};
pub use logical::{DefaultRoute, GatewayLocalLoop, LogicalMn, MobileNetwork, ReverseRoute};
pub use mag::{BindingTimes, DetachPoll, LocalRouting, MagConfig, MagRole, MobileNode, NatSide};
pub use management::ManagementApi;
pub use map::{LinkChoice, MapEntry};
pub use network::{Ipv4Pool, Ipv6Pool, MobileIpv4Pool, MobileIpv6Pool, NamedPool, NetworkConfig};
pub use peer_lma::PeerLma;
pub use pipe::{Pattern, Pipe};
pub use radius::{RadiusConfig, RadiusServer, RadiusTls};
pub use session::{
    CommitKind, SessionCommand, Which, complete_session, may_be_about_session,
    parse_session_command,
};
pub use shared::{
    AuthHomeAddress, AuthOption, Dscp, Encap, Heartbeat, LabelHeartbeat, ReplayWindow,
    RevocationTimes,
};
pub use tunnel::{TunnelDscp, TunnelPolicy};

use kedge_grammar::{Args, Datum, Item, Keys, Notes, Reading, Section, SyntaxRemark, Writer};

use crate::check::Findings;
use crate::key::Key;

/// Everything that a configuration says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// Routing worlds.
    pub vrfs: Vec<VrfConfig>,
    /// Management from other hosts, if it is wanted.
    pub management_api: Option<ManagementApi>,
    /// RADIUS: the servers, and what they are for.
    pub radius: RadiusConfig,
    /// Access lists.
    pub access_lists: Vec<AccessList>,
    /// Pools that networks name.
    pub local_pools: LocalPools,
    /// Domains.
    pub domains: Vec<DomainConfig>,
    /// The anchor, if this host is one.
    pub lma: Option<LmaConfig>,
    /// The gateway, if this host is one.
    pub mag: Option<MagConfig>,
}

/// A routing world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VrfConfig {
    /// Its name in the configuration.
    pub name: String,
    /// The network namespace it is.
    pub netns: Option<String>,
    /// The Linux VRF device it is.
    pub device: Option<String>,
}

/// Reads a configuration. `origin` names the text in messages, as its file name.
///
/// All errors of the text are returned, in the order of its lines.
pub fn parse(text: &str, origin: &str) -> Result<(Config, Vec<Warning>), Vec<ConfigError>> {
    let Reading { items, faults, remarks } = kedge_grammar::read(&table::GLOBAL, text, origin);
    checked(items, Notes { faults, remarks })
}

/// The configuration that these lines are, if they fit together.
fn checked(
    items: Vec<Item<Key>>,
    notes: Notes,
) -> Result<(Config, Vec<Warning>), Vec<ConfigError>> {
    let section = Section::new(&table::GLOBAL, &items);
    let config = Config::read(section);
    let Findings { mut errors, warnings: mut cautions } = check::check(&config, section);
    // With lines that could not be read, something may only seem to be missing.
    errors.retain(|error| !notes.faults.iter().any(|(place, _)| error.may_come_of(place)));
    let syntax = |(place, fault)| ConfigError { place, fault: ConfigFault::Syntax(fault) };
    errors.extend(notes.faults.into_iter().map(syntax));
    errors.sort_by_key(|error| error.place.nth);
    if !errors.is_empty() {
        return Err(errors);
    }
    cautions.extend(warnings(notes.remarks));
    cautions.sort_by_key(|warning| warning.place.nth);
    Ok((config, cautions))
}

fn warnings(remarks: Vec<(Place, SyntaxRemark)>) -> Vec<Warning> {
    let warning = |(place, remark)| Warning { place, caution: Caution::Syntax(remark) };
    remarks.into_iter().map(warning).collect()
}

/// Writes a configuration, the way `show running-config` shows it. It reads as the same
/// configuration. Keys are obfuscated in it, which is not encryption ([`Secret::obfuscate`]); a
/// remark in the first line says so when there are any.
pub fn render(config: &Config) -> String {
    let text = kedge_grammar::render(&config.write(), Keys::Obfuscated);
    match text.contains(" key 7 ") {
        true => format!("{OBFUSCATED}{text}"),
        false => text,
    }
}

/// Writes a configuration with stars in the place of its keys, to be sent to others.
pub fn render_masked(config: &Config) -> String {
    kedge_grammar::render(&config.write(), Keys::Starred)
}

const OBFUSCATED: &str =
    "! keys behind '7' are obfuscated, not encrypted: treat this text as you treat the keys\n";

/// The pages of `docs/config/`: file name and Markdown text.
pub fn document() -> Vec<(String, String)> {
    let pages = kedge_grammar::document(&table::GLOBAL);
    let mut index = include_str!("language.md").to_owned();
    for (file, text) in &pages {
        let help = text.lines().nth(2).unwrap_or_default();
        index.push_str(&format!("- [{}]({file}): {help}\n", file.trim_end_matches(".md")));
    }
    [("README.md".to_owned(), index)].into_iter().chain(pages).collect()
}

impl Config {
    /// The domain of that name.
    pub fn domain(&self, name: &str) -> Option<&DomainConfig> {
        self.domains.iter().find(|domain| domain.name == name)
    }

    fn read(section: Section<'_, Key>) -> Self {
        let vrf = |item: &Item<Key>| VrfConfig {
            name: shared::name(&item.args, "NAME"),
            netns: item.section().text(Key::VrfNetns),
            device: item.section().text(Key::VrfDevice),
        };
        Self {
            vrfs: section.each(Key::Vrf).map(vrf).collect(),
            management_api: section.find(Key::ManagementApi).map(ManagementApi::read),
            radius: RadiusConfig::read(section),
            access_lists: section
                .each(Key::AccessList)
                .chain(section.each(Key::AccessListIpv6))
                .map(AccessList::read)
                .collect(),
            local_pools: LocalPools::read(section),
            domains: section.each(Key::Domain).map(DomainConfig::read).collect(),
            lma: section.find(Key::Lma).map(LmaConfig::read),
            mag: section.find(Key::Mag).map(MagConfig::read),
        }
    }

    fn write(&self) -> Vec<Item<Key>> {
        let mut writer = Writer::new(&table::GLOBAL);
        for vrf in &self.vrfs {
            let name = Args::default().with("NAME", Datum::Text(vrf.name.clone()));
            writer.block(Key::Vrf, name, |writer| {
                writer.text(Key::VrfNetns, vrf.netns.as_deref());
                writer.text(Key::VrfDevice, vrf.device.as_deref());
            });
        }
        self.management_api.iter().for_each(|api| api.write(&mut writer));
        self.radius.write(&mut writer);
        self.access_lists.iter().for_each(|list| list.write(&mut writer));
        self.local_pools.write(&mut writer);
        self.domains.iter().for_each(|domain| domain.write(&mut writer));
        self.lma.iter().for_each(|lma| lma.write(&mut writer));
        self.mag.iter().for_each(|mag| mag.write(&mut writer));
        writer.finish()
    }
}
