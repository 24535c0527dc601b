//! Each key has its effect, and its bounds.

use super::*;

/// The settings that come of `more`, as they are shown for debugging.
fn shown_with(more: &str) -> String {
    let Config { server, store, .. } = parsed(&with(more)).unwrap_or_else(|error| panic!("{more}: {error}"));
    format!("{:?} {:?} {store:?}", server.settings, server.notify)
}

#[test]
fn each_number_span_and_size_has_its_effect() {
    for (section, key, value, shown) in [
        ("smtp", "message_octets_max", "7MiB", "7340032"),
        ("smtp", "head_octets_max", "7MiB", "7340032"),
        ("smtp", "command_octets_max", "777B", "777"),
        ("smtp", "recipients_max", "777", "777"),
        ("smtp", "errors_max", "777", "777"),
        ("smtp", "mails_per_session_max", "777", "777"),
        ("smtp", "command_time_max", "777s", "777s"),
        ("smtp", "data_time_max", "777s", "777s"),
        ("smtp", "session_time_max", "777s", "777s"),
        ("smtp", "data_octets_per_second_min", "777", "777"),
        ("smtp", "connections_max", "777", "777"),
        ("smtp", "connections_per_client_max", "777", "777"),
        ("smtp", "mails_per_minute_per_client_max", "777", "Some(777)"),
        ("smtp", "mails_in_flight_octets_max", "7MiB", "7340032"),
        ("smtp", "mails_per_commit_max", "777", "777"),
        ("smtp", "stop_time_max", "777s", "777s"),
        ("notify", "workers_max", "77", "77"),
        ("notify", "workers_per_domain_max", "77", "77"),
        ("notify", "request_time_max", "777s", "777s"),
        ("notify", "retry_delay_min", "777s", "777s"),
        ("notify", "retry_delay_max", "777s", "777s"),
        ("notify", "retry_time_max", "777s", "777s"),
        ("store", "cache_octets", "7MiB", "7340032"),
        ("store", "history_age_max", "777s", "777s"),
        ("store", "digest_age_max", "777s", "777s"),
        ("store", "parked_age_max", "777s", "Some(777s)"),
        ("store", "counter_age_max", "777s", "Some(777s)"),
        ("store", "quarantine_mails_max", "777", "777"),
        ("store", "quarantine_octets_max", "7MiB", "7340032"),
        ("store", "archive_octets_max", "7MiB", "7340032"),
    ] {
        let changed = shown_with(&format!("{section}: {{{key}: {value}}}"));
        assert!(changed.contains(&format!("{key}: {shown}")), "{key}: {changed}");
    }
}

#[test]
fn each_word_has_its_effect() {
    for (more, shown) in [
        ("smtp: {hostname: mx.d.de}", "hostname: \"mx.d.de\""),
        ("smtp: {bare_line_ends: reject}", "bare_line_ends: Reject"),
        ("smtp: {accepted_recipients: d.de}", "accepted_recipients: [Domain("),
        ("control: {path: x.sock, group: g}", "UnixSocket { path: \"/etc/here/x.sock\", group: Some(\"g\") }"),
        ("status: {listen: '127.0.0.1:1', queue_age_max: 777s}", "show_addresses: false, queue_age_max: 777s"),
        ("status: {listen: '127.0.0.1:1', show_addresses: true}", "show_addresses: true"),
    ] {
        let changed = shown_with(more);
        assert!(changed.contains(shown), "{more}: {changed}");
    }
    assert!(shown_of_handler("dry_run: true").contains("dry_run: true"));
    let archive = shown_of_handler("permanent_bounced_emails_path: kept");
    assert!(archive.contains("archive_dir: Some(\"/etc/here/kept\")"), "{archive}");
    assert!(shown_of_domain("signature_days_max: 7").contains("days_max: 7"));
}

#[test]
fn what_is_off_may_be_said_in_several_words() {
    for off in ["off", "never", "none", "false"] {
        let shown = shown_with(&format!(
            "store: {{parked_age_max: {off}, counter_age_max: {off}}}\nsmtp: {{mails_per_minute_per_client_max: {off}}}"
        ));
        for key in ["parked_age_max", "counter_age_max", "mails_per_minute_per_client_max"] {
            assert!(shown.contains(&format!("{key}: None")), "{off}: {shown}");
        }
    }
}

