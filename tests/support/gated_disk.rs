//! A disk whose syncs take a while, or, while it is held, do not end.

use super::storage::disk::{Fault, MemoryDisk};
use bouncesvc::store::{Disk, DiskSource};
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// The disk; clones are the same one.
#[derive(Debug, Clone)]
pub struct GatedDisk {
    octets: MemoryDisk,
    sync_time: Duration,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_held: bool,
    syncs_waiting: usize,
}

impl GatedDisk {
    /// An empty one.
    pub fn new(sync_time: Duration) -> Self {
        Self { octets: MemoryDisk::new(Fault::Error), sync_time, gate: Arc::default() }
    }

    /// For a store that opens it.
    pub fn source(&self) -> DiskSource {
        let disk = self.clone();
        DiskSource::Factory(Arc::new(move |_| Ok(Box::new(disk.clone()))))
    }

    /// From now on no sync ends.
    pub fn hold(&self) {
        self.gate.state.lock().unwrap().is_held = true;
    }

    /// Returns once a sync has begun that does not end.
    pub fn wait_for_a_sync(&self) {
        let state = self.gate.state.lock().unwrap();
        drop(self.gate.changed.wait_while(state, |state| state.syncs_waiting == 0).unwrap());
    }

    /// All syncs go on.
    pub fn release(&self) {
        self.gate.state.lock().unwrap().is_held = false;
        self.gate.changed.notify_all();
    }
}

impl Disk for GatedDisk {
    fn len(&self) -> io::Result<u64> {
        self.octets.len()
    }

    fn read(&self, offset: u64, octets: &mut [u8]) -> io::Result<()> {
        self.octets.read(offset, octets)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.octets.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        std::thread::sleep(self.sync_time);
        let mut state = self.gate.state.lock().unwrap();
        state.syncs_waiting += 1;
        self.gate.changed.notify_all();
        state = self.gate.changed.wait_while(state, |state| state.is_held).unwrap();
        state.syncs_waiting -= 1;
        self.octets.sync()
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        self.octets.write(offset, octets)
    }
}
