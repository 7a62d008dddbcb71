//! From a file to a running daemon, and what can go wrong on the way.
//!
//! Everything is taken in an order that leaves nothing half started: what may be refused comes
//! first (the text, the privileges, the directory, the socket), what changes the host comes last,
//! and a failure undoes what was done.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kedge_api::{BindError, RemoteAccess, RemoteError, Server};
use kedge_config::Config;
use kedge_dataplane::DataplaneError;
use kedge_model::World;
use kedge_net::hosts::Hosts;
use kedge_net::netlink::{Netlink, Notifications};
use kedge_net::place::Place;
use kedge_net::poll::{Poller, Signals, Waker};
use kedge_net::privileges::{self, Needs};
use kedge_net::{NetError, limits};
use tracing::{info, warn};

use crate::aaa::{Aaa, Listener, TlsError};
use crate::apply::{self, ApplyError};
use crate::commit::Commits;
use crate::configure::Sessions;
use crate::ends::State;
use crate::gateway::{SharedInterface, Unusable};
use crate::in_service::{Devices, Leaving};
use crate::key_file::{self, KeyFileError};
use crate::log;
use crate::numbers::Numbers;
use crate::options::Options;
use crate::shell::{self, Roles, Shell};
use crate::state_dir::{StateDir, StateError};

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
    /// An interface cannot have nodes and anchors.
    #[error(transparent)]
    SharedInterface(#[from] SharedInterface),
    /// The port for management clients of other hosts cannot be used.
    #[error("management-api: {0}")]
    Remote(#[from] RemoteError),
    /// An address is not this host's.
    #[error("{address} is no address of {}, or not yet", if *.world == World::Own { "this host".to_owned() } else { world.to_string() })]
    NoSuchAddress {
        /// The address.
        address: IpAddr,
        /// Where it was looked for.
        world: World,
    },
    /// An access interface cannot be one.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The kernel refused something.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A key that is in a file cannot be had.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A RADIUS server cannot be asked over TLS.
    #[error("radius-server: {0}")]
    RadiusTls(#[from] TlsError),
    /// The port where RADIUS servers ask for changes cannot be had.
    #[error("aaa server radius dynamic-author: port {port}: {cause}")]
    DynamicAuthor {
        /// The port.
        port: u16,
        /// Why.
        cause: std::io::Error,
    },
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
    let (mut config, warnings, text) = parse(&options.config)?;
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
    match plan(&config, 0, &mut Numbers::default()) {
        Ok(_) => Ok((config, text)),
        // A file may be a part of a configuration, as the domains that several files share.
        Err(cause) if options.check && cause.is_absence() => {
            log::say(format_args!("{}: warning: {cause}", options.config.display()));
            Ok((config, text))
        }
        Err(cause) => Err(StartError::Unfit { path: path(), cause }),
    }
}

/// Reads the configuration of a daemon that runs.
pub fn read_file(file: &Path) -> Result<(Config, String), StartError> {
    let (mut config, warnings, text) = parse(file)?;
    for warning in &warnings {
        warn!("{}: {}", warning.place, warning.caution);
    }
    config.read_key_files(key_file::read)?;
    Ok((config, text))
}

fn parse(file: &Path) -> Result<(Config, Vec<kedge_config::Warning>, String), StartError> {
    let path = || file.to_owned();
    let text = fs::read(file).map_err(|cause| StartError::Unreadable { path: path(), cause })?;
    // An octet that is no UTF-8 becomes a character that no word has, and so a mistake with a
    // place.
    let text = String::from_utf8_lossy(&text).into_owned();
    let (config, warnings) =
        kedge_config::parse(&text, &file.to_string_lossy()).map_err(|errors| {
            kedge_config::listed(&errors).iter().for_each(log::say);
            StartError::Mistakes { path: path(), count: errors.len() }
        })?;
    Ok((config, warnings, text))
}

/// What a configuration comes down to.
#[derive(Debug)]
pub struct Plan {
    /// The anchor, if it has one.
    pub anchor: Option<apply::AnchorPlan>,
    /// The gateway, if it has one.
    pub gateway: Option<apply::GatewayPlan>,
    /// Management from other hosts, if it is wanted.
    pub management: Option<RemoteAccess>,
    /// RADIUS servers, and what they are for.
    pub radius: apply::RadiusPlan,
}

impl Plan {
    /// Where signalling and tunnels of its roles end.
    pub fn ends(&self) -> Vec<State> {
        let anchor = self.anchor.iter().map(apply::AnchorPlan::ends);
        anchor.chain(self.gateway.iter().map(apply::GatewayPlan::ends)).collect()
    }
}

/// Maps a configuration to what the services are told, as far as that can be said without
/// starting them. What has a number keeps it.
pub fn plan(
    config: &Config,
    restart_counter: u32,
    numbers: &mut Numbers,
) -> Result<Plan, ApplyError> {
    let anchor = config.lma.as_ref();
    let anchor = anchor.map(|lma| apply::anchor(config, lma, restart_counter, numbers));
    let worlds = &mut numbers.worlds;
    let gateway = config.mag.as_ref();
    let gateway = gateway.map(|mag| apply::gateway(config, mag, restart_counter, worlds));
    let plan = Plan {
        anchor: anchor.transpose()?,
        gateway: gateway.transpose()?,
        management: config.management_api.as_ref().map(apply::management).transpose()?,
        radius: apply::radius(config)?,
    };
    addresses_apart(&plan.ends())?;
    match (&plan.anchor, &plan.gateway) {
        (None, None) => Err(ApplyError::Nothing),
        (Some(anchor), Some(gateway)) => {
            let (anchor, gateway) = (anchor.ends().addresses, gateway.ends().addresses);
            match anchor.intersection(&gateway).next() {
                Some(&(_, address)) => Err(ApplyError::SharedAddress { address }),
                None => Ok(plan),
            }
        }
        _ => Ok(plan),
    }
}

/// A port at an address that is taken outside of all VRF devices is taken inside of them, too.
fn addresses_apart(ends: &[State]) -> Result<(), ApplyError> {
    let (outside, others): (Vec<_>, Vec<_>) =
        ends.iter().flat_map(State::places).partition(|(world, _)| **world == World::Own);
    let outside: HashSet<IpAddr> = outside.into_iter().map(|(_, address)| address).collect();
    for (world, address) in others {
        if matches!(world, World::Device(_)) && outside.contains(&address) {
            return Err(ApplyError::AddressOutsideVrf { address, world: world.clone() });
        }
    }
    Ok(())
}

/// Starts everything that the configuration asks for.
pub fn start(options: &Options, config: Config, text: String) -> Result<(Shell, Held), StartError> {
    let needs = match config.vrfs.iter().any(|vrf| vrf.netns.is_some()) {
        true => Needs::OtherNamespaces,
        false => Needs::OneNamespace,
    };
    let missing = privileges::missing(needs)?;
    if !missing.is_empty() {
        return Err(StartError::Privileges(missing.join(", ")));
    }
    let state_dir = StateDir::open(&options.state_dir)?;
    let restart_counter = state_dir.count_restart().unwrap_or_else(|error| {
        // Peers compare it; the time of day grows too.
        warn!("the restart counter is not kept: {error}");
        shell::sample().wall.duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_secs() as u32)
    });
    let mut numbers = Numbers::default();
    let plan = plan(&config, restart_counter, &mut numbers)
        .map_err(|cause| StartError::Unfit { path: options.config.clone(), cause })?;
    let commits = {
        let (file, directory) = (&options.config, state_dir.file("commits"));
        let kept = Commits::begin(file, directory.clone(), &text, shell::sample());
        kept.map_err(|cause| StartError::History { path: directory, cause })?
    };
    // From here on threads are started: they inherit blocked signals and few privileges.
    let signals = Signals::take_over()?;
    privileges::keep_needed(needs)?;
    limits::raise_open_files()?;
    let notes = state_dir.file("host-before");
    let (hosts, swept) = Hosts::open(notes)?.ok_or(StartError::Occupied)?;
    for left in swept {
        info!("undid what an earlier run left behind: {left}");
    }
    let waker = Waker::new()?;
    let wake = waker.clone();
    let server = Server::bind(&options.socket, move || wake.wake())?;
    let poller = Poller::new()?;
    let notifications = Notifications::open()?;
    poller.add(&waker, shell::API)?;
    poller.add(&signals, shell::SIGNAL)?;
    poller.add(&notifications, shell::KERNEL)?;
    await_duplicate_checks(&plan.ends())?;
    let mut shell = Shell {
        config: Config::default(),
        started: Instant::now(),
        restart_counter,
        anchor: None,
        gateway: None,
        aaa: Aaa::new(&state_dir.file("accounting"), restart_counter, shell::sample()),
        nas: Roles::default(),
        dynamic: Listener::new(shell::DYNAMIC),
        leaving: Leaving::default(),
        things: Vec::new(),
        commits,
        sessions: Sessions::default(),
        capture: None,
        captures: state_dir.file("captures"),
        numbers,
        hosts,
        poller,
        waker,
        signals,
        notifications,
        server,
    };
    let prepared = shell.prepare(plan, Devices::Awaited).inspect_err(|_| {
        for failure in shell.hosts.unmake_all() {
            warn!("{failure}");
        }
    })?;
    shell.put_in_force(config, prepared, shell::sample());
    Ok((shell, Held { _state_dir: state_dir }))
}

/// What is held until the process ends.
pub struct Held {
    _state_dir: StateDir,
}

/// Those addresses that are not their worlds', or not yet.
pub fn lacking<'a>(
    addresses: impl Iterator<Item = (&'a World, IpAddr)>,
) -> Result<Vec<(&'a World, IpAddr)>, NetError> {
    let mut worlds: BTreeMap<&World, Vec<IpAddr>> = BTreeMap::new();
    addresses.for_each(|(world, address)| worlds.entry(world).or_default().push(address));
    let mut lacking = Vec::new();
    for (world, addresses) in worlds {
        let lacks = Place::find(world)?.lacking(&addresses)?;
        lacking.extend(lacks.into_iter().map(|address| (world, address)));
    }
    Ok(lacking)
}

/// Waits while the kernel still asks the link whether our IPv6 addresses are anybody else's
/// (RFC 4862 §5.4), as it does when a host has just started: until then they cannot be used. An
/// address that is not there, or whose check does not end, is refused when it is bound.
fn await_duplicate_checks(ends: &[State]) -> Result<(), NetError> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let by = Instant::now() + PATIENCE;
    for (world, address) in lacking(ends.iter().flat_map(State::places))? {
        let place = Place::find(world)?;
        let (mut notifications, mut netlink) =
            place.within(|| Ok::<_, NetError>((Notifications::open()?, Netlink::open()?)))??;
        let mut poller = Poller::new()?;
        poller.add(&notifications, shell::KERNEL)?;
        let mut is_there = || -> Result<bool, NetError> {
            Ok(netlink.addresses()?.iter().any(|held| held.net.addr() == address))
        };
        while !place.has(address)? && is_there()? && Instant::now() < by {
            // The kernel tells when the check of an address has ended.
            poller.wait(Some(by.saturating_duration_since(Instant::now())))?.for_each(drop);
            while notifications.poll_event()?.is_some() {}
        }
    }
    Ok(())
}
