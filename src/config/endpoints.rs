//! Where the service listens: `127.0.0.1:2525`, `[::]:2525`, `unix:/run/x.sock`, or a mapping with TLS and protocol.

use super::fields::{Fields, name_of, text_of};
use crate::server::{Endpoint, Listener, Protocol, Tls, UnixSocket};
use serde_yaml::Value;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

const PROTOCOLS: &[(&str, Protocol)] = &[("smtp", Protocol::Smtp), ("lmtp", Protocol::Lmtp)];
const TLS: &[(&str, Tls)] = &[("off", Tls::Off), ("starttls", Tls::StartTls), ("implicit", Tls::Implicit)];

/// The listeners of the key `listen`: one, or a list of them; `default` where the key is absent.
pub fn listeners(fields: &mut Fields<'_>, default: Vec<Listener>) -> Vec<Listener> {
    let listeners = fields.items("listen").map_or(default, |items| {
        if items.is_empty() {
            fields.problem("listen", "expected an address at least; without the key it is 0.0.0.0:2525");
        }
        different(&fields.below("listen", Value::Null), items)
    });
    fields.record("listen", Value::Sequence(listeners.iter().map(shown).collect()));
    listeners
}

/// The second listener at one place could not start.
fn different(fields: &Fields<'_>, items: Vec<Value>) -> Vec<Listener> {
    let is_chosen_by_the_system =
        |endpoint: &Endpoint| matches!(endpoint, Endpoint::Tcp(address) if address.port() == 0);
    let mut listeners: Vec<Listener> = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let index = index.to_string();
        let Some(listener) = listener(fields, &index, item) else { continue };
        let is_same = |other: &Listener| shown_endpoint(&other.endpoint) == shown_endpoint(&listener.endpoint);
        if listeners.iter().any(is_same) && !is_chosen_by_the_system(&listener.endpoint) {
            fields.problem(&index, "stands here twice");
        }
        listeners.push(listener);
    }
    listeners
}

/// `HOST:PORT` of a listener; names are resolved once, here.
pub fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let resolved = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    resolved.ok_or_else(|| "expected IP:PORT, as in 127.0.0.1:2525 or [::1]:2525".to_owned())
}

/// The address as it is written in the configuration.
pub fn shown_endpoint(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp(address) => address.to_string(),
        Endpoint::Unix(socket) => format!("unix:{}", socket.path.display()),
    }
}

fn listener(items: &Fields<'_>, index: &str, item: Value) -> Option<Listener> {
    if let Value::Mapping(_) = item {
        return listener_of_mapping(items.below(index, item));
    }
    let endpoint = text_of(&item).and_then(|text| endpoint(&text, &items.reading().folder));
    let listener = |endpoint| Listener { endpoint, protocol: Protocol::Smtp, tls: Tls::Off, require_tls: false };
    endpoint.map_err(|message| items.problem(index, message)).ok().map(listener)
}

fn listener_of_mapping(mut fields: Fields<'_>) -> Option<Listener> {
    let folder = fields.reading().folder.clone();
    let endpoint = match fields.take("address").map(|value| text_of(&value).and_then(|text| endpoint(&text, &folder))) {
        None => {
            fields.missing("address", "IP:PORT or unix:PATH");
            None
        }
        Some(endpoint) => endpoint.map_err(|message| fields.problem("address", message)).ok(),
    };
    let protocol = fields.one_of("protocol", PROTOCOLS);
    let tls = fields.one_of("tls", TLS);
    let require_tls = fields.take("require_tls").is_some_and(|value| {
        value.as_bool().unwrap_or_else(|| {
            fields.problem("require_tls", "expected true or false");
            false
        })
    });
    if require_tls && tls == Tls::Off {
        fields.problem("require_tls", "needs `tls: starttls` or `tls: implicit` beside it");
    }
    let endpoint = give_to_group(endpoint, &mut fields);
    fields.done();
    Some(Listener { endpoint: endpoint?, protocol, tls, require_tls })
}

/// With the group that may use a UNIX socket.
fn give_to_group(endpoint: Option<Endpoint>, fields: &mut Fields<'_>) -> Option<Endpoint> {
    let group = fields.text("group");
    match endpoint? {
        Endpoint::Unix(socket) => Some(Endpoint::Unix(UnixSocket { group, ..socket })),
        tcp @ Endpoint::Tcp(_) => {
            if group.is_some() {
                fields.problem("group", "is for a UNIX socket: allowed_networks says who may connect over TCP");
            }
            Some(tcp)
        }
    }
}

fn endpoint(text: &str, folder: &Path) -> Result<Endpoint, String> {
    match text.strip_prefix("unix:") {
        Some(path) => Ok(Endpoint::Unix(UnixSocket { path: folder.join(path), group: None })),
        None => socket_address(text).map(Endpoint::Tcp),
    }
}

/// As it would be written: a text where that says everything.
fn shown(listener: &Listener) -> Value {
    let address: Value = shown_endpoint(&listener.endpoint).into();
    let group = match &listener.endpoint {
        Endpoint::Unix(socket) => socket.group.clone(),
        Endpoint::Tcp(_) => None,
    };
    if (listener.protocol, listener.tls, &group) == (Protocol::Smtp, Tls::Off, &None) {
        return address;
    }
    let entries = [
        ("address", address),
        ("protocol", name_of(PROTOCOLS, &listener.protocol).into()),
        ("tls", name_of(TLS, &listener.tls).into()),
        ("require_tls", listener.require_tls.into()),
    ];
    let group = group.map(|group| ("group", group.into()));
    entries.into_iter().chain(group).map(|(key, value)| (key.into(), value)).collect::<serde_yaml::Mapping>().into()
}