#[test]
fn a_value_out_of_its_range_is_a_mistake_that_names_the_range() {
    for (more, expected) in [
        ("smtp: {connections_max: 0}", "0 is out of range: expected 1 to 1000000"),
        ("smtp: {connections_max: 1000001}", "1000001 is out of range: expected 1 to 1000000"),
        ("smtp: {command_time_max: 0s}", "0s is out of range: expected 1ms to 36500d"),
        ("smtp: {command_time_max: 36501d}", "36501d is out of range: expected 1ms to 36500d"),
        ("smtp: {head_octets_max: 17MiB}", "17MiB is out of range: expected 64KiB to 16MiB"),
        ("smtp: {hostname: 'a b'}", "expected a host name"),
        ("smtp: {head_octets_max: 2MiB, message_octets_max: 1MiB}", "expected at least head_octets_max"),
        ("notify: {retry_delay_min: 2h}", "expected at least retry_delay_min"),
    ] {
        let problems = problems(&with(more));
        assert!(problems.len() == 1 && problems[0].ends_with(expected), "{more}: {problems:?}");
    }
    for status in [299, 600] {
        let text = with("").replace("{base_url", &format!("{{done_statuses: [{status}], base_url"));
        assert!(problems(&text)[0].ends_with("expected an HTTP status from 300 to 599"), "{status}");
    }
}

#[test]
fn a_due_time_is_believed_for_twice_the_longest_delay() {
    let ahead = |delay: &str| parsed(&with(&format!("notify: {{retry_delay_max: {delay}}}"))).unwrap().store;
    let default = crate::store::Settings::default().next_attempt_ahead_max;
    assert_eq!(ahead("1h").next_attempt_ahead_max, default);
    assert_eq!(ahead("30d").next_attempt_ahead_max, Duration::from_secs(60 * 86_400));
}

#[test]
fn places_of_another_kind_are_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let dbfile = with("").replace("a.redb", folder.path().to_str().unwrap());
    assert!(problems(&dbfile)[0].contains("dbfile: is a folder: expected a file"));
    let archive = format!("a.redb\n    permanent_bounced_emails_path: {}", file.display());
    let problems = problems(&with("").replace("a.redb", &archive));
    assert!(problems[0].contains("permanent_bounced_emails_path: is no folder"), "{problems:?}");
}

#[test]
fn what_has_a_wrong_value_is_not_said_to_be_missing() {
    let text = with("").replace("a.redb", "[a]").replace("'http://h/{address}'", "[b]");
    let problems = problems(&text);
    assert!(problems.len() == 2 && problems.iter().all(|text| text.ends_with("expected a text")), "{problems:?}");
}

#[test]
fn half_of_what_tls_needs_is_a_mistake_that_names_the_other_half() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.pem");
    std::fs::write(&file, "").unwrap();
    for (given, missing) in [("certificate", "tls.key: is missing"), ("key", "tls.certificate: is missing")] {
        let problems = problems(&with(&format!("tls: {{{given}: {}}}", file.display())));
        assert!(problems.len() == 1 && problems[0].contains(missing), "{problems:?}");
    }
}

#[test]
fn a_resolver_brings_the_template_itself() {
    let xikolo = |base_url: &str| {
        with("")
            .replace("{base_url: 'http://h/{address}'}", &format!("{{url_resolver: xikolo, base_url: '{base_url}'}}"))
    };
    assert!(parsed(&xikolo("http://h/")).is_ok());
    assert!(problems(&xikolo("http://h/{address}"))[0].contains("expected a URL without {address}"));
}

#[test]
fn a_file_beyond_the_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yml");
    let comment = "#".repeat(usize::try_from(FILE_OCTETS_MAX).unwrap() - with("").len());
    let load = |text: String| {
        std::fs::write(&file, text).unwrap();
        load(&Choice { file: Some(file.clone()), environment: "develop".to_owned() })
    };
    assert!(load(with("") + &comment).is_ok());
    let error = load(with("") + &comment + "#").unwrap_err().to_string();
    assert!(error.ends_with("config.yml: longer than 1048576 octets"), "{error}");
}

#[test]
fn a_domain_that_is_gone_is_told() {
    let both = "d.de: {base_url: 'http://h/{address}'}\n      e.de: {base_url: 'http://i/{address}'}";
    let before = parsed(&with("").replace("d.de: {base_url: 'http://h/{address}'}", both)).unwrap();
    let differences = parsed(&with("")).unwrap().differences(&before);
    let gone = "develop.handler.domains.e.de.base_url: http://i/{address} -> -".to_owned();
    assert!(differences.contains(&gone), "{differences:?}");
}

/// The notifier's settings under further keys of the handler.
fn shown_of_handler(keys: &str) -> String {
    let config = parsed(&with("").replace("dbfile: a.redb", &format!("dbfile: a.redb\n    {keys}"))).unwrap();
    format!("{:?}", config.server.notify)
}

/// The platform under a further key of its domain.
fn shown_of_domain(key: &str) -> String {
    let config = parsed(&with("").replace("{base_url", &format!("{{{key}, base_url"))).unwrap();
    format!("{:?}", config.server.tenants.iter().next())
}
