//! The archive that Linux unpacks into its first file system.
//!
//! Format "newc" (kernel Documentation/driver-api/early-userspace/buffer-format.rst): for each
//! entry a header of 13 numbers in eight hexadecimal digits, the name with a NUL, the data; name
//! and data are padded to four octets. An entry named `TRAILER!!!` ends it.

use std::collections::BTreeSet;

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// An archive that is being written. Folders appear with the first file in them.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    folders: BTreeSet<String>,
    entries: u32,
}

impl Archive {
    /// Adds a folder, given by its absolute path, and those it is in.
    pub fn folder(&mut self, path: &str) {
        let path = path.trim_matches('/');
        for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]) {
            let folder = &path[..end];
            if !folder.is_empty() && self.folders.insert(folder.to_owned()) {
                self.entry(folder, DIRECTORY, (0, 0), &[]);
            }
        }
    }

    /// Adds a file that may be executed.
    pub fn file(&mut self, path: &str, data: &[u8]) {
        self.parent(path);
        self.entry(path.trim_start_matches('/'), PROGRAM, (0, 0), data);
    }

    /// Adds a character device of this major and minor number.
    pub fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.parent(path);
        self.entry(path.trim_start_matches('/'), CHARACTER_DEVICE, (major, minor), &[]);
    }

    /// Ends the archive.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn parent(&mut self, path: &str) {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(folder);
        }
    }

    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), data: &[u8]) {
        self.entries += 1;
        let [size, name_size] = [data.len(), name.len() + 1]
            .map(|length| u32::try_from(length).expect("no file of ours has 4 GiB"));
        // inode, mode, uid, gid, links, mtime, size, device it is on (2), device it is (2),
        // name size, checksum (none in this format).
        let numbers =
            [self.entries, mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for number in numbers {
            self.bytes.extend_from_slice(format!("{number:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_header_a_name_and_data_each_padded_to_four_octets() {
        let mut archive = Archive::default();
        archive.file("/init", b"hello");
        let bytes = archive.finish();
        let header = "070701\
            00000001000081ED000000000000000000000001000000000000000500000000\
            0000000000000000000000000000000500000000";
        assert_eq!(String::from_utf8_lossy(&bytes[..110]), header);
        assert_eq!(&bytes[110..124], b"init\0\0hello\0\0\0");
        assert!(bytes.ends_with(b"TRAILER!!!\0\0\0\0"));
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn the_folders_above_a_file_come_once_and_before_it() {
        let mut archive = Archive::default();
        archive.file("/lib/one/a", b"");
        archive.file("/lib/one/b", b"");
        let text = String::from_utf8_lossy(&archive.finish()).into_owned();
        let places: Vec<_> = ["lib\0", "lib/one\0", "lib/one/a\0", "lib/one/b\0"]
            .iter()
            .map(|name| text.match_indices(name).map(|(at, _)| at).collect::<Vec<_>>())
            .collect();
        assert!(places.iter().all(|found| found.len() == 1), "{places:?}");
        assert!(places.is_sorted(), "{places:?}");
    }
}
