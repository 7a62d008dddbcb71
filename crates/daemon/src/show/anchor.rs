//! What an anchor shows.

use std::fmt::Write;

use kedge_api::{Format, Reply};
use kedge_config::Extent;
use kedge_lma::{Binding, BindingPath, State};
use kedge_model::CustomerId;
use kedge_sansio::Now;
use serde_json::{Value, json};

use super::layout::{Align, Block, Table, span};
use super::page::{self, Page};
use super::scan::{Scan, Which};
use super::traffic::{traffic_json, tunnel, tunnel_json, volume};
use crate::anchor::Anchor;
use crate::answer::Look;
use crate::routes::Standing;

/// `show ipv6 mobile pmipv6 lma bindings [customer NAME] [nai NAI | imsi IMSI | mag ID]
/// [detail] [from N]`: a line for each, and everything about one subscriber.
pub struct Bindings {
    only: Option<CustomerId>,
    extent: Extent,
    scan: Scan,
    rows: Rows,
}

/// What was found, in the form that is asked for.
enum Rows {
    Lines(Table),
    Details(String),
    Data(Vec<Value>),
}

impl Bindings {
    /// Nothing has been looked at yet.
    pub fn new(
        anchor: &Anchor,
        only: Option<CustomerId>,
        which: Which,
        extent: Extent,
        form: Format,
    ) -> Self {
        let rows = match (form, &which) {
            (Format::Json, _) => Rows::Data(Vec::new()),
            (Format::Text, Which::OfNode(_) | Which::OfImsi(_)) => Rows::Details(String::new()),
            (Format::Text, _) if extent.detail => Rows::Details(String::new()),
            (Format::Text, _) => Rows::Lines(lines(anchor)),
        };
        let (skip, take) = page::bounds(extent);
        Self { only, extent, scan: Scan::new(which, skip, take), rows }
    }
}

impl Look for Bindings {
    fn go_on(&mut self, anchor: &Anchor, now: Now) -> bool {
        let Self { only, scan, rows, .. } = self;
        scan.slice(anchor.machines(*only), |binding| match rows {
            Rows::Lines(table) => table.row(line(anchor, binding, now)),
            Rows::Details(text) => write_binding(anchor, binding, now, text),
            Rows::Data(list) => list.push(as_json(anchor, binding, now)),
        })
    }

    fn finish(self: Box<Self>) -> Reply {
        let page = Page::new(self.extent, self.scan.found());
        let mut out = page.head();
        match self.rows {
            Rows::Lines(table) => table.write(&mut out),
            Rows::Details(text) => out.push_str(&text),
            Rows::Data(list) => return Reply::Data(page.data(list)),
        }
        Reply::Text(out)
    }
}

/// A table without lines yet.
fn lines(anchor: &Anchor) -> Table {
    let titles = ["Subscriber", "State", "Gateway", "Care-of address", "Addresses"];
    let mut head = titles.map(|title| (title, Align::Left)).to_vec();
    head.push(("Left", Align::Right));
    if anchor.has_customers() {
        head.insert(0, CUSTOMER);
    }
    Table::new(&head)
}

/// A binding in one line.
fn line(anchor: &Anchor, binding: &Binding, now: Now) -> Vec<String> {
    let path = binding.paths.first();
    let addresses: Vec<String> = binding.addresses.routed().map(|net| net.to_string()).collect();
    let mut cells = vec![
        binding.mn_id.to_string(),
        short(binding).to_owned(),
        peer(anchor, binding, path).to_owned(),
        path.care_of.to_string(),
        addresses.join(" "),
        span(binding.expires.saturating_duration_since(now.mono)),
    ];
    if anchor.has_customers() {
        cells.insert(0, customer(anchor, binding.customer));
    }
    cells
}

/// The head of the column that says whose a line is.
pub const CUSTOMER: (&str, Align) = ("Customer", Align::Left);

/// The name of a customer in that column.
pub fn customer(anchor: &Anchor, id: CustomerId) -> String {
    anchor.customer_name(id).unwrap_or("-").to_owned()
}

