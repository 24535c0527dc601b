//! Where the octets of a database lie: a file, or what a test or a bench puts in its place.

use redb::StorageBackend;
use std::fmt::Debug;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

/// Storage that a test or a bench can make slow, full or faulty. The methods are those of a file.
pub trait Disk: Debug + Send + Sync + 'static {
    /// The length in octets.
    fn len(&self) -> io::Result<u64>;

    /// Whether there is nothing in it.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `octets` from `offset` on, or fails.
    fn read(&self, offset: u64, octets: &mut [u8]) -> io::Result<()>;

    /// Cuts it, or extends it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Returns once all that was written is safe.
    fn sync(&self) -> io::Result<()>;

    /// Writes all of `octets` at `offset`.
    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()>;
}

/// Gives the storage anew for each opening.
pub type DiskFactory = Arc<dyn Fn(&Path) -> io::Result<Box<dyn Disk>> + Send + Sync>;

/// Where the octets lie.
#[derive(Clone, Default)]
pub enum DiskSource {
    /// The file itself, locked against other processes.
    #[default]
    File,
    /// What the factory gives.
    Factory(DiskFactory),
}

/// A [`Disk`] as redb wants it. Whoever made it sees to it that nobody else has it.
#[derive(Debug)]
pub struct Adapter(pub Box<dyn Disk>);

impl StorageBackend for Adapter {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn try_lock_range(&self, _start: Bound<u64>, _end: Bound<u64>) -> Result<bool, redb::BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _start: Bound<u64>, _end: Bound<u64>) -> Result<(), redb::BackendError> {
        Ok(())
    }
}
