//! Mobile maps: which traffic goes over which links.

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::key::Key;
use crate::shared;

/// An entry of a mobile map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MapEntry {
    /// The map's name.
    pub map: String,
    /// The entry's place in it, 1 to 255: the entries are tried in this order.
    pub sequence: u8,
    /// The access list of the traffic that it is for.
    pub access_list: Option<String>,
    /// The links to use.
    pub links: Option<LinkChoice>,
    /// The traffic profile that a link must meet.
    pub profile: Option<String>,
    /// Flows are spread over the links.
    pub loadbalance: bool,
    /// What the don't-fragment bit of matched packets becomes.
    pub dont_fragment: Option<bool>,
}

/// Links in order of preference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkChoice {
    /// Their labels, at most three.
    pub labels: Vec<String>,
    /// Packets are dropped when none of the links is up; otherwise they are routed as usual.
    pub or_drop: bool,
}

const LINKS: [&str; 3] = ["LINK1", "LINK2", "LINK3"];

impl MapEntry {
    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let links = |args: Args| LinkChoice {
            labels: LINKS.iter().filter_map(|name| args.text(name)).map(str::to_owned).collect(),
            or_drop: args.has("NULL"),
        };
        let sequence = item.args.integer("SEQ");
        Self {
            map: shared::name(&item.args, "NAME"),
            sequence: sequence.expect("the table makes it mandatory"),
            access_list: section.text(Key::MapMatch),
            links: section.args(Key::MapLinks).map(links),
            profile: section.text(Key::MapProfile),
            loadbalance: section.is_on(Key::Loadbalance),
            dont_fragment: section.optional_number(Key::MapDontFragment).map(|bit: u8| bit == 1),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let args = Args::default()
            .with("NAME", Datum::Text(self.map.clone()))
            .with("SEQ", Datum::Integer(self.sequence.into()));
        writer.block(Key::MapEntry, args, |writer| {
            writer.text(Key::MapMatch, self.access_list.as_deref());
            if let Some(LinkChoice { labels, or_drop }) = &self.links {
                let mut args = Args::default();
                for (name, label) in LINKS.into_iter().zip(labels) {
                    args.push(name, Datum::Text(label.clone()));
                }
                if *or_drop {
                    args.push("NULL", Datum::Word("NULL"));
                }
                writer.put(Key::MapLinks, args);
            }
            writer.text(Key::MapProfile, self.profile.as_deref());
            writer.on(Key::Loadbalance, self.loadbalance);
            writer.optional_number(Key::MapDontFragment, self.dont_fragment.map(u8::from));
        });
    }
}
