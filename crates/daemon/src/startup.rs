//! From a file to a running daemon, and what can go wrong on the way.
//!
//! Everything is taken in an order that leaves nothing half started: what may be refused comes
//! first (the text, the privileges, the directory, the socket), what changes the host comes last,
//! and a failure undoes what was done.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kedge_api::{BindError, RemoteAccess, RemoteError, Server};
use kedge_config::{Config, LmaConfig, MagConfig};
use kedge_dataplane::{DataplaneError, Side};
use kedge_dp_user::{DeviceConfig, DpUser, TransportLocal};
use kedge_model::VrfId;
use kedge_net::NetError;
use kedge_net::namespace::Namespace;
use kedge_net::netlink::{Link, NextHop, Notifications, Route, Rule, Table};
use kedge_net::owned::{Owned, Thing};
use kedge_net::poll::{Poller, Signals, Waker};
use kedge_net::privileges::{self, Needs};
use kedge_net::sysctl::Sysctl;
use tracing::{info, warn};

use crate::anchor::Anchor;
use crate::apply::{self, ApplyError};
use crate::commit::Commits;
use crate::configure::Sessions;
use crate::forwarding::Plane;
use crate::gateway::{self, Gateway, SharedInterface};
use crate::key_file::{self, KeyFileError};
use crate::log;
use crate::options::Options;
use crate::shell::{self, Shell};
use crate::signalling::Signalling;
use crate::state_dir::{StateDir, StateError};

/// The anchor's device, where subscribers' packets enter the tunnels.
const ANCHOR_DEVICE: &str = "kedge-lma";
/// The gateway's.
const GATEWAY_DEVICE: &str = "kedge-mag";
/// The UDP port of tunnelled packets (RFC 5844 §4.1.3.2, figure 12).
const UDP_DATA_PORT: u16 = 5437;
/// The name by which one daemon claims a network namespace; abstract names are per namespace.
const NAMESPACE_CLAIM: &str = "kedge/netns";

