//! Every key of an environment's section, with its type, its default and its bounds. `config.template.yml` says what
//! each is for; the defaults of limits stand with the settings they belong to.

use super::endpoints;
use super::fields::{self, Fields, Secrets, is_off, number_of};
use super::platforms;
use crate::bounce::Reason;
use crate::policy::{Action, Actions};
use crate::smtp::{AcceptedRecipient, BareLineEnds};
use crate::{notify, server, smtp, spelling, store};
use serde_yaml::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const BARE_LINE_ENDS: &[(&str, BareLineEnds)] =
    &[("normalise", BareLineEnds::Normalise), ("reject", BareLineEnds::Reject)];

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What a section says.
pub struct Settings {
    /// The database file.
    pub database: PathBuf,
    /// How it is kept.
    pub store: store::Settings,
    /// The rest.
    pub server: server::Config,
}

/// Reads the whole section; `None` where something without a default is missing, which is a problem then.
pub fn read(mut root: Fields<'_>) -> Option<Settings> {
    if root.take("amqp").is_some() {
        root.reading().warn("the section amqp is ignored: mail comes over SMTP, or from a pipe to `bouncesvc stdin`");
    }
    let mut handler = root.section("handler");
    let database = database(&mut handler);
    let archive_dir = archive(&mut handler);
    let dry_run = handler.switch("dry_run", false);
    let threshold = handler.number("temporary_threshold", 3_u32, platforms::THRESHOLDS);
    let window = handler.duration_or_off("temporary_window", None);
    let tenants = platforms::tenants(&mut handler, &platforms::Defaults { threshold, window });
    let actions = actions(&mut handler);
    handler.done();

    let settings = server_settings(&mut root, database.as_deref());
    let notify = notifier(root.section("notify"), archive_dir, dry_run);
    let store = database_settings(root.section("store"), notify.retry_delay_max);
    root.done();
    let server = server::Config { settings, tenants: Arc::new(tenants), actions, notify, store: store.clone() };
    Some(Settings { database: database?, store, server })
}

/// The database file. The predecessor's SQLite file stays as it is; ours stands beside it.
fn database(handler: &mut Fields<'_>) -> Option<PathBuf> {
    let Some(file) = handler.path("dbfile") else {
        handler.missing("dbfile", "the path of the database, as in ./data/bounces.redb");
        return None;
    };
    if file.is_dir() {
        handler.problem("dbfile", "is a folder: expected a file, which is made at the first start");
        return None;
    }
    if !is_sqlite(&file) {
        return Some(file);
    }
    let ours = beside(&file, ".redb");
    handler.reading().warn(format!(
        "dbfile {} is the SQLite file of the predecessor: {} is used instead; `bouncesvc import-sqlite {}` takes its counters over",
        file.display(),
        ours.display(),
        file.display()
    ));
    Some(ours)
}

fn is_sqlite(file: &Path) -> bool {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    let mut head = [0; MAGIC.len()];
    std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut head)).is_ok() && &head == MAGIC
}

/// `file` with one more ending.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn archive(handler: &mut Fields<'_>) -> Option<PathBuf> {
    let folder = handler.path("permanent_bounced_emails_path")?;
    if folder.exists() && !folder.is_dir() {
        handler.problem("permanent_bounced_emails_path", "is no folder");
    }
    Some(folder)
}

/// `reason: action` for reasons whose default does not suit.
fn actions(handler: &mut Fields<'_>) -> Actions {
    let mut section = handler.section("actions");
    let mut actions = Actions::default();
    for (name, value) in section.rest() {
        let Some(reason) = Reason::from_name(&name) else {
            let nearest = spelling::nearest(&name, Reason::ALL.iter().map(|reason| reason.name()));
            let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
            section.problem(&name, format!("is no reason{hint}"));
            continue;
        };
        match value.as_str().and_then(Action::from_name) {
            Some(action) => _ = actions.overrides.insert(reason, action),
            None => section.problem(&name, "expected suspend, count, alert or ignore"),
        }
    }
    let shown = actions.overrides.iter().map(|(reason, action)| (reason.name().into(), action.name().into()));
    handler.record("actions", shown.collect::<serde_yaml::Mapping>());
    actions
}

