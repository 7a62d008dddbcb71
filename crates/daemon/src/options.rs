//! The process's own flags. What Kedge does is in its configuration, not here.

use std::path::PathBuf;

use clap::Parser;

/// Proxy Mobile IPv6 anchor and gateway.
#[derive(Parser, Debug)]
#[command(name = "kedged", version)]
pub struct Options {
    /// Configuration to run
    #[arg(long, value_name = "FILE", default_value = "/etc/kedge/kedge.conf")]
    pub config: PathBuf,
    /// Read the configuration, say what is wrong with it, and exit
    #[arg(long)]
    pub check: bool,
    /// Where `kedge` reaches the daemon
    #[arg(long, value_name = "PATH", default_value = "/run/kedge/kedge.sock")]
    pub socket: PathBuf,
    /// What must survive a restart
    #[arg(long, value_name = "DIR", default_value = "/var/lib/kedge")]
    pub state_dir: PathBuf,
}

/// Reads the command line; explains itself and exits with status 2 if it cannot.
pub fn parse() -> Options {
    Options::parse()
}
