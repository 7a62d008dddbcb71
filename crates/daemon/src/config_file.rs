//! The file that says what the daemon is to be.

use std::fs;
use std::path::Path;

use kedge_config::Config;
use tracing::warn;

use crate::numbers::Numbers;
use crate::options::Options;
use crate::start_error::StartError;
use crate::{apply, key_file, log};

/// Reads the configuration and prints what there is to say about it.
pub fn read(options: &Options) -> Result<(Config, String), StartError> {
    let path = || options.config().to_owned();
    let (mut config, warnings, text) = parse(options.config())?;
    for warning in &warnings {
        if options.only_checks() {
            log::say(warning);
        } else {
            warn!("{}: {}", warning.place, warning.caution);
        }
    }
    match config.read_key_files(key_file::read) {
        // The files are on the host that the configuration is for.
        Err(cause) if options.only_checks() => log::say(format_args!("warning: {cause}")),
        read => read?,
    }
    match apply::plan(&config, 0, &mut Numbers::default()) {
        Ok(_) => Ok((config, text)),
        // A file may be a part of a configuration, as the domains that several files share.
        Err(cause) if options.only_checks() && cause.is_absence() => {
            let file = options.config().display();
            log::say(format_args!("{file}: warning: kedged does not start with it: {cause}"));
            Ok((config, text))
        }
        Err(cause) => Err(StartError::Unfit { path: path(), cause }),
    }
}

/// Reads the configuration of a daemon that runs.
pub fn read_again(file: &Path) -> Result<(Config, String), StartError> {
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
