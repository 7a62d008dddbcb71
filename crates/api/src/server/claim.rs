//! The claim to a socket path: who may listen there, decided before anybody listens.
//!
//! A lock file beside the socket is held for as long as the daemon lives; the kernel lets go of
//! it when the process dies, so a lock that can be taken means that no daemon of ours is there.
//! Under the lock, a socket file that nobody answers on is what a dead daemon left, and is
//! replaced. The socket is given its mode before it listens: there is no moment at which a
//! stranger could connect.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::private::reason;

/// Only root and the group enter the directory that we make.
const DIRECTORY_MODE: u32 = 0o750;

/// Only root and the group connect.
const SOCKET_MODE: u32 = 0o660;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// Why the daemon cannot listen for management clients.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another daemon lives there.
    #[error("another daemon answers at {}: stop it, or give this one its own --socket",
        path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something else has the name.
    #[error("{} exists and is no socket: remove it, or choose another --socket", path.display())]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// The host refuses.
    #[error("cannot {what} {}: {}; --socket PATH chooses another place", path.display(), reason(source))]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The right to `path`, given back on drop together with the files.
pub(super) struct Claim {
    path: PathBuf,
    /// Device and inode of the socket file that we made.
    socket: (u64, u64),
    /// Let go of last.
    _lock: Lock,
}

impl Claim {
    /// Takes the path over from a dead daemon, or refuses.
    pub(super) fn take(path: &Path) -> Result<(Self, UnixListener), BindError> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            DirBuilder::new()
                .recursive(true)
                .mode(DIRECTORY_MODE)
                .create(directory)
                .map_err(fault("make the directory", directory))?;
        }
        let lock = Lock::take(path)?;
        remove_stale(path)?;
        let listener = listen(path).map_err(fault("listen at", path))?;
        let made = fs::symlink_metadata(path).map_err(fault("look at", path))?;
        Ok((Self { path: path.to_owned(), socket: identity(&made), _lock: lock }, listener))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Somebody may have put a file of their own there; that one is not ours to remove.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.socket) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// An exclusive lock on `PATH.lock`.
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    fn take(socket: &Path) -> Result<Self, BindError> {
        let mut name = socket.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        loop {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(fault("open", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(BindError::InUse { path: socket.to_owned() });
                }
                Err(TryLockError::Error(source)) => return Err(fault("lock", &path)(source)),
            }
            // A daemon that stopped in between has removed the file we locked: another one
            // could lock its successor. Only the file that bears the name counts.
            let ours = file.metadata().map_err(fault("look at", &path))?;
            if fs::metadata(&path).is_ok_and(|found| identity(&found) == identity(&ours)) {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is still held: `take` copes with who opened it just before.
        let _ = fs::remove_file(&self.path);
    }
}

fn remove_stale(path: &Path) -> Result<(), BindError> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map_err(fault("look at", path))?,
    };
    if !found.file_type().is_socket() {
        return Err(BindError::NotASocket { path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(BindError::InUse { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            tracing::info!(path = %path.display(), "replacing the socket of a dead daemon");
            fs::remove_file(path).map_err(fault("remove the stale", path))
        }
        Err(source) => Err(fault("connect to", path)(source)),
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(BACKLOG)?;
    Ok(OwnedFd::from(socket).into())
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn fault(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BindError {
    move |source| BindError::Io { what, path: path.to_owned(), source }
}