fn write_binding(anchor: &Anchor, binding: &Binding, now: Now, out: &mut String) {
    let _ = writeln!(out, "\n{}", binding.mn_id);
    let up = now.mono.saturating_duration_since(binding.created);
    let left = binding.expires.saturating_duration_since(now.mono);
    let mut block = Block::default();
    if let Some(name) = anchor.customer_name(binding.customer) {
        block.row("Customer", name);
    }
    block.row("State", state(binding));
    block.row("Bound", format!("{} ago", span(up)));
    let link = binding.link_layer_id.as_ref().map_or("-".to_owned(), ToString::to_string);
    block.row("Access", format!("{}, link-layer identifier {link}", binding.access_technology));
    for prefix in binding.addresses.prefixes.iter() {
        block.row("Home network prefix", prefix);
    }
    if let Some(home) = binding.addresses.ipv4 {
        let (address, len, router) = (home.address, home.prefix_len, home.router);
        block.row("IPv4 home address", format!("{address}/{len}, default router {router}"));
    }
    for prefix in &binding.delegated {
        block.row("Mobile network prefix", prefix);
    }
    for path in binding.paths.iter() {
        let own = path.behind.map_or(String::new(), |own| format!(", a translator's for {own}"));
        block.row(
            "Care-of address",
            format!("{}{own}, gateway {}", path.care_of, peer(anchor, binding, path)),
        );
        block.row("Tunnel", tunnel(&path.tunnel));
    }
    for (net, standing) in anchor.routes().of_binding(binding.id) {
        block.row("Route", format!("{net}, {}", route(standing).1));
    }
    block.row("Lifetime", format!("{} left of {}", span(left), span(binding.lifetime.duration())));
    if let Some(traffic) = anchor.traffic(binding.id) {
        block.row("To the node", volume(traffic.sent_packets, traffic.sent_bytes));
        block.row("From the node", volume(traffic.received_packets, traffic.received_bytes));
    }
    block.write(out);
}

/// How a route stands, as a word for programs and as a phrase for people.
fn route(standing: Standing<'_>) -> (&'static str, String) {
    match standing {
        Standing::Made => ("made", "made".to_owned()),
        Standing::Waiting => ("waiting", "not made yet".to_owned()),
        Standing::Refused(why) => ("refused", format!("REFUSED: {why}")),
    }
}

fn peer<'a>(anchor: &'a Anchor, binding: &Binding, path: &BindingPath) -> &'a str {
    anchor.peer_name(binding, path).unwrap_or("(learned)")
}

fn state(binding: &Binding) -> &'static str {
    match binding.state {
        State::Active => "active",
        State::Lingering(_) => "de-registered, kept for a handover",
        State::Unreachable => "unreachable, its gateway does not answer",
        State::Revoking(_) => "being revoked",
    }
}

/// The state in one word.
fn short(binding: &Binding) -> &'static str {
    match binding.state {
        State::Active => "active",
        State::Lingering(_) => "lingering",
        State::Unreachable => "unreachable",
        State::Revoking(_) => "revoking",
    }
}

fn as_json(anchor: &Anchor, binding: &Binding, now: Now) -> Value {
    let prefixes: Vec<String> = binding.addresses.prefixes.iter().map(|p| p.to_string()).collect();
    let networks: Vec<String> = binding.delegated.iter().map(ToString::to_string).collect();
    let routes: Vec<Value> = anchor
        .routes()
        .of_binding(binding.id)
        .map(
            |(net, standing)| json!({ "destination": net.to_string(), "state": route(standing).0 }),
        )
        .collect();
    let ipv4 = binding.addresses.ipv4.map(|home| {
        json!({
            "address": home.address,
            "prefix_length": home.prefix_len,
            "default_router": home.router,
        })
    });
    let paths: Vec<Value> = binding
        .paths
        .iter()
        .map(|path| {
            json!({
                "care_of": path.care_of,
                "behind_translator": path.behind,
                "peer": anchor.peer_name(binding, path),
                "tunnel": tunnel_json(&path.tunnel),
            })
        })
        .collect();
    json!({
        "customer": anchor.customer_name(binding.customer),
        "mn_id": binding.mn_id.to_string(),
        "state": short(binding),
        "access_technology": binding.access_technology.0,
        "handoff_indicator": binding.handoff_indicator.0,
        "link_layer_id": binding.link_layer_id.as_ref().map(ToString::to_string),
        "home_network_prefixes": prefixes,
        "ipv4_home_address": ipv4,
        "mobile_network_prefixes": networks,
        "routes": routes,
        "paths": paths,
        "lifetime_seconds": binding.lifetime.secs(),
        "remaining_seconds": binding.expires.saturating_duration_since(now.mono).as_secs(),
        "age_seconds": now.mono.saturating_duration_since(binding.created).as_secs(),
        "traffic": anchor.traffic(binding.id).map(|traffic| {
            traffic_json(
                (traffic.received_packets, traffic.received_bytes),
                (traffic.sent_packets, traffic.sent_bytes),
            )
        }),
    })
}
