//! `backup`: a consistent copy of the database, also while the daemon runs.
//!
//! The command opens the file, and the daemon fills it: so it is written where who calls can write, also where the daemon, which its
//! service manager confines to its own folders, cannot.

use super::Failure;
use super::arguments::Backup;
use super::desk::Asked;
use super::exit::DATA;
use super::part::Part;
use crate::config::{self, Choice};
use crate::folder;
use crate::operate::{Reply, Request};
use crate::status::words::count;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What a copy begins with.
const MAGIC: &[u8] = b"redb";

/// Writes the copy beside its place, and moves it there once it is whole.
pub fn run(choice: &Choice, options: &Backup) -> Result<(), Failure> {
    let config = config::load(choice)?;
    let target = &options.file;
    check_replaced(target, &config.database)?;
    let mut asked = Asked::open(&config, false)?;
    let part = Part::beside(target)?;
    let named = |failure: Failure| Failure { message: format!("{}: {}", target.display(), failure.message), ..failure };
    let rows = fill(&mut asked, part.file()?).map_err(named)?;
    let octets = part.put_in_place()?;
    folder::sync(folder::of(target))?;
    Ok(writeln!(io::stdout(), "{}: {}, {octets} octets", target.display(), count(rows, "row"))?)
}

/// An older copy may be replaced, but no other file, and least of all the database itself.
fn check_replaced(target: &Path, database: &Path) -> Result<(), Failure> {
    let Ok(there) = target.metadata() else { return Ok(()) };
    if database.metadata().is_ok_and(|live| (live.dev(), live.ino()) == (there.dev(), there.ino())) {
        return Err(Failure::new(DATA, format!("{} is the database itself", target.display())));
    }
    let mut head = [0; MAGIC.len()];
    let is_copy = there.is_file()
        && (there.len() == 0
            || File::open(target).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == MAGIC);
    if is_copy {
        return Ok(());
    }
    Err(Failure::new(DATA, format!("{} is there already, and is no copy of a database", target.display())))
}

fn fill(asked: &mut Asked<'_>, part: File) -> Result<u64, Failure> {
    let mut copied = 0;
    asked.ask_with(&Request::Backup, Some(part), &mut |reply| {
        copied = if let Reply::Copied(rows) = reply { rows } else { 0 };
        Ok(())
    })?;
    Ok(copied)
}
