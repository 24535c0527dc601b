//! `run-smtpserver`: the daemon, from its configuration to its end.

use super::arguments::RunSmtpServer;
use super::{Failure, heap};
use crate::config::{self, Choice, Config};
use crate::escape::Escaped;
use crate::logging::{Format, Logging};
use crate::server::{self, Endpoint, Listener};
use crate::store::Store;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How long a start waits for a command that holds the database.
const DATABASE_WAIT_MAX: Duration = Duration::from_secs(30);
/// Between two looks at whether the database is free.
const DATABASE_WAIT_STEP: Duration = Duration::from_millis(100);
/// How long the end waits for a stalled reader of the log.
const LOG_WAIT_MAX: Duration = Duration::from_secs(1);

/// Changed keys that a reload tells of.
const DIFFERENCES_MAX: usize = 100;

/// Runs until SIGTERM or SIGINT.
pub fn run(choice: Choice, options: &RunSmtpServer, debug: bool) -> Result<(), Failure> {
    heap::share();
    let mut config = config::load_complete(&choice)?.into_inner();
    let listener = chosen_listener(options, &config)?;
    let format = options.log_format.map_or_else(Format::of_stdout, |format| format.0);
    let logging = Logging::start(format, debug).map_err(|error| Failure::try_again(error.to_string()))?;
    adjust(&mut config, listener.as_ref());
    // Without this the log would end before the word about a panic is written.
    let result = catch_unwind(AssertUnwindSafe(|| serve(config, choice, listener)));
    let result = result.unwrap_or_else(|_| Err(Failure::try_again("ended by an internal error")));
    let result = result.map_err(|failure| {
        log::error!("{failure}");
        Failure::new(failure.code, "")
    });
    logging.finish(LOG_WAIT_MAX);
    result
}

fn serve(config: Config, choice: Choice, listener: Option<Listener>) -> Result<(), Failure> {
    let store = open_when_free(&config)?;
    let choice = Choice { file: Some(config.file.clone()), ..choice };
    let opened = config.database.clone();
    let mut known = config.clone();
    let reload = Box::new(move || {
        let mut config = config::load_complete(&choice).map_err(|error| error.to_string())?.into_inner();
        adjust(&mut config, listener.as_ref());
        tell_differences(&config, &known);
        if config.database != opened {
            log::warn!("dbfile was changed, which takes a restart");
        }
        known = config.clone();
        Ok(config.server)
    });
    Ok(server::run(server::Setup { config: config.server, store, reload })?)
}

fn tell_differences(config: &Config, known: &Config) {
    for difference in config.differences(known).iter().take(DIFFERENCES_MAX) {
        log::info!("changed: {}", Escaped(difference));
    }
}

/// Puts the listener of the command line in place of those of the file, and says the warnings.
fn adjust(config: &mut Config, listener: Option<&Listener>) {
    if let Some(listener) = listener {
        config.server.settings.listeners = vec![listener.clone()];
    }
    for warning in config.warnings() {
        log::warn!("{warning}");
    }
}

/// `--host` and `--port`; what is missing of the two is that of the first TCP listener.
fn chosen_listener(options: &RunSmtpServer, config: &Config) -> Result<Option<Listener>, Failure> {
    if options.host.is_none() && options.port.is_none() {
        return Ok(None);
    }
    let tcp = |listener: &Listener| match listener.endpoint {
        Endpoint::Tcp(address) => Some(address),
        Endpoint::Unix(_) => None,
    };
    let first = config.server.settings.listeners.iter().find_map(tcp);
    let first = first.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 2525)));
    let ip = options.host.as_deref().map_or(Ok(first.ip()), resolved)?;
    Ok(Some(Listener::smtp(SocketAddr::new(ip, options.port.unwrap_or(first.port())))))
}

fn resolved(host: &str) -> Result<IpAddr, Failure> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = (host, 0).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.map(|address| address.ip()).ok_or_else(|| Failure::usage(format!("--host {host}: no such address")))
}

/// Opens the database; waits for a command that holds it.
fn open_when_free(config: &Config) -> Result<Store, Failure> {
    let give_up = Instant::now() + DATABASE_WAIT_MAX;
    let mut said = false;
    let pause = || {
        if !std::mem::replace(&mut said, true) {
            log::warn!("{} is in use by another process: waiting", config.database.display());
        }
        std::thread::sleep(DATABASE_WAIT_STEP);
        Instant::now() < give_up
    };
    Ok(Store::open_waiting(&config.database, &config.store, pause)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Where the daemon listens when it is started so, under a configuration with these listeners.
    fn chosen(listen: &str, host: Option<&str>, port: Option<u16>) -> Result<Option<String>, Failure> {
        let text = format!(
            "develop: {{listen: {listen}, handler: {{dbfile: a, domains: {{d.de: {{base_url: 'http://h/{{address}}'}}}}}}}}"
        );
        let config = config::parse(Path::new("/c.yml"), &text, "develop").unwrap();
        let options = RunSmtpServer { host: host.map(str::to_owned), port, log_format: None };
        let listener = chosen_listener(&options, &config)?;
        Ok(listener.map(|listener| match listener.endpoint {
            Endpoint::Tcp(address) => address.to_string(),
            Endpoint::Unix(socket) => socket.path.display().to_string(),
        }))
    }

    #[test]
    fn host_and_port_take_what_they_leave_open_from_the_first_tcp_listener() {
        let listen = "['unix:/x', '192.0.2.1:25', '192.0.2.2:26']";
        for (listen, host, port, address) in [
            (listen, None, None, None),
            (listen, Some("::1"), None, Some("[::1]:25")),
            (listen, Some("[::1]"), Some(27), Some("[::1]:27")),
            (listen, None, Some(27), Some("192.0.2.1:27")),
            ("'unix:/x'", None, Some(27), Some("0.0.0.0:27")),
            ("'unix:/x'", Some("127.0.0.1"), None, Some("127.0.0.1:2525")),
        ] {
            let chosen = chosen(listen, host, port).unwrap();
            assert_eq!(chosen.as_deref(), address, "{host:?} {port:?}");
        }
        let failure = chosen(listen, Some("no such host"), None).unwrap_err();
        assert_eq!((failure.code, failure.message.as_str()), (64, "--host no such host: no such address"));
    }
}
