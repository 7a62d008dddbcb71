//! Settings that several modes have, and how each is read and written.

use std::net::IpAddr;
use std::time::Duration;

use kedge_grammar::{Args, Datum, Item, Secret, Section, Writer};

use crate::key::Key;
use crate::keyword::keywords;

keywords! {
    /// How user packets travel between gateway and anchor. Without a setting: IP in IP.
    pub enum Encap {
        GreIpv4 = "gre-ipv4", "GRE over IPv4 (RFC 5845)";
        GreIpv6 = "gre-ipv6", "GRE over IPv6 (RFC 5845)";
        Udp = "udptunnel", "UDP (RFC 5844 4.1.3.2)";
    }
}

keywords! {
    /// What stands in the place of the home address when a message is authenticated
    /// (RFC 4285 §5, which was written for a node that knows its home address).
    pub enum AuthHomeAddress {
        CareOf = "care-of", "The care-of address, read literally (RFC 6275 9.5.1)";
        Zero = "zero", "The unspecified address";
        Hnp = "hnp", "The first home network prefix";
    }
}

/// A key shared with a peer (RFC 4285).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthOption {
    /// Security parameter index, never zero.
    pub spi: u32,
    /// The shared key. Of a key in a file it is empty until [`Config::read_key_files`].
    ///
    /// [`Config::read_key_files`]: crate::Config::read_key_files
    pub key: Secret,
    /// The file that the key is in.
    pub key_file: Option<String>,
    /// What stands in the home address's place.
    pub home_address: AuthHomeAddress,
    /// Only Proxy Binding Updates and their answers are authenticated.
    pub updates_only: bool,
}

/// How far a peer's clock may be off (RFC 5213 §5.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplayWindow {
    /// This far in either direction.
    Within(Duration),
    /// Timestamps are not looked at.
    Ignore,
}

/// The code point of signalling packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dscp {
    /// 1 to 63.
    pub value: u8,
    /// It stands in every packet; otherwise an answer takes that of a marked request.
    pub force: bool,
}

/// Heartbeats to peers (RFC 5847).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    /// Between two heartbeats.
    pub interval: Duration,
    /// Unanswered ones until the path is down.
    pub retries: u8,
    /// Wait for an answer; without a setting as long as the interval, at most 10 s.
    pub timeout: Duration,
}

/// Heartbeats on the paths of one label.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabelHeartbeat {
    /// The label.
    pub label: String,
    /// The times.
    pub heartbeat: Heartbeat,
    /// A NAT on the path that started again is noticed.
    pub nat_reboot: bool,
}

/// How revocations are sent again (RFC 5846 §12).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RevocationTimes {
    /// The first wait.
    pub delay_min: Duration,
    /// The longest wait.
    pub delay_max: Duration,
    /// How often.
    pub retries: u8,
}

/// A name that the table makes mandatory.
pub(crate) fn name(args: &Args, argument: &str) -> String {
    args.text(argument).expect("the table makes it mandatory").to_owned()
}

/// The address in a line about a host, which the table makes mandatory.
pub(crate) fn host(args: &Args) -> IpAddr {
    args.ip("ADDRESS").expect("the table makes it mandatory")
}

/// An interface's name. A vendor's `Ethernet 0/0` and `Ethernet0/0` are one interface.
pub(crate) fn interface(args: &Args) -> String {
    name(args, "INTERFACE")
}

/// The arguments of an interface's name.
pub(crate) fn interface_args(name: &str) -> Args {
    Args::default().with("INTERFACE", Datum::Text(name.to_owned()))
}

pub(crate) fn read_auth(section: Section<'_, Key>) -> Option<AuthOption> {
    let args = section.args(Key::AuthOption)?;
    Some(AuthOption {
        spi: args.integer("SPI")?,
        key: args.secret("KEY").cloned().unwrap_or_else(|| Secret::new([])),
        key_file: args.text("PATH").map(str::to_owned),
        home_address: args
            .word("home-address")
            .and_then(AuthHomeAddress::from_word)
            .unwrap_or(AuthHomeAddress::CareOf),
        updates_only: args.has("updates-only"),
    })
}

pub(crate) fn write_auth(auth: Option<&AuthOption>, writer: &mut Writer<Key>) {
    let Some(auth) = auth else { return };
    let mut args = Args::default().with("SPI", Datum::Integer(auth.spi.into()));
    match &auth.key_file {
        Some(path) => args.push("PATH", Datum::Text(path.clone())),
        None => args.push("KEY", Datum::Secret(auth.key.clone())),
    }
    if auth.home_address != AuthHomeAddress::CareOf {
        args.push("home-address", Datum::Word(auth.home_address.word()));
    }
    if auth.updates_only {
        args.push("updates-only", Datum::Word("updates-only"));
    }
    writer.put(Key::AuthOption, args);
}

pub(crate) fn read_encap(section: Section<'_, Key>) -> Option<Encap> {
    let word = section.word(Key::Encap)?;
    // `mgre-ipv4` is GRE over IPv4.
    Encap::from_word(word.strip_prefix('m').unwrap_or(word))
}

