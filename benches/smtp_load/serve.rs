//! The daemon inside of this program, on a disk that syncs slowly: the real one has no option for that.

use crate::slow_disk::SlowDisk;
use bouncesvc::config::{self, Choice};
use bouncesvc::logging::{Format, Logging};
use bouncesvc::server::{self, Setup};
use bouncesvc::store::Store;
use std::path::Path;
use std::time::Duration;

/// Runs until SIGTERM.
pub fn run(config: &Path, sync_delay: Duration) {
    let choice = Choice { file: Some(config.to_owned()), environment: "production".to_owned() };
    let config = config::load_complete(&choice).unwrap().into_inner();
    let logging = Logging::start(Format::of_stdout(), false).unwrap();
    let disk = SlowDisk::source(sync_delay);
    let store = Store::open_on(disk, &config.database, config.store.clone()).unwrap();
    let reload = Box::new(|| Err("this daemon keeps its configuration".to_owned()));
    server::run(Setup { config: config.server, store, reload }).unwrap();
    logging.finish(Duration::from_secs(1));
}
