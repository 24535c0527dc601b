//! What of a new configuration a running daemon takes: all but what its open sockets were made with. Pure.

use super::settings::{Config, Settings, Tls};

/// Puts what takes a restart back to what it is now; the keys whose new value has to wait for one.
pub(super) fn keep_what_is_open(new: &mut Config, now: &Config) -> Vec<&'static str> {
    let mut waits = keep_sockets(&mut new.settings, &now.settings);
    if new.store.cache_octets != now.store.cache_octets {
        new.store.cache_octets = now.store.cache_octets;
        waits.push("store.cache_octets");
    }
    waits
}

fn keep_sockets(new: &mut Settings, now: &Settings) -> Vec<&'static str> {
    let mut waits = Vec::new();
    if new.listeners != now.listeners {
        new.listeners.clone_from(&now.listeners);
        waits.push("listen");
    }
    // Listeners that speak TLS go on doing so: a relay that was promised STARTTLS could not deliver without it.
    if new.tls.is_none() && now.listeners.iter().any(|listener| listener.tls != Tls::Off) {
        new.tls.clone_from(&now.tls);
        waits.push("tls");
    }
    if new.control != now.control {
        new.control.clone_from(&now.control);
        waits.push("control");
    }
    match (&mut new.status, &now.status) {
        (Some(new), Some(now)) if new.address == now.address => {}
        (Some(new), Some(now)) => {
            new.address = now.address;
            waits.push("status.listen");
        }
        (None, None) => {}
        (new, now) => {
            new.clone_from(now);
            waits.push("status");
        }
    }
    waits
}

#[cfg(test)]
mod tests {
    use super::super::settings::{Listener, StatusListener, TlsFiles, UnixSocket};
    use super::*;
    use std::time::Duration;

    fn open() -> Settings {
        let starttls = Listener { tls: Tls::StartTls, ..Listener::smtp(([127, 0, 0, 1], 2525).into()) };
        let status = StatusListener {
            address: ([127, 0, 0, 1], 9925).into(),
            show_addresses: false,
            queue_age_max: Duration::ZERO,
        };
        Settings {
            listeners: vec![starttls],
            tls: Some(TlsFiles { certificate: "cert".into(), key: "key".into() }),
            control: Some(UnixSocket { path: "socket".into(), group: None }),
            status: Some(status),
            ..Settings::default()
        }
    }

    #[test]
    fn what_is_removed_stays_until_the_restart() {
        let now = open();
        let plain = vec![Listener::smtp(([127, 0, 0, 1], 2525).into())];
        let mut new = Settings { listeners: plain, tls: None, control: None, status: None, ..now.clone() };
        assert_eq!(keep_sockets(&mut new, &now), ["listen", "tls", "control", "status"]);
        assert_eq!(format!("{new:?}"), format!("{now:?}"));
    }

    #[test]
    fn what_is_added_waits_for_the_restart() {
        let mut new = open();
        let now = Settings { tls: None, status: None, ..Settings::default() };
        assert_eq!(keep_sockets(&mut new, &now), ["listen", "control", "status"]);
        assert!(new.status.is_none() && new.listeners == now.listeners);
    }

    #[test]
    fn the_rest_is_taken_at_once() {
        let now = open();
        let mut new = Settings { connections_max: 7, ..now.clone() };
        new.status.as_mut().unwrap().show_addresses = true;
        new.tls.as_mut().unwrap().key = "new".into();
        assert!(keep_sockets(&mut new, &now).is_empty());
        assert!(
            new.connections_max == 7 && new.status.unwrap().show_addresses && new.tls.unwrap().key.ends_with("new")
        );
    }
}