fn server_settings(root: &mut Fields<'_>, database: Option<&Path>) -> server::Settings {
    let default = server::Settings::default();
    let listeners = endpoints::listeners(root, default.listeners.clone());
    let allowed_networks = networks(root);
    let tls = tls(root.section("tls"));
    if tls.is_none() && listeners.iter().any(|listener| listener.tls != server::Tls::Off) {
        root.missing("tls", "certificate and key, since a listener uses TLS");
    }
    let control = control(root.section("control"), database);
    let status = status(root.section("status"));
    let mut limits = root.section("smtp");
    let smtp = smtp_settings(&mut limits);
    let settings = server::Settings {
        listeners,
        smtp,
        tls,
        allowed_networks,
        control,
        status,
        connections_max: limits.count("connections_max", default.connections_max, 1..=1_000_000),
        connections_per_client_max: limits.count(
            "connections_per_client_max",
            default.connections_per_client_max,
            1..=1_000_000,
        ),
        mails_per_minute_per_client_max: number_or_off(&mut limits, "mails_per_minute_per_client_max"),
        mails_in_flight_octets_max: limits.octets_in_memory(
            "mails_in_flight_octets_max",
            default.mails_in_flight_octets_max,
            2 * MIB..=64 * GIB,
        ),
        mails_per_commit_max: limits.count("mails_per_commit_max", default.mails_per_commit_max, 1..=100_000),
        stop_time_max: limits.duration("stop_time_max", default.stop_time_max),
    };
    limits.done();
    settings
}

fn smtp_settings(fields: &mut Fields<'_>) -> smtp::Settings {
    let default = smtp::Settings::default();
    let hostname = fields.text_or("hostname", Some(host_name())).unwrap_or_default();
    if crate::types::Domain::parse(&hostname).is_none() {
        fields.problem("hostname", "expected a host name");
    }
    let accepted_recipients = fields.texts("accepted_recipients", |text| {
        let expected = "expected a domain or an address, as in mydomain.de or no-reply@mydomain.de";
        AcceptedRecipient::parse(text).ok_or_else(|| expected.to_owned())
    });
    let head_max = fields.octets_in_memory("head_octets_max", default.head_octets_max, 64 * KIB..=16 * MIB);
    let settings = smtp::Settings {
        hostname,
        accepted_recipients,
        bare_line_ends: fields.word("bare_line_ends", BARE_LINE_ENDS),
        head_octets_max: head_max,
        message_octets_max: fields.octets("message_octets_max", default.message_octets_max, 64 * KIB..=4 * GIB),
        command_octets_max: fields.octets_in_memory("command_octets_max", default.command_octets_max, 512..=MIB),
        recipients_max: fields.count("recipients_max", default.recipients_max, 100..=100_000),
        errors_max: fields.number("errors_max", default.errors_max, 1..=10_000),
        mails_per_session_max: fields.number("mails_per_session_max", default.mails_per_session_max, 1..=1_000_000_000),
        command_time_max: fields.duration("command_time_max", default.command_time_max),
        data_time_max: fields.duration("data_time_max", default.data_time_max),
        session_time_max: fields.duration("session_time_max", default.session_time_max),
        data_octets_per_second_min: fields.number(
            "data_octets_per_second_min",
            default.data_octets_per_second_min,
            0..=MIB,
        ),
        // These differ from listener to listener.
        ..default
    };
    if settings.message_octets_max < settings.head_octets_max as u64 {
        fields.problem("message_octets_max", "expected at least head_octets_max");
    }
    settings
}

/// The name of this machine, as the greeting shows it.
fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if crate::types::Domain::parse(&name).is_some() { name } else { "localhost".to_owned() }
}

fn number_or_off(fields: &mut Fields<'_>, key: &'static str) -> Option<u32> {
    let parse = |value: &Value| if is_off(value) { Ok(None) } else { number_of(value, 1..=1_000_000_000).map(Some) };
    fields.parsed(key, None, parse, |number: &Option<u32>| number.map_or_else(|| "off".into(), Value::from))
}

/// Without the key everybody may connect; a list that names nobody would, too, and is not what it looks like.
fn networks(root: &mut Fields<'_>) -> Vec<ipnet::IpNet> {
    let networks = root.list("allowed_networks", network);
    if networks.as_ref().is_some_and(Vec::is_empty) {
        root.problem("allowed_networks", "expected a network at least; without the key everybody may connect");
    }
    root.record("allowed_networks", networks.as_deref().map_or(Value::Null, fields::shown_list));
    networks.unwrap_or_default()
}

/// A network, or a single address.
fn network(text: &str) -> Result<ipnet::IpNet, String> {
    let single = || text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from);
    let network = text.parse().ok().or_else(single);
    network.map(unmapped).ok_or_else(|| "expected a network, as in 192.0.2.0/24 or 2001:db8::/32".to_owned())
}

/// `::ffff:192.0.2.0/120` as `192.0.2.0/24`, which is how such a client is seen.
fn unmapped(network: ipnet::IpNet) -> ipnet::IpNet {
    let ipnet::IpNet::V6(v6) = network else { return network };
    let mapped = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    mapped.and_then(|(v4, prefix)| ipnet::Ipv4Net::new(v4, prefix).ok()).map_or(network, ipnet::IpNet::V4)
}

