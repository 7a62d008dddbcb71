//! From a file to a running daemon, and what can go wrong on the way.
//!
//! Everything is taken in an order that leaves nothing half started: what may be refused comes
//! first (the text, the privileges, the directory, the socket), what changes the host comes last,
//! and a failure undoes what was done.

use std::sync::Arc;
use std::time::Instant;

use kedge_api::Server;
use kedge_config::Config;
use kedge_net::hosts::Hosts;
use kedge_net::limits;
use kedge_net::netlink::Notifications;
use kedge_net::poll::{Poller, Signals, Waker};
use kedge_net::privileges::{self, Needs};
use tracing::{info, warn};

use crate::aaa::{Aaa, Listener};
use crate::addresses;
use crate::apply;
use crate::clock;
use crate::commits::Commits;
use crate::configure::Sessions;
use crate::leaving::Leaving;
use crate::listing::Listings;
use crate::numbers::Numbers;
use crate::options::Options;
use crate::prepared::Devices;
use crate::shell::{Roles, Shell};
use crate::start_error::StartError;
use crate::state_dir::StateDir;
use crate::tokens;

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
        clock::sample().wall.duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_secs() as u32)
    });
    let mut numbers = Numbers::default();
    let plan = apply::plan(&config, restart_counter, &mut numbers)
        .map_err(|cause| StartError::Unfit { path: options.config().to_owned(), cause })?;
    let commits = {
        let (file, directory) = (options.config(), state_dir.file("commits"));
        let kept = Commits::begin(file, directory.clone(), &text, clock::sample());
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
    poller.add(&waker, tokens::API)?;
    poller.add(&signals, tokens::SIGNAL)?;
    poller.add(&notifications, tokens::KERNEL)?;
    addresses::await_duplicate_checks(&plan.ends())?;
    let mut shell = Shell {
        config: Arc::default(),
        started: Instant::now(),
        restart_counter,
        anchor: None,
        gateway: None,
        aaa: Aaa::new(&state_dir.file("accounting"), restart_counter, clock::sample()),
        nas: Roles::default(),
        dynamic: Listener::new(tokens::DYNAMIC),
        leaving: Leaving::default(),
        things: Vec::new(),
        commits,
        committing: None,
        sessions: Sessions::default(),
        listings: Listings::default(),
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
    shell.enter_abandoned();
    let removing = shell.put_in_force(Arc::new(config), prepared, clock::sample());
    shell.remove(removing);
    Ok((shell, Held { _state_dir: state_dir }))
}

/// What is held until the process ends.
pub struct Held {
    _state_dir: StateDir,
}