pub(crate) fn write_encap(encap: Option<Encap>, writer: &mut Writer<Key>) {
    if let Some(encap) = encap {
        writer.value(Key::Encap, Datum::Word(encap.word()));
    }
}

pub(crate) fn read_replay(section: Section<'_, Key>) -> Option<ReplayWindow> {
    let args = section.args(Key::ReplayWindow)?;
    Some(match args.integer("SECONDS") {
        Some(seconds) => ReplayWindow::Within(Duration::from_secs(seconds)),
        None => ReplayWindow::Ignore,
    })
}

pub(crate) fn write_replay(window: Option<ReplayWindow>, writer: &mut Writer<Key>) {
    match window {
        None => {}
        Some(ReplayWindow::Within(window)) => writer.number(Key::ReplayWindow, window.as_secs()),
        Some(ReplayWindow::Ignore) => {
            writer.put(Key::ReplayWindow, Args::default().with("ignore", Datum::Word("ignore")));
        }
    }
}

pub(crate) fn read_tunnel_interface(section: Section<'_, Key>) -> Option<String> {
    section.args(Key::TunnelInterface).map(|args| interface(&args))
}

pub(crate) fn write_tunnel_interface(name: Option<&str>, writer: &mut Writer<Key>) {
    name.iter().for_each(|name| writer.put(Key::TunnelInterface, interface_args(name)));
}

pub(crate) fn read_dscp(section: Section<'_, Key>) -> Option<Dscp> {
    let args = section.args(Key::Dscp)?;
    Some(Dscp { value: args.integer("DSCP")?, force: args.has("force") })
}

pub(crate) fn write_dscp(dscp: Option<Dscp>, writer: &mut Writer<Key>) {
    let Some(dscp) = dscp else { return };
    let mut args = Args::default().with("DSCP", Datum::Integer(dscp.value.into()));
    if dscp.force {
        args.push("force", Datum::Word("force"));
    }
    writer.put(Key::Dscp, args);
}

pub(crate) fn read_heartbeat(section: Section<'_, Key>) -> Option<Heartbeat> {
    Heartbeat::read(&section.args(Key::Heartbeat)?)
}

pub(crate) fn write_heartbeat(heartbeat: Option<Heartbeat>, writer: &mut Writer<Key>) {
    if let Some(heartbeat) = heartbeat {
        writer.put(Key::Heartbeat, heartbeat.args());
    }
}

pub(crate) fn read_label_heartbeats(section: Section<'_, Key>) -> Vec<LabelHeartbeat> {
    let one = |item: &Item<Key>| {
        Some(LabelHeartbeat {
            label: name(&item.args, "LABEL"),
            heartbeat: Heartbeat::read(&item.args)?,
            nat_reboot: item.args.has("natreboot"),
        })
    };
    section.each(Key::HeartbeatOfLabel).filter_map(one).collect()
}

pub(crate) fn write_label_heartbeats(heartbeats: &[LabelHeartbeat], writer: &mut Writer<Key>) {
    for LabelHeartbeat { label, heartbeat, nat_reboot } in heartbeats {
        let mut args = heartbeat.args().with("LABEL", Datum::Text(label.clone()));
        if *nat_reboot {
            args.push("natreboot", Datum::Word("natreboot"));
        }
        writer.put(Key::HeartbeatOfLabel, args);
    }
}

impl Heartbeat {
    fn read(args: &Args) -> Option<Self> {
        let interval: u64 = args.integer("INTERVAL")?;
        Some(Self {
            interval: Duration::from_secs(interval),
            retries: args.integer("RETRIES")?,
            timeout: Duration::from_secs(args.integer("TIMEOUT").unwrap_or(interval.min(10))),
        })
    }

    fn args(self) -> Args {
        Args::default()
            .with("INTERVAL", Datum::Integer(self.interval.as_secs()))
            .with("RETRIES", Datum::Integer(self.retries.into()))
            .with("TIMEOUT", Datum::Integer(self.timeout.as_secs()))
    }
}

pub(crate) fn read_revocation(section: Section<'_, Key>) -> RevocationTimes {
    RevocationTimes {
        delay_min: millis(section, Key::BriDelayMin),
        delay_max: millis(section, Key::BriDelayMax),
        retries: section.number(Key::BriRetries),
    }
}

pub(crate) fn write_revocation(times: &RevocationTimes, writer: &mut Writer<Key>) {
    write_millis(writer, Key::BriDelayMin, times.delay_min);
    write_millis(writer, Key::BriDelayMax, times.delay_max);
    writer.number(Key::BriRetries, times.retries);
}

pub(crate) fn seconds(section: Section<'_, Key>, key: Key) -> Duration {
    Duration::from_secs(section.number(key))
}

pub(crate) fn write_seconds(writer: &mut Writer<Key>, key: Key, time: Duration) {
    writer.number(key, time.as_secs());
}

pub(crate) fn millis(section: Section<'_, Key>, key: Key) -> Duration {
    Duration::from_millis(section.number(key))
}

pub(crate) fn write_millis(writer: &mut Writer<Key>, key: Key, time: Duration) {
    writer.number(key, u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
}
