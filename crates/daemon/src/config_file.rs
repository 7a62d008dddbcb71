//! The file that says what the daemon is to be.

use std::fs;
use std::path::Path;

use kedge_config::Config;
use tracing::warn;

use crate::numbers::Numbers;
use crate::start_error::StartError;
use crate::{apply, key_file, log};

/// What is said of a configuration that has neither role.
pub const IDLE: &str = "there is neither 'ipv6 mobile pmipv6-lma' nor 'ipv6 mobile pmipv6-mag': \
    nothing runs until a commit brings one";

/// Looks at the configuration without starting anything: whatever a start refuses for what the text
/// says is refused here. Gives the verdict in a line.
pub fn check(file: &Path) -> Result<String, StartError> {
    let (mut config, warnings, _) = parse(file)?;
    warnings.iter().for_each(log::say);
    if let Err(cause) = config.read_key_files(key_file::read) {
        // The files are on the host that the configuration is for.
        log::say(format_args!("warning: {cause}"));
    }
    let name = file.display();
    match apply::plan(&config, 0, &mut Numbers::default()) {
        Ok(plan) => {
            if plan.is_idle() {
                log::say(format_args!("{name}: warning: {IDLE}"));
            }
            Ok(format!("{name}: no errors"))
        }
        Err(cause) if cause.is_absence() => {
            let lacking = cause.0.iter();
            lacking.for_each(|cause| {
                log::say(format_args!("{name}: warning: kedged does not start with it: {cause}"));
            });
            Ok(format!(
                "{name}: no errors, but a part of a configuration: nothing starts from it alone"
            ))
        }
        Err(cause) => Err(StartError::Unfit { path: file.to_owned(), cause }),
    }
}

/// Reads the configuration to start from, and prints what there is to say about it.
pub fn read(file: &Path) -> Result<(Config, String), StartError> {
    let read = read_again(file)?;
    apply::plan(&read.0, 0, &mut Numbers::default())
        .map_err(|cause| StartError::Unfit { path: file.to_owned(), cause })?;
    Ok(read)
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

#[cfg(test)]
mod tests;
