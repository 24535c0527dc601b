//! What a turn of the loop does by itself.

use super::*;
use crate::server::Settings;
use crate::store;

/// A daemon without listeners, on a database of its own.
fn server(folder: &tempfile::TempDir) -> Server {
    let settings = Settings { listeners: Vec::new(), ..Settings::default() };
    let store = Store::open(&folder.path().join("database"), store::Settings::default(), wall_clock()).unwrap();
    let reload: Reload = Box::new(|| Err("not asked for".to_owned()));
    Server::start(Setup { config: Config { settings, ..Config::default() }, store, reload }).unwrap()
}

#[test]
fn the_database_is_kept_tidy_once_the_time_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = server(&folder);
    assert!(server.timeout().is_some_and(|timeout| timeout <= TIDY_INTERVAL));
    assert!(server.next_job(Instant::now()).is_none());
    let now = Instant::now();
    server.tidy_at = now;
    server.turn().unwrap();
    assert!(server.tidy_at >= now + TIDY_INTERVAL, "a slice was done, and the next one is planned");
    server.finish().unwrap();
}
