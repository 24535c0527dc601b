//! Opening: a new file, one of ours, or one that is better left alone.

use super::disk::{Adapter, DiskSource};
use super::overlay::Overlay;
use super::tables::{ALL, FORMAT, JOURNAL, Lazy, META};
use super::{StoreError, expected, mending, meta};
use crate::folder;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableError};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The page cache while a file is verified: each page is read once, and what is given back stays resident.
const VERIFY_CACHE_OCTETS: usize = 512 << 10;

/// Why a database could not be opened. In no case was the file changed.
#[derive(Debug)]
pub enum OpenError {
    /// Another process holds it.
    Locked(PathBuf),
    /// It is no database of ours, or a damaged one: the word of the one who found out.
    Foreign(PathBuf, String),
    /// Written by a newer version: its format, and ours.
    Newer(PathBuf, u32, u32),
    /// The operating system's word.
    Io(PathBuf, io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked(path) => {
                write!(f, "{}: another process holds this database: a daemon, or a command", path.display())
            }
            Self::Foreign(path, found) => {
                write!(
                    f,
                    "{}: not a database of bouncesvc, or a damaged one ({found}); it was left as it is: put a backup in its place, \
                     or move it away to begin with a new one",
                    path.display()
                )
            }
            Self::Newer(path, theirs, ours) => write!(
                f,
                "{}: written by a newer bouncesvc (format {theirs}, this version reads up to {ours}); install that version",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "{}: the database cannot be opened or made: {error}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

/// Makes sure that a file that is there is ours and whole, without a change to it.
///
/// redb checks its pages only after a crash, and panics on a damaged one, whenever it comes to it. So each start reads the whole
/// file, through an overlay that keeps all writes in memory (0.1 s with a million counters). A file that decays
/// later ends the daemon once it meets the damage, and is refused at the next start.
pub fn verify(path: &Path, disk: &DiskSource) -> Result<(), OpenError> {
    if !matches!(disk, DiskSource::File) || !path.exists() {
        return Ok(());
    }
    let file =
        OpenOptions::new().read(true).write(true).open(path).map_err(|error| OpenError::Io(path.to_owned(), error))?;
    if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        return Err(OpenError::Foreign(path.to_owned(), "it is empty".to_owned()));
    }
    // What a panic interrupts is dropped with all that it touched.
    let verified = expected::catch(|| {
        let database = whole(file).map_err(|error| explain(path, error))?;
        check(path, &database)
    });
    verified.unwrap_or_else(|| Err(explain(path, damaged())))
}

fn whole(file: File) -> Result<Database, DatabaseError> {
    let repaired = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&repaired);
    let mut builder = Builder::new();
    builder.set_cache_size(VERIFY_CACHE_OCTETS).set_repair_callback(move |_| noted.store(true, Ordering::Relaxed));
    let mut database = builder.create_with_backend(Overlay::new(file)?)?;
    // The repair after a crash has read and compared everything already.
    if repaired.load(Ordering::Relaxed) || database.check_integrity()? { Ok(database) } else { Err(damaged()) }
}

fn damaged() -> DatabaseError {
    StorageError::Corrupted("some of its pages are not as they were written".to_owned()).into()
}

/// Opens or creates the database, and makes sure that it is ours.
pub fn open(path: &Path, disk: &DiskSource, cache_octets: usize) -> Result<Database, OpenError> {
    if matches!(disk, DiskSource::File) {
        create_file(path, Database::builder().set_cache_size(cache_octets))?;
    }
    open_again(path, disk, cache_octets)
}

/// Opens a database that was open before. Where its file is gone, perhaps with the disk that it lay on, no new one takes its place:
/// what it held would be missing without a word.
pub fn open_again(path: &Path, disk: &DiskSource, cache_octets: usize) -> Result<Database, OpenError> {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_octets);
    let database = match disk {
        DiskSource::File => builder.open(path).map_err(|error| explain(path, error))?,
        DiskSource::Factory(factory) => {
            let disk = factory(path).map_err(|error| OpenError::Io(path.to_owned(), error))?;
            builder.create_with_backend(Adapter(disk)).map_err(|error| explain(path, error))?
        }
    };
    check(path, &database)?;
    mending::mend(&database).map_err(|error| OpenError::Io(path.to_owned(), io::Error::other(error)))?;
    Ok(database)
}

/// Makes a new database where there is none: beside its place, and moved there once it is safe. A crash while redb
/// writes the first pages would leave a file that it does not take for its own.
fn create_file(path: &Path, builder: &Builder) -> Result<(), OpenError> {
    let io = |error| OpenError::Io(path.to_owned(), error);
    if path.try_exists().map_err(io)? {
        return Ok(());
    }
    folder::make(folder::of(path), 0o777).map_err(io)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let new = path.with_file_name(name);
    // It holds mail addresses: not for everybody on the machine.
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o660).open(&new).map_err(io)?;
    let created =
        builder.create(&new).map_err(|error| explain(path, error)).and_then(|database| check(path, &database));
    let placed = created.and_then(|()| put_in_place(&new, path).map_err(io));
    let _ = fs::remove_file(&new);
    placed?;
    folder::sync(folder::of(path)).map_err(io)
}

