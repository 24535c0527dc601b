//! A disk in memory that fails when it is told to, and that forgets what was not synced when its power fails.

use super::Random;
use bouncesvc::store::{Disk, DiskSource};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What happens at an operation, and to all that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Writes, syncs and changes of length fail.
    Error,
    /// Only syncs fail, from the next one on.
    SyncError,
    /// Writes and changes of length fail for want of space.
    Full,
    /// Everything fails; what was not synced may be on the disk, or not, each sector on its own.
    PowerLoss,
}

/// The disk; clones are the same one.
#[derive(Debug, Clone)]
pub struct MemoryDisk(Arc<Mutex<Platter>>);

#[derive(Debug)]
struct Platter {
    octets: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
    operations: u64,
    fault_at: u64,
    fault: Fault,
    is_broken: bool,
}

const SECTOR_OCTETS: usize = 512;

impl MemoryDisk {
    /// An empty disk that works until [`Self::break_at`].
    pub fn new(fault: Fault) -> Self {
        Self(Arc::new(Mutex::new(Platter {
            octets: Vec::new(),
            synced: Vec::new(),
            unsynced: Vec::new(),
            operations: 0,
            fault_at: 0,
            fault,
            is_broken: false,
        })))
    }

    /// For a store that opens it.
    pub fn source(&self) -> DiskSource {
        let disk = self.clone();
        DiskSource::Factory(Arc::new(move |_| Ok(Box::new(disk.clone()))))
    }

    /// Writes, syncs and changes of length since the start, or since [`Self::break_at`].
    pub fn operations(&self) -> u64 {
        self.platter().operations
    }

    /// From now on, the operation with this number breaks it (the first is 1; 0: none).
    pub fn break_at(&self, operation: u64) {
        let mut platter = self.platter();
        platter.operations = 0;
        platter.fault_at = operation;
    }

    /// What failed works again.
    pub fn repair(&self) {
        self.platter().is_broken = false;
    }

    /// The power is back. Of what was not synced, some sectors are there.
    pub fn reboot(&self, random: &mut Random) {
        let mut platter = self.platter();
        let mut octets = platter.synced.clone();
        for (offset, written) in std::mem::take(&mut platter.unsynced) {
            for (number, sector) in written.chunks(SECTOR_OCTETS).enumerate() {
                if random.below(2) == 0 {
                    put(&mut octets, offset + number * SECTOR_OCTETS, sector);
                }
            }
        }
        let len = platter.octets.len();
        octets.resize(len, 0);
        platter.synced.clone_from(&octets);
        platter.octets = octets;
        platter.is_broken = false;
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(octets: &mut Vec<u8>, offset: usize, written: &[u8]) {
    octets.resize(octets.len().max(offset + written.len()), 0);
    octets[offset..offset + written.len()].copy_from_slice(written);
}

impl Platter {
    fn begin(&mut self, fails: impl Fn(Fault) -> bool) -> io::Result<()> {
        self.operations += 1;
        self.is_broken |= self.operations == self.fault_at;
        self.check(fails)
    }

    fn check(&self, fails: impl Fn(Fault) -> bool) -> io::Result<()> {
        match self.fault {
            fault if !self.is_broken || !fails(fault) => Ok(()),
            Fault::Full => Err(io::ErrorKind::StorageFull.into()),
            _ => Err(io::Error::other("the disk is broken")),
        }
    }
}

impl Disk for MemoryDisk {
    fn len(&self) -> io::Result<u64> {
        let platter = self.platter();
        platter.check(|fault| fault == Fault::PowerLoss)?;
        Ok(platter.octets.len() as u64)
    }

    fn read(&self, offset: u64, octets: &mut [u8]) -> io::Result<()> {
        let platter = self.platter();
        platter.check(|fault| fault == Fault::PowerLoss)?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let found = platter.octets.get(start..start + octets.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        octets.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut platter = self.platter();
        platter.begin(|fault| fault != Fault::SyncError)?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        platter.octets.resize(len, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let platter = &mut *self.platter();
        platter.begin(|fault| fault != Fault::Full)?;
        platter.synced.clone_from(&platter.octets);
        platter.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        let mut platter = self.platter();
        platter.begin(|fault| fault != Fault::SyncError)?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        put(&mut platter.octets, offset, octets);
        platter.unsynced.push((offset, octets.to_vec()));
        Ok(())
    }
}