/// Why the daemon did not start. The text is what an operator reads.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be read.
    #[error("configuration {path}: {} (--config FILE chooses another)", reason(cause))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The configuration has mistakes; they are printed already.
    #[error("configuration {path}: {count} {}; nothing was started", if *.count == 1 { "error" } else { "errors" })]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// The configuration cannot run.
    #[error("configuration {path}: {cause}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: ApplyError,
    },
    /// The commits cannot be kept.
    #[error("history of commits in {path}: {}", reason(cause))]
    History {
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The process lacks privileges.
    #[error("missing privileges: {0}; run as root, or let the service manager grant them")]
    Privileges(String),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// Another daemon runs here.
    #[error("another kedged runs in this network namespace; one daemon can be anchor and gateway")]
    Occupied,
    /// The management socket cannot be used.
    #[error(transparent)]
    Api(#[from] BindError),
    /// The port for management clients of other hosts cannot be used.
    #[error("management-api: {0}")]
    Remote(#[from] RemoteError),
    /// An interface cannot have nodes and anchors.
    #[error(transparent)]
    SharedInterface(#[from] SharedInterface),
    /// The kernel refused something.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A key that is in a file cannot be had.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The data plane could not start.
    #[error("data plane: {0}")]
    Dataplane(#[from] DataplaneError),
}

/// What the kernel said, without the number that std appends and that tells nobody anything.
pub fn reason(cause: &io::Error) -> String {
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// Reads the configuration and prints what there is to say about it.
pub fn read_config(options: &Options) -> Result<(Config, String), StartError> {
    let path = || options.config.clone();
    let text = fs::read(&options.config)
        .map_err(|cause| StartError::Unreadable { path: path(), cause })?;
    // An octet that is no UTF-8 becomes a character that no word has, and so a mistake with a
    // place.
    let text = String::from_utf8_lossy(&text);
    let (mut config, warnings) = kedge_config::parse(&text, &options.config.to_string_lossy())
        .map_err(|errors| {
            errors.iter().for_each(log::say);
            StartError::Mistakes { path: path(), count: errors.len() }
        })?;
    for warning in &warnings {
        if options.check {
            log::say(warning);
        } else {
            warn!("{}: {}", warning.place, warning.caution);
        }
    }
    match config.read_key_files(key_file::read) {
        // The files are on the host that the configuration is for.
        Err(cause) if options.check => log::say(format_args!("warning: {cause}")),
        read => read?,
    }
    match plan(&config, 0) {
        Ok(_) => Ok((config, text.into_owned())),
        // A file may be a part of a configuration, as the domains that several files share.
        Err(cause) if options.check && cause.is_absence() => {
            log::say(format_args!("{}: warning: {cause}", options.config.display()));
            Ok((config, text.into_owned()))
        }
        Err(cause) => Err(StartError::Unfit { path: path(), cause }),
    }
}

/// What a configuration comes down to.
pub struct Plan {
    /// The anchor, if it has one.
    pub anchor: Option<apply::AnchorPlan>,
    /// The gateway, if it has one.
    pub gateway: Option<apply::GatewayPlan>,
    /// Management from other hosts, if it is wanted.
    pub management: Option<RemoteAccess>,
}

/// Maps a configuration to what the services are told, as far as that can be said without
/// starting them.
pub fn plan(config: &Config, restart_counter: u32) -> Result<Plan, ApplyError> {
    let anchor = |lma: &LmaConfig| apply::anchor(config, lma, restart_counter);
    let gateway = |mag: &MagConfig| apply::gateway(config, mag, restart_counter);
    let plan = Plan {
        anchor: config.lma.as_ref().map(anchor).transpose()?,
        gateway: config.mag.as_ref().map(gateway).transpose()?,
        management: config.management_api.as_ref().map(apply::management).transpose()?,
    };
    match (&plan.anchor, &plan.gateway) {
        (None, None) => Err(ApplyError::Nothing),
        (Some(anchor), Some(gateway)) => {
            let shared = anchor.addresses.iter().find(|a| gateway.addresses.contains(a));
            match shared {
                Some(&address) => Err(ApplyError::SharedAddress { address }),
                None => Ok(plan),
            }
        }
        _ => Ok(plan),
    }
}

/// Starts everything that the configuration asks for.
pub fn start(options: &Options, config: Config, text: String) -> Result<(Shell, Held), StartError> {
    let missing = privileges::missing(Needs::OneNamespace)?;
    if !missing.is_empty() {
        return Err(StartError::Privileges(missing.join(", ")));
    }
    let state_dir = StateDir::open(&options.state_dir)?;
    let restart_counter = state_dir.count_restart().unwrap_or_else(|error| {
        // Peers compare it; the time of day grows too.
        warn!("the restart counter is not kept: {error}");
        shell::sample().wall.duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_secs() as u32)
    });
    let mut plan = plan(&config, restart_counter)
        .map_err(|cause| StartError::Unfit { path: options.config.clone(), cause })?;
    let commits = {
        let (file, directory) = (&options.config, state_dir.file("commits"));
        let kept = Commits::begin(file, directory.clone(), &text, shell::sample());
        kept.map_err(|cause| StartError::History { path: directory, cause })?
    };
    // From here on threads are started: they inherit blocked signals and few privileges.
    let signals = Signals::take_over()?;
    privileges::keep_needed(Needs::OneNamespace)?;
    let claim = claim_namespace()?;
    let waker = Waker::new()?;
    let wake = waker.clone();
    let mut server = Server::bind(&options.socket, move || wake.wake())?;
    server.set_remote(plan.management.as_ref())?;
    let poller = Poller::new()?;
    let notifications = Notifications::open()?;
    poller.add(&waker, shell::API)?;
    poller.add(&signals, shell::SIGNAL)?;
    poller.add(&notifications, shell::KERNEL)?;
    let mut host = Owned::open(Namespace::current()?)?;
    host.note_in(state_dir.file("host-before"));
    for left in host.sweep()? {
        info!("undid what an earlier run left behind: {left}");
    }
    let addresses = plan.anchor.iter().flat_map(|plan| plan.addresses.iter().copied());
    let addresses =
        addresses.chain(plan.gateway.iter().flat_map(|plan| plan.addresses.iter().copied()));
    await_duplicate_checks(addresses, &mut host)?;
    if let Some(plan) = &mut plan.gateway {
        let mtu = gateway::examine(&plan.settings, &plan.addresses, &mut host)??;
        if let Some(mtu) = mtu {
            plan.fit(mtu);
        }
    }
    let started = start_services(plan, &poller, &mut host);
    let (anchor, gateway) = match started {
        Ok(services) => services,
        Err(error) => {
            for failure in host.unmake_all() {
                warn!("{failure}");
            }
            return Err(error);
        }
    };
    let shell = Shell {
        config,
        started: Instant::now(),
        restart_counter,
        anchor,
        gateway,
        commits,
        sessions: Sessions::default(),
        host,
        poller,
        waker,
        signals,
        notifications,
        server,
    };
    Ok((shell, Held { _state_dir: state_dir, _claim: claim }))
}

/// What is held until the process ends.
pub struct Held {
    _state_dir: StateDir,
    _claim: UnixListener,
}

/// Waits while the kernel still asks the link whether our IPv6 addresses are anybody else's
/// (RFC 4862 §5.4), as it does when a host has just started: until then they cannot be used. An
/// address that is not there, or whose check does not end, is refused when it is bound.
fn await_duplicate_checks(
    addresses: impl Iterator<Item = IpAddr>,
    host: &mut Owned,
) -> Result<(), NetError> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let mut notifications = Notifications::open()?;
    let mut poller = Poller::new()?;
    poller.add(&notifications, shell::KERNEL)?;
    let by = Instant::now() + PATIENCE;
    for address in addresses {
        while is_unusable(address) && is_there(address, host)? && Instant::now() < by {
            // The kernel tells when the check of an address has ended.
            poller.wait(Some(by.saturating_duration_since(Instant::now())))?.for_each(drop);
            while notifications.poll_event()?.is_some() {}
        }
    }
    Ok(())
}

fn is_unusable(address: IpAddr) -> bool {
    let bound = UdpSocket::bind((address, 0));
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
}

fn is_there(address: IpAddr, host: &mut Owned) -> Result<bool, NetError> {
    Ok(host.netlink().addresses()?.iter().any(|held| held.net.addr() == address))
}

fn claim_namespace() -> Result<UnixListener, StartError> {
    let address = UnixAddr::from_abstract_name(NAMESPACE_CLAIM);
    let claim = address.and_then(|address| UnixListener::bind_addr(&address));
    claim.map_err(|_| StartError::Occupied)
}

fn start_services(
    plan: Plan,
    poller: &Poller,
    host: &mut Owned,
) -> Result<(Option<Anchor>, Option<Gateway>), StartError> {
    for entry in [Sysctl::ipv4("all", "forwarding"), Sysctl::ipv6("all", "forwarding")] {
        host.make(Thing::Sysctl { entry, value: "1".to_owned() })?;
    }
    let seed = || RandomState::new().hash_one(Instant::now());
    let anchor = plan.anchor.map(|plan| {
        let signalling = Signalling::open(VrfId::DEFAULT, &plan.addresses, poller, shell::ANCHOR)?;
        be_quiet(&plan.addresses, host)?;
        let plane = start_plane(Side::Anchor, ANCHOR_DEVICE, plan.mtu, &plan.addresses)?;
        let device = set_up_device(ANCHOR_DEVICE, host)?;
        for &destination in &plan.pools {
            let next_hop = NextHop::Device(device.index);
            host.make(Thing::Route(Route {
                destination,
                next_hop,
                table: Table::MAIN,
                metric: 0,
            }))?;
        }
        info!(addresses = join(&plan.addresses), "anchor started");
        let mut anchor = Anchor::new(plan.settings, seed(), signalling, plane);
        anchor.announce_restart(&plan.addresses);
        Ok::<_, StartError>(anchor)
    });
    let anchor = anchor.transpose()?;
    let gateway = plan.gateway.map(|plan| {
        let signalling = Signalling::open(VrfId::DEFAULT, &plan.addresses, poller, shell::GATEWAY)?;
        be_quiet(&plan.addresses, host)?;
        let mut plane = start_plane(Side::Gateway, GATEWAY_DEVICE, plan.mtu, &plan.addresses)?;
        plane.route_locally(plan.local_routing);
        let device = set_up_device(GATEWAY_DEVICE, host)?;
        info!(addresses = join(&plan.addresses), "gateway started");
        let first = shell::ACCESS;
        let mut gateway =
            Gateway::new(plan.settings, seed(), signalling, plane, &device, host, first)?;
        gateway.announce_restart(host);
        Ok::<_, StartError>(gateway)
    });
    Ok((anchor, gateway.transpose()?))
}

/// Tunnelled packets reach the forwarder's sockets, and the kernel's own tunnel drivers, where
/// they are loaded, find no device for them: the peer is not to hear of that.
fn be_quiet(addresses: &[IpAddr], host: &mut Owned) -> Result<(), NetError> {
    const PRIORITY: u32 = 5212;
    for &from in addresses {
        host.make(Thing::Rule(Rule::NoPortUnreachable { from, priority: PRIORITY }))?;
    }
    Ok(())
}

fn start_plane(
    side: Side,
    device: &str,
    mtu: u16,
    addresses: &[IpAddr],
) -> Result<Plane, StartError> {
    let vrf = VrfId::DEFAULT;
    let local = |&address: &IpAddr| TransportLocal {
        vrf,
        address,
        udp_port: UDP_DATA_PORT,
        signalling_port: address.is_ipv4().then_some(kedge_net::signalling::PORT),
        netns: None,
    };
    let backend = DpUser::start(kedge_dp_user::Config {
        side,
        devices: vec![DeviceConfig { vrf, name: device.to_owned(), netns: None, mtu }],
        locals: addresses.iter().map(local).collect(),
    })?;
    Ok(Plane::new(Box::new(backend)))
}

/// Tells the kernel what to make of packets from the device.
fn set_up_device(name: &str, host: &mut Owned) -> Result<Link, NetError> {
    let link = host.netlink().link(name)?;
    // Packets of subscribers come out of it from anywhere; the forwarder has checked them.
    for entry in [Sysctl::ipv4(name, "rp_filter"), Sysctl::ipv6(name, "accept_ra")] {
        host.make(Thing::Sysctl { entry, value: "0".to_owned() })?;
    }
    Ok(link)
}

fn join(addresses: &[IpAddr]) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(",")
}
