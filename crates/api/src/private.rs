//! Files that hold secrets: read only when nobody but their owner can.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Octets of the longest such file; a thousand tokens are less.
const LONGEST: u64 = 256 * 1024;

/// Why a file with a secret is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivateError {
    /// The kernel refuses.
    #[error("cannot be read: {}", reason(.0))]
    Io(#[from] io::Error),
    /// A directory, a device.
    #[error("is no file")]
    NotAFile,
    /// Others can read it, or write it.
    #[error("is open to others than its owner (mode {mode:03o}): chmod 600 closes it")]
    Open {
        /// Its permissions.
        mode: u32,
    },
    /// Someone else could change it.
    #[error("belongs to user {owner}, neither root nor the user of this process")]
    Foreign {
        /// Who it belongs to.
        owner: u32,
    },
    /// Not one of ours.
    #[error("is longer than {LONGEST} octets")]
    TooLong,
}

/// Reads a file that only its owner, root or ourselves, can get at.
pub(crate) fn read(path: &Path) -> Result<String, PrivateError> {
    // Looked at before it is opened: opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(PrivateError::NotAFile);
    }
    let file = File::open(path)?;
    let found = file.metadata()?;
    let mode = found.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(PrivateError::Open { mode });
    }
    let owner = found.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(PrivateError::Foreign { owner });
    }
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST { Err(PrivateError::TooLong) } else { Ok(text) }
}

/// What the kernel said, without the number that std appends.
pub(crate) fn reason(cause: &io::Error) -> String {
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
