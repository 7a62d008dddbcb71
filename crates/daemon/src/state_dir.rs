//! What the daemon remembers between two runs.
//!
//! One directory, owned by one running daemon at a time: `lock` is held for as long as the
//! process lives, `restart-counter` counts its starts for the Heartbeat's Restart Counter option
//! (RFC 5847 §3.3: "MUST be stored in non-volatile memory"), and `host-before` says what the
//! host was like before the daemon changed it, while it is changed.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::os_error::reason;

/// The directory, locked.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    /// Holding the file open holds the lock.
    _lock: File,
}

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be made or opened.
    #[error("state directory {path}: {} (--state-dir DIR chooses another)", reason(cause))]
    Open {
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// Another daemon holds it.
    #[error("state directory {path} is in use by another kedged (--state-dir DIR chooses another)")]
    Busy {
        /// The directory.
        path: PathBuf,
    },
}

impl StateDir {
    /// Makes the directory if it is missing, readable by its owner alone, and locks it.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |cause| StateError::Open { path: path.into(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(StateError::Busy { path: path.into() }),
            Err(fs::TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }

    /// Where a file of the directory is.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Counts this start and gives its number.
    ///
    /// The new number is on the disk before it is returned. A file that cannot be read as a
    /// number is an error, not a zero: peers would take a counter that went backwards for a
    /// message from the past.
    pub fn count_restart(&self) -> io::Result<u32> {
        let file = self.path.join("restart-counter");
        let last = match fs::read_to_string(&file) {
            Ok(text) => text.trim().parse::<u32>().map_err(|_| {
                let what = format!(
                    "{} holds no number; write a higher one than any before into it",
                    file.display()
                );
                io::Error::new(io::ErrorKind::InvalidData, what)
            })?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
            Err(e) => return Err(e),
        };
        let next = last.wrapping_add(1);
        replace(&file, format!("{next}\n").as_bytes())?;
        Ok(next)
    }
}

/// Writes a file so that a crash at any instant leaves the old content or the new one. A file
/// that is replaced keeps its mode; a new one is its owner's alone.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // The file itself, not a link to it, is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = directory.join(format!(".{name}.new"));
    let renamed = write(&temporary, content, &path).and_then(|()| fs::rename(&temporary, &path));
    if let Err(error) = renamed {
        // On a disk that is full, every octet counts.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(directory)?.sync_all()
}

fn write(temporary: &Path, content: &[u8], instead_of: &Path) -> io::Result<()> {
    let mut new = fs::OpenOptions::new();
    let mut new = new.create(true).write(true).truncate(true).mode(0o600).open(temporary)?;
    if let Ok(old) = fs::metadata(instead_of) {
        new.set_permissions(old.permissions())?;
    }
    new.write_all(content)?;
    new.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn every_start_has_the_next_number_and_one_daemon_has_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let first = StateDir::open(&path).unwrap();
        assert_eq!(first.count_restart().unwrap(), 1);
        assert!(matches!(StateDir::open(&path), Err(StateError::Busy { .. })));
        drop(first);
        assert_eq!(StateDir::open(&path).unwrap().count_restart().unwrap(), 2);
    }

    #[test]
    fn a_damaged_counter_is_reported_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("restart-counter"), "seven").unwrap();
        let error = StateDir::open(dir.path()).unwrap().count_restart().unwrap_err();
        assert!(error.to_string().contains("restart-counter holds no number;"), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join("restart-counter")).unwrap(), "seven");
    }

    #[test]
    fn a_file_is_replaced_where_a_link_leads_and_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let fresh = dir.path().join("fresh");
        replace(&fresh, b"x").unwrap();
        assert_eq!(fs::metadata(&fresh).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing else is left");
    }
}
