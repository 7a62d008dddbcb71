//! The process's own flags. What Kedge does is in its configuration, not here.

use std::path::{Path, PathBuf};

use clap::Parser;

/// Proxy Mobile IPv6 anchor and gateway.
#[derive(Parser, Debug)]
#[command(name = "kedged", version)]
pub struct Options {
    /// Configuration to run
    #[arg(long, value_name = "FILE", default_value = "/etc/kedge/kedge.conf")]
    config: PathBuf,
    /// Read the configuration, or this FILE, say what is wrong with it, and exit
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    check: Option<Option<PathBuf>>,
    /// Where `kedge` reaches the daemon
    #[arg(long, value_name = "PATH", default_value = "/run/kedge/kedge.sock")]
    pub socket: PathBuf,
    /// What must survive a restart
    #[arg(long, value_name = "DIR", default_value = "/var/lib/kedge")]
    pub state_dir: PathBuf,
}

impl Options {
    /// The configuration that this is about.
    pub fn config(&self) -> &Path {
        self.check.iter().flatten().next().unwrap_or(&self.config)
    }

    /// Whether it is only to be looked at.
    pub fn only_checks(&self) -> bool {
        self.check.is_some()
    }
}

/// Reads the command line; explains itself and exits with status 2 if it cannot.
pub fn parse() -> Options {
    Options::parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_to_check_is_named_by_either_flag() {
        let parse = |line: &str| Options::try_parse_from(line.split(' ')).unwrap();
        for line in ["kedged --check a.conf", "kedged --config a.conf --check"] {
            let options = parse(line);
            assert!(options.only_checks(), "{line}");
            assert_eq!(options.config(), Path::new("a.conf"), "{line}");
        }
        assert!(!parse("kedged --config a.conf").only_checks());
    }
}
