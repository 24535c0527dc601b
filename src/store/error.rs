//! Why a transaction failed.

use std::fmt;
use std::io;

/// Why a transaction failed. It is never in the database by half; after a sync that failed it may be there as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// No space left: 452.
    Full(String),
    /// Anything else: 451. The database is reopened with backoff.
    Failed(String),
}

impl StoreError {
    /// Sorts an error of the operating system.
    pub(super) fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(text) => write!(f, "no space left for the database: {text}"),
            Self::Failed(text) => write!(f, "the database failed: {text}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => Self::from_io(&error),
            // redb's words are for a programmer, and reach an operator whose backup ran meanwhile.
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                Self::Failed("it was closed after a fault".to_owned())
            }
            other => Self::Failed(other.to_string()),
        }
    }
}

macro_rules! from_redb {
    ($($error:ty),*) => {
        $(impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from_redb!(redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError);

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::from_io(&error)
    }
}
