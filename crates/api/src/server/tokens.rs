//! Tokens: who may come in over TCP, and under which name.
//!
//! The file has a line for each: a name and the SHA-256 of the token in hexadecimal. A token is
//! long and random, so that its hash gives nobody a way back to it, and no salt is needed. The
//! file is read whenever a token is looked up: who is struck out of it is out at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::private::{self, PrivateError};

/// Characters of the shortest token that is looked at: 128 bits in hexadecimal.
const SHORTEST: usize = 32;

/// The SHA-256 of a token.
pub(super) type Hash = [u8; 32];

/// The file of the tokens.
pub(super) struct Tokens(pub(super) PathBuf);

/// Why the tokens cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] PrivateError),
    /// A line of it.
    #[error("line {line} is no NAME and SHA-256 in hexadecimal")]
    Line {
        /// From 1.
        line: usize,
    },
}

impl Tokens {
    /// The name that goes with a token, if there is one. Every line is compared, whichever fits,
    /// and each in constant time.
    pub(super) fn name(&self, hash: &Hash) -> Result<Option<Arc<str>>, TokenError> {
        let mut found = None;
        for (name, known) in read(&self.0)? {
            if bool::from(known.ct_eq(hash)) {
                found = Some(Arc::from(name));
            }
        }
        Ok(found)
    }

    /// Whether the file can be used.
    pub(super) fn check(&self) -> Result<(), TokenError> {
        read(&self.0).map(drop)
    }
}

/// The hash that stands for a token in the file; none for one that is too short to be safe.
pub(super) fn hash(token: &str) -> Option<Hash> {
    (token.len() >= SHORTEST).then(|| Sha256::digest(token.as_bytes()).into())
}

fn read(path: &Path) -> Result<Vec<(String, Hash)>, TokenError> {
    let text = private::read(path)?;
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let written = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', '!']));
    written.map(|(line, text)| entry(text).ok_or(TokenError::Line { line })).collect()
}

fn entry(line: &str) -> Option<(String, Hash)> {
    let mut words = line.split_whitespace();
    let (name, digits) = (words.next()?, words.next()?);
    let mut hash = Hash::default();
    if words.next().is_some() || digits.len() != 2 * hash.len() || !digits.is_ascii() {
        return None;
    }
    for (octet, at) in hash.iter_mut().zip((0..digits.len()).step_by(2)) {
        *octet = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
    }
    Some((name.to_owned(), hash))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const TOKEN: &str = "correct-horse-battery-staple-0123456789";

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, Tokens) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("tokens");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (place, Tokens(path))
    }

    fn line(name: &str, token: &str) -> String {
        let digits: Vec<String> =
            hash(token).unwrap().iter().map(|octet| format!("{octet:02x}")).collect();
        format!("{name} {}\n", digits.concat())
    }

    #[test]
    fn a_token_has_the_name_of_its_line_and_an_unknown_one_has_none() {
        let other = "x".repeat(40);
        let text = format!("# who may\n\n{}{}", line("robot", TOKEN), line("anna", &other));
        let (_place, tokens) = file(&text, 0o600);
        assert_eq!(tokens.name(&hash(TOKEN).unwrap()).unwrap().as_deref(), Some("robot"));
        assert_eq!(tokens.name(&hash(&other).unwrap()).unwrap().as_deref(), Some("anna"));
        assert_eq!(tokens.name(&hash(&"y".repeat(40)).unwrap()).unwrap(), None);
    }

    #[test]
    fn a_hash_is_the_sha_256_that_other_programs_make() {
        // printf %s TOKEN | sha256sum
        let known = "653bb1245e828fcda4fa53fcd5a3def5bd7654e651f54b4132b73d74e64435c4";
        assert_eq!(line("x", "abcdefghijklmnopqrstuvwxyz012345"), format!("x {known}\n"));
        assert_eq!(hash("short"), None);
    }

    #[test]
    fn a_file_that_others_can_read_or_write_is_refused() {
        for mode in [0o640, 0o604, 0o620, 0o602] {
            let (_place, tokens) = file(&line("robot", TOKEN), mode);
            let error = tokens.check().unwrap_err();
            assert!(matches!(error, TokenError::File(PrivateError::Open { .. })), "{mode:o}");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_line_that_is_no_token_is_named() {
        let good = line("robot", TOKEN);
        for bad in ["robot", "robot 12", &format!("{} more", good.trim_end()), "robot \u{e9}"] {
            let (_place, tokens) = file(&format!("{good}{bad}\n"), 0o600);
            let error = tokens.check().unwrap_err();
            assert!(matches!(error, TokenError::Line { line: 2 }), "{bad}: {error}");
        }
    }
}
