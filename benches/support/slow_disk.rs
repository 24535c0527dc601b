//! A disk whose sync takes as long as that of a real one: the disks of build machines sync in next to no time.

use bouncesvc::store::{Disk, DiskSource};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

/// A file whose sync takes longer than this disk's.
#[derive(Debug)]
pub struct SlowDisk {
    file: File,
    sync_delay: Duration,
}

impl SlowDisk {
    /// For a store that opens it.
    pub fn source(sync_delay: Duration) -> DiskSource {
        DiskSource::Factory(Arc::new(move |path| {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
            Ok(Box::new(Self { file, sync_delay }))
        }))
    }
}

impl Disk for SlowDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, octets: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(octets, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        std::thread::sleep(self.sync_delay);
        self.file.sync_data()
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        self.file.write_all_at(octets, offset)
    }
}
