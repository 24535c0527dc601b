//! A file whose changes stay in memory: what a database is looked at through before it is opened for good.

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The file, and what was written since.
#[derive(Debug)]
pub struct Overlay {
    file: FileBackend,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    /// Set once the length was changed.
    len: Option<u64>,
    blocks: BTreeMap<u64, Vec<u8>>,
}

const BLOCK_OCTETS: usize = 4096;

impl Overlay {
    /// Over `file`, which is locked as long as the database is open.
    pub fn new(file: File) -> Result<Self, DatabaseError> {
        Ok(Self { file: FileBackend::new(file)?, written: Mutex::new(Written::default()) })
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block as it would be, zeros beyond the end.
    fn block(&self, written: &Written, block: u64) -> io::Result<Vec<u8>> {
        if let Some(octets) = written.blocks.get(&block) {
            return Ok(octets.clone());
        }
        let start = block * BLOCK_OCTETS as u64;
        let there = self.file.len()?.saturating_sub(start).min(BLOCK_OCTETS as u64);
        let mut octets = vec![0; BLOCK_OCTETS];
        self.file.read(start, &mut octets[..usize::try_from(there).unwrap_or_default()])?;
        Ok(octets)
    }

    /// Calls `each` with the parts of a span: block, place in the block, place in the span, octets.
    fn parts(
        offset: u64,
        octets: usize,
        mut each: impl FnMut(u64, usize, usize, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done = 0;
        while done < octets {
            let at = offset + done as u64;
            let inside = usize::try_from(at % BLOCK_OCTETS as u64).unwrap_or_default();
            let part = (BLOCK_OCTETS - inside).min(octets - done);
            each(at / BLOCK_OCTETS as u64, inside, done, part)?;
            done += part;
        }
        Ok(())
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        self.written().len.map_or_else(|| self.file.len(), Ok)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let written = self.written();
        let len = written.len.map_or_else(|| self.file.len(), Ok)?;
        if offset.saturating_add(out.len() as u64) > len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if written.blocks.is_empty() {
            return self.file.read(offset, out);
        }
        Self::parts(offset, out.len(), |block, inside, done, part| {
            out[done..done + part].copy_from_slice(&self.block(&written, block)?[inside..inside + part]);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.written().len = Some(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut written = self.written();
        Self::parts(offset, data.len(), |block, inside, done, part| {
            let mut octets = self.block(&written, block)?;
            octets[inside..inside + part].copy_from_slice(&data[done..done + part]);
            written.blocks.insert(block, octets);
            Ok(())
        })
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