/// Another process may have been faster: then its database stays.
fn put_in_place(new: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(new, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // File systems without hard links.
        Err(_) => fs::rename(new, path),
        Ok(()) => Ok(()),
    }
}

fn explain(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::Locked(path),
        DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
            io::ErrorKind::InvalidData => OpenError::Foreign(path, "it is another kind of file".to_owned()),
            io::ErrorKind::UnexpectedEof => OpenError::Foreign(path, "it ends too early".to_owned()),
            _ => OpenError::Io(path, error),
        },
        other => OpenError::Foreign(path, other.to_string()),
    }
}

/// A database without any table is new; one with a format is ours; anything else belongs to somebody.
fn check(path: &Path, database: &Database) -> Result<(), OpenError> {
    let foreign = |error: StoreError| OpenError::Foreign(path.to_owned(), error.to_string());
    match format(database).map_err(foreign)? {
        Found::Nothing => create(database).map_err(|error| OpenError::Io(path.to_owned(), io::Error::other(error))),
        Found::Format(format) if format > FORMAT => Err(OpenError::Newer(path.to_owned(), format, FORMAT)),
        Found::Format(FORMAT) => Ok(()),
        Found::Format(_) => upgrade(database).map_err(|error| OpenError::Io(path.to_owned(), io::Error::other(error))),
        Found::Others => Err(OpenError::Foreign(path.to_owned(), "a redb database of another program".to_owned())),
    }
}

enum Found {
    Nothing,
    Format(u32),
    Others,
}

fn format(database: &Database) -> Result<Found, StoreError> {
    let transaction = database.begin_read()?;
    match transaction.open_table(META) {
        Ok(table) => Ok(meta::format(&table)?.map_or(Found::Others, Found::Format)),
        Err(TableError::TableDoesNotExist(_)) if transaction.list_tables()?.next().is_none() => Ok(Found::Nothing),
        Err(TableError::Storage(error)) => Err(error.into()),
        Err(_) => Ok(Found::Others),
    }
}

/// To the format of this version. The first one had no journal; in the second, its rows said less, see [`super::journal`].
fn upgrade(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    transaction.open_table(JOURNAL)?;
    meta::set_format(&mut Lazy::new(&transaction, META))?;
    transaction.commit()?;
    Ok(())
}

/// All tables at once, so that a reader never meets a missing one.
fn create(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    for definition in ALL {
        transaction.open_table(definition)?;
    }
    meta::create(&mut Lazy::new(&transaction, META))?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::TableDefinition;
    use tempfile::TempDir;

    /// A database that `write` filled, and what opening it says.
    fn opened(write: impl FnOnce(&redb::WriteTransaction)) -> (Result<Database, OpenError>, bool) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("bounces.redb");
        let database = Database::create(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        write(&transaction);
        transaction.commit().unwrap();
        drop(database);
        let before = fs::read(&path).unwrap();
        let result = verify(&path, &DiskSource::File).and_then(|()| open(&path, &DiskSource::File, 1 << 20));
        (result, fs::read(&path).unwrap() == before)
    }

    #[test]
    fn a_newer_format_is_refused_and_named() {
        let (result, is_untouched) = opened(|transaction| {
            Lazy::new(transaction, META).write(b"format", &(FORMAT + 1)).unwrap();
        });
        assert!(matches!(result, Err(OpenError::Newer(_, theirs, FORMAT)) if theirs == FORMAT + 1));
        assert!(is_untouched);
    }

    #[test]
    fn a_redb_database_of_another_program_is_refused() {
        let other: TableDefinition<u64, u64> = TableDefinition::new("theirs");
        let same_name: TableDefinition<u64, u64> = TableDefinition::new("meta");
        for definition in [other, same_name] {
            let (result, is_untouched) = opened(|transaction| {
                transaction.open_table(definition).unwrap().insert(1, 1).unwrap();
            });
            assert!(matches!(result, Err(OpenError::Foreign(..))));
            assert!(is_untouched);
        }
    }

    #[test]
    fn what_is_no_database_is_told_in_words_that_name_a_way_out() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("bounces.redb");
        for (content, found) in [(&b""[..], "(it is empty)"), (b"hello", "(it is another kind of file)")] {
            fs::write(&path, content).unwrap();
            let error = verify(&path, &DiskSource::File).unwrap_err().to_string();
            assert!(error.contains(found) && error.contains("put a backup in its place"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_new_database_is_closed_to_strangers_on_the_machine() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("bounces.redb");
        drop(open(&path, &DiskSource::File, 1 << 20).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o007, 0);
    }

    #[test]
    fn a_database_without_a_key_for_digests_gets_one_that_stays() {
        let (result, _) = opened(|transaction| {
            for definition in ALL {
                transaction.open_table(definition).unwrap();
            }
            Lazy::new(transaction, META).write(b"format", &FORMAT).unwrap();
        });
        let database = result.unwrap();
        let key = || meta::digest_key(&database.begin_read().unwrap().open_table(META).unwrap()).unwrap();
        let first = key();
        mending::mend(&database).unwrap();
        assert_eq!(key(), first);
    }
}
