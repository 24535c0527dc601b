//! The database of a daemon that does not run, opened by a command: which commands may make one, and whose it is then.

use super::Failure;
use crate::config::Config;
use crate::store::{OpenError, Store};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

/// Opens it, or makes it: for what brings something to keep. The daemon's user gets what root makes before the first start.
pub fn open_or_make(config: &Config) -> Result<Store, OpenError> {
    let is_new = !config.database.exists();
    let store = Store::open(&config.database, config.store.clone())?;
    if is_new {
        give_to_owner_of_folder(&config.database);
    }
    Ok(store)
}

/// A look at what is not there would only leave an empty file behind, as a rule in the wrong place.
pub fn must_exist(config: &Config) -> Result<(), Failure> {
    let path = config.database.display();
    match config.database.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(Failure::try_again(format!("{path}: there is no database yet: the daemon makes it at its first start")))
        }
        Err(error) => Err(Failure::try_again(format!("{path}: {error}"))),
    }
}

/// Whether root would write into a folder of another user, who could not change the files then.
pub fn belongs_to_another(folder: &Path) -> bool {
    owner(folder).is_some_and(|(user, _)| user != 0) && is_root()
}

fn give_to_owner_of_folder(file: &Path) {
    let Some((user, group)) = file.parent().and_then(owner).filter(|(user, _)| *user != 0 && is_root()) else { return };
    if let Err(error) = chown(file, Some(user), Some(group)) {
        log::warn!("{}: its owner stays root: {error}", file.display());
    }
}

/// User and group of `folder`, or of the first folder above it that is there.
fn owner(folder: &Path) -> Option<(u32, u32)> {
    let there = folder.ancestors().find_map(|folder| folder.metadata().ok())?;
    Some((there.uid(), there.gid()))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
