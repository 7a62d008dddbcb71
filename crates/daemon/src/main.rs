//! `kedged`: a Local Mobility Anchor, a Mobile Access Gateway, or both.
//!
//! This crate is the shell around the pure machines: the only place where they meet sockets,
//! clocks, the kernel's tables and people.
//!
//! ```text
//!            API threads ── requests ──┐             netlink events ──┐
//!                                      ▼                              ▼
//!  signalling sockets ◄──► the loop (shell): one thread, one epoll ◄──── access sockets
//!                            │ lma │ mag │                                 (gateway)
//!                            └──┬──┴──┬──┘
//!               forwarding changes    └── routes, rules, addresses (host)
//!                               ▼
//!                  forwarder threads (dp-user): TUN ◄──► transport sockets
//! ```
//!
//! The loop owns every machine and all control state; nothing in it waits for anything but
//! epoll. The forwarder threads own their tables and take changes over bounded queues.

mod aaa;
mod access_entry;
mod addresses;
mod anchor;
mod answer;
mod apply;
mod capture;
mod clock;
mod commit;
mod commit_list;
mod commits;
mod committing;
mod complaint;
mod config_file;
mod configure;
mod console;
mod conversation;
mod counters;
mod debug;
mod decode;
mod devices;
mod dynamic_author;
mod ends;
mod errand;
mod event_loop;
mod fit;
mod forwarding;
mod gateway;
mod hints;
mod history;
mod hit_log;
mod imsi;
mod in_service;
mod key_file;
mod leaving;
mod link_mtu;
mod listing;
mod live_names;
mod log;
mod named;
mod numbers;
mod observe;
mod options;
mod os_error;
mod prepared;
mod preparing;
mod preview;
mod removing;
mod routes;
mod session_show;
mod shell;
mod show;
mod signalling;
mod start_error;
mod startup;
mod state_dir;
mod tokens;
mod trace;
mod turns;
mod undo;
mod watch;
mod words;
mod worlds;

use std::io::{self, Write as _};
use std::process::ExitCode;

use kedge_net::memory::HugePages;
use tracing::error;

use crate::options::Options;
use crate::start_error::StartError;

#[global_allocator]
static MEMORY: HugePages = HugePages;

fn main() -> ExitCode {
    let options = options::parse();
    log::start();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            error!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), StartError> {
    if options.only_checks() {
        let verdict = config_file::check(options.config())?;
        // The status says it, too, if nobody reads this.
        let _ = writeln!(io::stdout(), "{verdict}");
        return Ok(());
    }
    let (config, text) = config_file::read(options.config())?;
    let (shell, _held) = startup::start(options, config, text)?;
    shell.run()
}
