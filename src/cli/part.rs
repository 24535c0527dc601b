//! A file that a command writes for its caller: [`Part`].
//!
//! It is complete or absent, also after a power loss, readable by who calls alone since it holds addresses, and never written through a
//! link that somebody laid into the folder. What may be replaced is decided elsewhere.

use crate::folder;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A file beside its place, and gone with this value unless it was put there.
pub struct Part {
    path: PathBuf,
    target: PathBuf,
    file: File,
}

impl Part {
    /// Empty, open for reading and writing. The error names the folder.
    pub fn beside(target: &Path) -> io::Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = target.with_file_name(name);
        let file = create(&path).map_err(|error| named(folder::of(target), &error))?;
        Ok(Self { path, target: target.to_owned(), file })
    }

    /// For another process to fill it.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Appends. The error names the place.
    pub fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.file.write_all(octets).map_err(|error| named(&self.target, &error))
    }

    /// Replaces what is at its place, a link by itself, and tells the octets, which are on the disk then; their name is there for good
    /// after [`folder::sync`]. The error names the place.
    pub fn put_in_place(self) -> io::Result<u64> {
        let octets = self.file.metadata()?.len();
        self.file.sync_all().map_err(|error| named(&self.target, &error))?;
        fs::rename(&self.path, &self.target).map_err(|error| named(&self.target, &error))?;
        Ok(octets)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // There is none once it was put in its place.
        let _ = fs::remove_file(&self.path);
    }
}

/// What an earlier process of this number left behind makes room.
fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_link_is_replaced_and_never_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, target) = (folder.path().join("victim"), folder.path().join("copy"));
        fs::write(&victim, "kept").unwrap();
        symlink(&victim, &target).unwrap();
        symlink(&victim, folder.path().join(format!("copy.{}.part", std::process::id()))).unwrap();
        let mut part = Part::beside(&target).unwrap();
        part.write(b"copied").unwrap();
        assert_eq!(part.put_in_place().unwrap(), 6);
        assert_eq!((fs::read(&victim).unwrap(), fs::read(&target).unwrap()), (b"kept".to_vec(), b"copied".to_vec()));
        assert_eq!(fs::symlink_metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_not_put_in_its_place_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Part::beside(&folder.path().join("copy")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let error = Part::beside(&folder.path().join("none/copy")).err().unwrap().to_string();
        assert!(error.starts_with(folder.path().to_str().unwrap()), "{error}");
    }
}
