//! Opening: a new file, one of ours, or one that is better left alone.

use super::disk::{Adapter, DiskSource};
use super::tables::{ALL, FORMAT, Lazy, META};
use super::{StoreError, meta};
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableError};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

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
            Self::Locked(path) => write!(f, "{}: another process holds this database", path.display()),
            Self::Foreign(path, found) => {
                write!(
                    f,
                    "{}: not a database of bouncesvc, or a damaged one ({found}); it was left as it is",
                    path.display()
                )
            }
            Self::Newer(path, theirs, ours) => write!(
                f,
                "{}: written by a newer bouncesvc (format {theirs}, this version reads up to {ours}); install that version",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

/// Opens or creates the database, and makes sure that it is ours.
pub fn open(path: &Path, disk: &DiskSource, cache_octets: usize) -> Result<Database, OpenError> {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_octets);
    let database = match disk {
        DiskSource::File => open_file(path, &builder)?,
        DiskSource::Factory(factory) => {
            let disk = factory(path).map_err(|error| OpenError::Io(path.to_owned(), error))?;
            builder.create_with_backend(Adapter(disk)).map_err(|error| explain(path, error))?
        }
    };
    check(path, &database)?;
    Ok(database)
}

fn open_file(path: &Path, builder: &Builder) -> Result<Database, OpenError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| OpenError::Io(folder.to_owned(), error))?;
    }
    builder.create(path).map_err(|error| explain(path, error))
}

fn explain(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::Locked(path),
        DatabaseError::Storage(StorageError::Io(error)) if is_about_content(&error) => {
            OpenError::Foreign(path, error.to_string())
        }
        DatabaseError::Storage(StorageError::Io(error)) => OpenError::Io(path, error),
        other => OpenError::Foreign(path, other.to_string()),
    }
}

/// redb's words for a file that begins with something else, and for one that ends too early.
fn is_about_content(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// A database without any table is new; one with a format is ours; anything else belongs to somebody.
fn check(path: &Path, database: &Database) -> Result<(), OpenError> {
    let foreign = |error: StoreError| OpenError::Foreign(path.to_owned(), error.to_string());
    match format(database).map_err(foreign)? {
        Found::Nothing => create(database).map_err(|error| OpenError::Io(path.to_owned(), io::Error::other(error))),
        Found::Format(format) if format > FORMAT => Err(OpenError::Newer(path.to_owned(), format, FORMAT)),
        Found::Format(_) => Ok(()),
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
