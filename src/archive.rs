//! The archive of the mails behind suspensions: [`compress`] and [`write()`]. Files and names only; when they are written is decided by the notifier.
//!
//! A mail goes to `<folder>/<first two characters>/<address>.gz`, all in lower case. A later mail for the same address does not
//! replace it, but goes beside it as `<address>.<hash of the content>.gz`: so writing the same mail again (after a crash between the
//! file and the database) changes nothing. Each file is complete or absent: it is written under a name that starts with a dot, synced, and renamed.
//!
//! In a name every octet other than `a-z`, `0-9` and `@ + = _ - .` becomes `%` and two digits, and so does a leading dot: no address leaves the
//! folder, hides, or carries control characters. What is longer than 180 characters then is cut there and ends with `~` and a hash
//! of the whole address. Folders are made with mode 0700, files with 0600: bounces hold personal data.

use crate::folder;
use crate::types::Address;
use flate2::{Compression, GzBuilder};
use ring::digest::{SHA256, digest};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// `mail` as a gzip file without a time stamp: equal mails give equal octets.
pub fn compress(mail: &[u8]) -> Vec<u8> {
    // Fast: it runs beside the event loop, perhaps on its processor.
    let mut encoder = GzBuilder::new().write(Vec::with_capacity(mail.len() / 2), Compression::fast());
    encoder.write_all(mail).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Writes a compressed mail for `address` below `dir`, durable on return.
pub fn write(dir: &Path, address: &Address, bytes: &[u8]) -> io::Result<()> {
    let name = file_name(address);
    let folder = dir.join(name.get(..2).unwrap_or(&name));
    folder::make(&folder, 0o700)?;
    let first = folder.join(format!("{name}.gz"));
    let target = match fs::read(&first) {
        // Written before a crash, and perhaps not yet named on the disk.
        Ok(known) if known == bytes => return folder::sync(&folder),
        Ok(_) => folder.join(format!("{name}.{}.gz", hash(bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => first,
        Err(error) => return Err(error),
    };
    let unfinished = folder.join(format!(".{name}.unfinished"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // Only this process writes here, so nothing has come to stand at the target meanwhile but the same content.
    fs::rename(&unfinished, &target)?;
    folder::sync(&folder)
}

fn file_name(address: &Address) -> String {
    let key = address.key();
    let mut name = String::with_capacity(key.len());
    for (place, octet) in key.bytes().enumerate() {
        match octet {
            b'a'..=b'z' | b'0'..=b'9' | b'@' | b'+' | b'=' | b'_' | b'-' => name.push(octet.into()),
            b'.' if place > 0 => name.push('.'),
            _ => write!(name, "%{octet:02x}").unwrap_or_default(),
        }
    }
    if name.len() > NAME_CHARS_MAX {
        name.truncate(NAME_CHARS_MAX);
        name.push('~');
        name.push_str(&hash(key.as_bytes()));
    }
    name
}

/// The first 16 hexadecimal digits of SHA-256.
fn hash(octets: &[u8]) -> String {
    let digest = digest(&SHA256, octets);
    let head: [u8; 8] = digest.as_ref().first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(head))
}

/// With both hashes and the endings a name stays below the 255 octets that file systems allow.
const NAME_CHARS_MAX: usize = 180;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn files(dir: &Path) -> Vec<String> {
        let mut files = Vec::new();
        for folder in fs::read_dir(dir).unwrap() {
            for file in fs::read_dir(folder.unwrap().path()).unwrap() {
                files.push(file.unwrap().path().strip_prefix(dir).unwrap().to_str().unwrap().to_owned());
            }
        }
        files.sort();
        files
    }

    #[test]
    fn what_was_compressed_is_read_again_and_equal_mails_are_equal() {
        let mail = b"Subject: x\r\n\r\nNo such user\r\n".repeat(100);
        let bytes = compress(&mail);
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut read).unwrap();
        assert_eq!(read, mail);
        assert!(bytes.len() < mail.len() / 10);
        assert_eq!(bytes, compress(&mail));
    }

    #[test]
    fn a_later_mail_goes_beside_an_earlier_one_and_the_same_one_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let address = address("Evil-Address@some-provider.com");
        for bytes in [b"one", b"two", b"one", b"two"] {
            write(dir.path(), &address, bytes).unwrap();
        }
        let files = files(dir.path());
        assert_eq!(files.len(), 2);
        assert_eq!(files[1], "ev/evil-address@some-provider.com.gz");
        assert_eq!(files[0], format!("ev/evil-address@some-provider.com.{}.gz", hash(b"two")));
        assert_eq!(fs::read(dir.path().join(&files[1])).unwrap(), b"one");
        assert_eq!(fs::read(dir.path().join(&files[0])).unwrap(), b"two");
    }

    #[test]
    fn hostile_addresses_stay_in_the_folder() {
        for (text, name) in [
            ("../../etc/passwd@a.de", "%2e.%2f..%2fetc%2fpasswd@a.de"),
            ("/etc/passwd@a.de", "%2fetc%2fpasswd@a.de"),
            (".hidden@a.de", "%2ehidden@a.de"),
            ("a%2f~b@a.de", "a%252f%7eb@a.de"),
            ("\"a b\"@a.de", "%22a%20b%22@a.de"),
            ("ü\u{202e}@a.de", "%c3%bc%e2%80%ae@a.de"),
            ("UPPER@A.DE", "upper@a.de"),
        ] {
            let file = file_name(&address(text));
            assert_eq!(file, name);
            assert!(!file.contains('/') && !file.starts_with('.') && file.is_ascii(), "{file}");
        }
    }

    #[test]
    fn over_long_addresses_are_cut_and_stay_apart() {
        let dir = tempfile::tempdir().unwrap();
        let long = |end: &str| address(&format!("{}{end}@a.de", "ü".repeat(120)));
        for end in ["a", "b"] {
            write(dir.path(), &long(end), b"one").unwrap();
            write(dir.path(), &long(end), b"two").unwrap();
        }
        let files = files(dir.path());
        assert_eq!(files.len(), 4);
        assert!(files.iter().all(|file| file.len() < 255), "{files:?}");
    }

    #[test]
    fn only_the_owner_may_read() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("archive");
        write(&below, &address("a@b.de"), b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&below), 0o700);
        assert_eq!(mode(&below.join("a@")), 0o700);
        assert_eq!(mode(&below.join("a@/a@b.de.gz")), 0o600);
    }

    #[test]
    fn a_file_that_a_crash_left_unfinished_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a@")).unwrap();
        fs::write(dir.path().join("a@/.a@b.de.unfinished"), b"a long rest of before").unwrap();
        write(dir.path(), &address("a@b.de"), b"x").unwrap();
        assert_eq!(files(dir.path()), ["a@/a@b.de.gz"]);
        assert_eq!(fs::read(dir.path().join("a@/a@b.de.gz")).unwrap(), b"x");
    }

    #[test]
    fn an_unwritable_folder_is_an_error_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a@"), b"a file in the way").unwrap();
        assert!(write(dir.path(), &address("a@b.de"), b"x").is_err());
    }
}
