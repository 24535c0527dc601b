//! `backup`: a consistent copy of the database, also while the daemon runs.
//!
//! The command opens the file, and the daemon fills it: so it is written where who calls can write, also where the daemon, which its
//! service manager confines to its own folders, cannot.

use super::Failure;
use super::arguments::Backup;
use super::desk::Asked;
use super::exit::DATA;
use crate::config::{self, Choice};
use crate::operate::{Reply, Request};
use crate::status::words::count;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What a copy begins with.
const MAGIC: &[u8] = b"redb";

/// Writes the copy beside its place, and moves it there once it is whole.
pub fn run(choice: &Choice, options: &Backup) -> Result<(), Failure> {
    let config = config::load(choice)?;
    let target = &options.file;
    check_replaced(target, &config.database)?;
    let part = beside(target);
    let copied =
        fill(&mut Asked::open(&config, false)?, &part).and_then(|rows| Ok((rows, put_in_place(&part, target)?)));
    if copied.is_err() {
        // Whatever it is that failed, this file is of no use.
        let _ = fs::remove_file(&part);
    }
    let (rows, octets) = copied?;
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

/// Readable by who calls alone, since it holds addresses.
fn fill(asked: &mut Asked<'_>, part: &Path) -> Result<u64, Failure> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(part);
    let file = opened.map_err(|error| Failure::try_again(format!("{}: {error}", part.display())))?;
    let mut copied = 0;
    asked.ask_with(&Request::Backup, Some(file), &mut |reply| {
        copied = if let Reply::Copied(rows) = reply { rows } else { 0 };
        Ok(())
    })?;
    Ok(copied)
}

fn put_in_place(part: &Path, target: &Path) -> io::Result<u64> {
    let octets = part.metadata()?.len();
    fs::rename(part, target)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(octets)
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    target.with_file_name(name)
}
