//! Folders that survive a power loss: a file that is synced is gone all the same while the folder that names it is not.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// The folder that names `path`.
pub fn of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the names in `folder` durable.
pub fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        // It may be written and not read, so that it cannot be opened: then all that the system holds is synced.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            rustix::fs::sync();
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Makes `folder` and those above it that are missing, durable on return; `mode` is narrowed by the umask.
pub fn make(folder: &Path, mode: u32) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    make(of(folder), mode)?;
    match DirBuilder::new().mode(mode).create(folder) {
        // Another process may have been faster.
        Err(error) if !folder.is_dir() => Err(error),
        _ => sync(of(folder)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn missing_folders_are_made_with_their_mode_and_others_left_alone() {
        let there = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let before = mode(there.path());
        let below = there.path().join("a/b");
        for _ in 0..2 {
            make(&below, 0o750).unwrap();
            assert_eq!([mode(there.path()), mode(&there.path().join("a")), mode(&below)], [before, 0o750, 0o750]);
        }
        fs::write(there.path().join("file"), "in the way").unwrap();
        assert!(make(&there.path().join("file/c"), 0o750).is_err());
    }

    #[test]
    fn a_bare_name_lies_in_the_present_folder() {
        assert_eq!([of(Path::new("name")), of(Path::new("a/name"))], [Path::new("."), Path::new("a")]);
    }
}
