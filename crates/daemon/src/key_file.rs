//! Keys that are in files: `auth-option spi N key file PATH`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;

use kedge_config::Secret;

use crate::os_error::reason;

/// The longest key, in octets.
const LIMIT: u64 = 256;

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("key file {path}: {}", reason(cause))]
    Unreadable {
        /// The file.
        path: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// Others than its owner may use the file.
    #[error("key file {path} has mode {mode:03o}: only its owner may use it (chmod 600)")]
    Open {
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// The first line has no key.
    #[error("key file {path}: its first line is empty")]
    Empty {
        /// The file.
        path: String,
    },
}

/// The key that is the first line of a file, which only its owner may be able to use.
pub fn read(path: &str) -> Result<Secret, KeyFileError> {
    let unreadable = |cause| KeyFileError::Unreadable { path: path.to_owned(), cause };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Open { path: path.to_owned(), mode });
    }
    let mut line = Vec::new();
    let mut reader = BufReader::new(file.take(LIMIT));
    reader.read_until(b'\n', &mut line).map_err(unreadable)?;
    match line.trim_ascii_end() {
        [] => Err(KeyFileError::Empty { path: path.to_owned() }),
        key => Ok(Secret::new(key)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn only_a_file_that_its_owner_alone_may_use_gives_a_key() {
        let path = std::env::temp_dir().join(format!("kedge-key-file-{}", std::process::id()));
        let name = path.to_str().expect("a name");
        fs::write(&path, "sesame\nmore\n").expect("a file");
        let read_with = |mode| {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a file of ours");
            read(name)
        };
        assert!(matches!(read_with(0o640), Err(KeyFileError::Open { mode: 0o640, .. })));
        assert_eq!(read_with(0o600).expect("a key").expose(), b"sesame");
        fs::write(&path, "\nmore\n").expect("a file");
        assert!(matches!(read_with(0o600), Err(KeyFileError::Empty { .. })));
        fs::remove_file(&path).expect("a file of ours");
        assert!(matches!(read(name), Err(KeyFileError::Unreadable { .. })));
    }
}