fn tls(mut fields: Fields<'_>) -> Option<server::TlsFiles> {
    let certificate = readable(&mut fields, "certificate");
    let key = readable(&mut fields, "key");
    match (&certificate, &key) {
        (Some(_), None) => fields.missing("key", "the path of the certificate's private key"),
        (None, Some(_)) => fields.missing("certificate", "the path of the key's certificate"),
        _ => {}
    }
    fields.done();
    Some(server::TlsFiles { certificate: certificate?, key: key? })
}

/// A file that must be there and must open, for those who may read secrets.
fn readable(fields: &mut Fields<'_>, key: &'static str) -> Option<PathBuf> {
    let path = fields.path(key)?;
    if fields.reading().secrets == Secrets::Named {
        return Some(path);
    }
    if let Err(error) = std::fs::File::open(&path) {
        fields.problem(key, format!("{} cannot be read: {error}", path.display()));
    }
    Some(path)
}

/// In the runtime folder that systemd made, else beside the database.
fn control(mut fields: Fields<'_>, database: Option<&Path>) -> Option<server::UnixSocket> {
    let runtime = std::env::var_os("RUNTIME_DIRECTORY").map(|folder| Path::new(&folder).join("control.sock"));
    let default = runtime.or_else(|| database.map(|file| beside(file, ".sock")));
    let path = fields.path_or("path", default);
    let group = fields.text("group");
    fields.done();
    Some(server::UnixSocket { path: path?, group })
}

fn status(mut fields: Fields<'_>) -> Option<server::StatusListener> {
    let address = fields.text("listen").map(|text| endpoints::socket_address(&text));
    let show_addresses = fields.switch("show_addresses", false);
    let queue_age_max = fields.duration("queue_age_max", server::QUEUE_AGE_MAX);
    if let Some(Err(message)) = &address {
        fields.problem("listen", message.clone());
    }
    let reading = fields.reading();
    fields.done();
    let address = address?.ok()?;
    if !address.ip().is_loopback() {
        reading.warn(format!(
            "whoever reaches {address} can read the metrics and the status page, which have no login: leave status.listen on the loopback, or put a proxy before it"
        ));
    }
    Some(server::StatusListener { address, show_addresses, queue_age_max })
}

fn notifier(mut fields: Fields<'_>, archive_dir: Option<PathBuf>, dry_run: bool) -> notify::Settings {
    let default = notify::Settings::default();
    let settings = notify::Settings {
        workers_max: fields.count("workers_max", default.workers_max, 1..=256),
        workers_per_domain_max: fields.count("workers_per_domain_max", default.workers_per_domain_max, 1..=256),
        request_time_max: fields.duration("request_time_max", default.request_time_max),
        retry_delay_min: fields.duration("retry_delay_min", default.retry_delay_min),
        retry_delay_max: fields.duration("retry_delay_max", default.retry_delay_max),
        retry_time_max: fields.duration("retry_time_max", default.retry_time_max),
        archive_dir,
        dry_run,
    };
    if settings.retry_delay_max < settings.retry_delay_min {
        fields.problem("retry_delay_max", "expected at least retry_delay_min");
    }
    fields.done();
    settings
}

fn database_settings(mut fields: Fields<'_>, retry_delay_max: Duration) -> store::Settings {
    let default = store::Settings::default();
    let settings = store::Settings {
        cache_octets: fields.octets_in_memory("cache_octets", default.cache_octets, MIB..=16 * GIB),
        history_age_max: fields.duration("history_age_max", default.history_age_max),
        digest_age_max: fields.duration("digest_age_max", default.digest_age_max),
        parked_age_max: fields.duration_or_off("parked_age_max", default.parked_age_max),
        counter_age_max: fields.duration_or_off("counter_age_max", default.counter_age_max),
        quarantine_mails_max: fields.number("quarantine_mails_max", default.quarantine_mails_max, 0..=1_000_000),
        quarantine_octets_max: fields.octets("quarantine_octets_max", default.quarantine_octets_max, 0..=64 * GIB),
        archive_octets_max: fields.octets("archive_octets_max", default.archive_octets_max, 0..=64 * GIB),
        // Follows from the longest delay, which is the operator's to set.
        next_attempt_ahead_max: default.next_attempt_ahead_max.max(retry_delay_max * 2),
        // A guard against attacks, far above what sessions leave.
        digests_max: default.digests_max,
        // Part of the memory that the daemon is promised to stay below: more of it gains nothing.
        journal_octets_max: default.journal_octets_max,
    };
    fields.done();
    settings
}
