mod keys;

use super::*;
use crate::server::{Endpoint, Protocol, Tls, UnixSocket};
use crate::tenant;
use crate::types::{Address, Domain};
use std::time::Duration;

const PREDECESSOR: &str = "
develop: &develop
  handler: &handler
    dbfile: ./data/bounced_emails.db
    permanent_bounced_emails_path: ./data/bounced_emails
    temporary_threshold: 5
    domains:
      mydomain.de:
        base_url: http://localhost:7001/emails/{address}/suspend
      other.de:
        url_resolver: xikolo
        base_url: http://localhost:7001/
production:
  <<: *develop
  handler:
    <<: *handler
    dbfile: /var/lib/bounces.db
";

fn parsed(text: &str) -> Result<Config, ConfigError> {
    parse_complete(Path::new("/etc/here/config.yml"), text, "develop").map(Complete::into_inner)
}

/// A section that is complete, with `more` behind it, indented as keys of the section.
fn with(more: &str) -> String {
    let more = more.replace('\n', "\n  ");
    format!(
        "develop:\n  handler:\n    dbfile: a.redb\n    domains:\n      d.de: {{base_url: 'http://h/{{address}}'}}\n  {more}\n"
    )
}

fn problems(text: &str) -> Vec<String> {
    match parsed(text).unwrap_err() {
        ConfigError::Problems(_, problems) => {
            let shown = |p: &Problem| format!("{:?} {}: {}", p.location.unwrap_or_default(), p.key, p.message);
            problems.iter().map(shown).collect()
        }
        error => panic!("{error}"),
    }
}

#[test]
fn the_predecessors_file_works_unchanged() {
    let config = parsed(PREDECESSOR).unwrap();
    assert_eq!(config.database, Path::new("/etc/here/data/bounced_emails.db"));
    assert_eq!(config.server.notify.archive_dir.as_deref(), Some(Path::new("/etc/here/data/bounced_emails")));
    assert_eq!(config.server.settings.listeners, server::Settings::default().listeners);
    let platforms: Vec<_> = config.server.tenants.iter().collect();
    assert_eq!(platforms.iter().map(|tenant| tenant.domain.as_str()).collect::<Vec<_>>(), ["mydomain.de", "other.de"]);
    assert_eq!(platforms[0].threshold, 5);
    assert!(
        matches!(&platforms[1].endpoint, tenant::Endpoint::Xikolo { base_url, .. } if base_url == "http://localhost:7001/")
    );
}

#[test]
fn merge_keys_bring_what_the_section_does_not_say() {
    let config = parse(Path::new("c.yml"), PREDECESSOR, "production").unwrap();
    assert_eq!(config.database, Path::new("/var/lib/bounces.db"));
    assert_eq!(config.server.tenants.get(&Domain::parse("mydomain.de").unwrap()).unwrap().threshold, 5);
}

#[test]
fn an_unknown_environment_names_those_that_are_there() {
    let error = parse(Path::new("c.yml"), PREDECESSOR, "staging").unwrap_err().to_string();
    assert_eq!(error, "c.yml: no section \"staging\" for --env; there are: develop, production");
}

#[test]
fn a_file_without_sections_says_what_is_expected() {
    for text in ["", "# nothing yet\n", "hello\n", "- a\n"] {
        let error = parsed(text).unwrap_err().to_string();
        assert_eq!(
            error,
            "/etc/here/config.yml: no section \"develop\" for --env; there are none: expected `develop:` with `handler:` \
             indented below it"
        );
    }
}

#[test]
fn what_is_no_yaml_is_told_with_the_place_first() {
    let error = |text: &str| parsed(text).unwrap_err().to_string();
    assert_eq!(
        error("develop:\n  handler:\n    dbfile: a\n\ttemporary_threshold: 3\n"),
        "/etc/here/config.yml:4:1: not valid YAML: found a tab character that violates indentation, while scanning a \
         plain scalar at line 3 column 13; lines are indented with spaces, not tabs"
    );
    for (text, told) in [
        ("develop:\n  handler: *nobody\n", "2:12: not valid YAML: an alias (*NAME) of which no anchor"),
        ("a:\n  domains:\n    *.x.de: 1\n", "3:6: not valid YAML: a name is missing behind * or &"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "2:3: not valid YAML: a: the same key more than once, keep one: \"b\""),
        ("a: &x [*x]\n", "1:4: not valid YAML: nested too deeply, or an alias inside"),
        ("a: 1\n---\nb: 2\n", " not valid YAML: a line `---` begins a second document"),
        ("a: b: c\n", "1:5: not valid YAML: a second `: ` in a line"),
        ("a:\n  <<: 5\n", " not valid YAML: `<<` takes a mapping or a list of them, this is a scalar"),
    ] {
        let error = error(text);
        assert!(error.starts_with(&format!("/etc/here/config.yml:{told}")), "{error}");
    }
}

#[test]
fn another_encoding_is_told_with_its_place() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"a: \xc3\xbc\nb: \xc3\xbc\xfc\n").unwrap();
    let choice = Choice { file: Some(file.path().to_owned()), environment: "a".to_owned() };
    let error = load(&choice).unwrap_err().to_string();
    assert!(error.ends_with(":2:5: not valid YAML: this is not UTF-8: save the file in that encoding"), "{error}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_file() {
    let text = format!("\u{feff}{PREDECESSOR}").replace('\n', "\r\n");
    assert_eq!(parsed(&text).unwrap().database, Path::new("/etc/here/data/bounced_emails.db"));
    let wrong = format!("\u{feff}{}", with("listn: 1"));
    assert_eq!(problems(&wrong), ["(6, 3) develop.listn: unknown key; did you mean listen?"]);
}

#[test]
fn a_domain_of_another_script_is_warned_about() {
    let text = PREDECESSOR.replace("other.de", "m\u{fc}ller.de");
    assert!(parsed(&text).unwrap().warnings().any(|warning| warning.contains("xn--")));
    assert!(parsed(PREDECESSOR).unwrap().warnings().all(|warning| !warning.contains("xn--")));
}

#[test]
fn all_mistakes_are_found_at_once_each_with_its_place() {
    let text = "\
develop:
  handler:
    dbfil: a.redb
    temporary_threshold: many
    permanent_bounced_emails_path: [a]
    domains:
      d.de: {base_url: 'http://h/{adress}'}
      e.de: {}
    actions: {blocked: kount, blokked: count}
  listen: [localhost:0, nowhere]
  temporary_window: 30d
  smtp: {command_time_max: 30, message_octets_max: 1KiB}
";
    assert_eq!(
        problems(text),
        [
            "(2, 3) develop.handler.dbfile: is missing: expected the path of the database, as in ./data/bounces.redb",
            "(3, 5) develop.handler.dbfil: unknown key; did you mean dbfile?",
            "(4, 26) develop.handler.temporary_threshold: expected a whole number from 0 on",
            "(5, 36) develop.handler.permanent_bounced_emails_path: expected a text",
            "(7, 24) develop.handler.domains.d.de.base_url: expected {address} in the path or the query",
            "(8, 7) develop.handler.domains.e.de.base_url: is missing: expected the URL of the platform, as in \
             https://platform.example/emails/{address}/suspend",
            "(9, 24) develop.handler.actions.blocked: expected suspend, count, alert or ignore",
            "(9, 40) develop.handler.actions.blokked: is no reason; did you mean blocked?",
            "(10, 25) develop.listen.1: expected IP:PORT, as in 127.0.0.1:2525 or [::1]:2525",
            "(11, 3) develop.temporary_window: unknown key; did you mean develop.handler.temporary_window?",
            "(12, 28) develop.smtp.command_time_max: expected a span of time with its unit (ms, s, m, h, d, w), as in 30s or 7d",
            "(12, 52) develop.smtp.message_octets_max: 1KiB is out of range: expected 64KiB to 4GiB",
        ]
    );
}

#[test]
fn a_section_of_another_shape_is_a_mistake_not_a_panic() {
    for text in
        ["develop: 1", "develop: [a]", "develop: {handler: [1]}", "develop: {handler: {domains: x}}", "develop:"]
    {
        assert!(!problems(text).is_empty(), "{text}");
    }
    for text in
        ["", "develop", "[develop]", "develop: {a: 1, a: 2}", "develop: {\n", "develop: {<<: 1}", "a: *b", "\u{1}"]
    {
        assert!(parsed(text).is_err(), "{text}");
    }
}

#[test]
fn listeners_are_texts_or_mappings() {
    let files = tempfile::tempdir().unwrap();
    let pem = files.path().join("x.pem");
    std::fs::write(&pem, "").unwrap();
    let text = with(&format!(
        "listen:\n- 127.0.0.1:25\n- '[::1]:26'\n- unix:run/x.sock\n- {{address: 'unix:/y.sock', group: postfix}}\n- {{address: '0.0.0.0:24', protocol: lmtp, tls: starttls, require_tls: true}}\n\
         tls: {{certificate: {0}, key: {0}}}\nallowed_networks: [192.0.2.0/24, '2001:db8::1', '::ffff:192.0.2.0/120', '::ffff:192.0.2.7', '::/0']",
        pem.display()
    ));
    let settings = parsed(&text).unwrap().server.settings;
    let last = &settings.listeners[4];
    assert_eq!(
        settings.listeners[2].endpoint,
        Endpoint::Unix(UnixSocket { path: "/etc/here/run/x.sock".into(), group: None })
    );
    let ours = UnixSocket { path: "/y.sock".into(), group: Some("postfix".to_owned()) };
    assert_eq!(settings.listeners[3].endpoint, Endpoint::Unix(ours));
    assert_eq!((last.protocol, last.tls, last.require_tls), (Protocol::Lmtp, Tls::StartTls, true));
    let again = parsed(&parsed(&text).unwrap().effective_yaml()).unwrap().server.settings;
    assert_eq!(again.listeners, settings.listeners);
    let networks: Vec<String> = settings.allowed_networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["192.0.2.0/24", "2001:db8::1/128", "192.0.2.0/24", "192.0.2.7/32", "::/0"]);
}

#[test]
fn a_group_is_for_a_unix_socket() {
    let problems = problems(&with("listen: {address: '127.0.0.1:25', group: postfix}"));
    assert!(problems[0].contains("develop.listen.0.group: is for a UNIX socket"), "{problems:?}");
}

#[test]
fn an_empty_list_is_not_taken_for_everybody_or_everywhere() {
    let problems = problems(&with("listen: []\nallowed_networks: []"));
    assert!(problems[0].starts_with("(6, 11) develop.listen: expected an address"), "{problems:?}");
    assert!(problems[1].starts_with("(7, 21) develop.allowed_networks: expected a network"), "{problems:?}");
    let absent = parsed(&with("allowed_networks: null")).unwrap();
    assert!(parsed(&absent.effective_yaml()).unwrap().server.settings.allowed_networks.is_empty());
}

#[test]
fn two_listeners_at_one_place_are_a_mistake() {
    let twice = "listen: [127.0.0.1:25, {address: '127.0.0.1:25', protocol: lmtp}, unix:x, unix:x]";
    let expected = ["(6, 26) develop.listen.1: stands here twice", "(6, 77) develop.listen.3: stands here twice"];
    assert_eq!(problems(&with(twice)), expected);
    assert!(parsed(&with("listen: [127.0.0.1:0, 127.0.0.1:0, 127.0.0.1:25, '[::1]:25']")).is_ok());
}

#[test]
fn tls_needs_its_files() {
    let missing = problems(&with("listen: {address: '127.0.0.1:25', tls: starttls}"));
    assert_eq!(missing, ["(1, 1) develop.tls: is missing: expected certificate and key, since a listener uses TLS"]);
    let unreadable = problems(&with("tls: {certificate: /no/such, key: /no/such}"));
    assert!(unreadable.len() == 2 && unreadable[0].contains("/no/such cannot be read"), "{unreadable:?}");
    let bare = problems(&with("listen: {address: '127.0.0.1:25', require_tls: true}"));
    assert!(bare[0].contains("develop.listen.0.require_tls: needs `tls: starttls`"), "{bare:?}");
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("token"), "hunter2\n").unwrap();
    let text = |headers: &str| {
        format!(
            "develop: {{handler: {{dbfile: a, domains: {{d.de: {{base_url: 'http://h/{{address}}', headers: {headers}}}}}}}}}"
        )
    };
    let read = |headers: &str| parse_complete(&files.path().join("c.yml"), &text(headers), "develop");
    let config = read("{Authorization: {prefix: 'Bearer ', file: token}, X-A: b}").unwrap();
    let headers = &config.server.tenants.iter().next().unwrap().headers;
    assert_eq!(headers[0].1.reveal(), "Bearer hunter2");
    assert_eq!((headers[1].0.as_str(), headers[1].1.reveal()), ("X-A", "b"));
    assert!(!format!("{config:?}{}", config.effective_yaml()).contains("hunter2"));
    for (headers, expected) in [
        ("{Authorization: hunter2}", "a secret does not belong here"),
        ("{Authorization: {file: none}}", "cannot be read"),
        // Without an end: only so much of it is read.
        ("{Authorization: {file: /dev/zero}}", "is longer than 16384 octets"),
        ("{Authorization: {env: BOUNCESVC_TEST_UNSET}}", "is not set"),
        ("{Authorization: {file: token, env: X}}", "either"),
        ("{Authorization: {file: token, prefx: X}}", "did you mean prefix?"),
        ("{'X Y': b}", "name of an HTTP header field"),
        ("{content-length: 5}", "each request has already"),
        ("{X: \"hunter2\\r\\nY: z\"}", "one line"),
    ] {
        let error = read(headers).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{headers}: {error}");
    }
}

#[test]
fn the_predecessors_database_is_left_alone() {
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("b.db"), b"SQLite format 3\0 and so on").unwrap();
    let text = with("amqp: {host: x}").replace("a.redb", "b.db");
    let config = parse(&files.path().join("c.yml"), &text, "develop").unwrap();
    assert_eq!(config.database, files.path().join("b.db.redb"));
    assert!(
        config.warnings().any(|warning| warning.contains("import-sqlite")),
        "{:?}",
        config.warnings().collect::<Vec<_>>()
    );
    assert!(config.warnings().any(|warning| warning.contains("amqp")), "{:?}", config.warnings().collect::<Vec<_>>());
}

#[test]
fn whoever_lets_everybody_in_is_told() {
    let open = |more: &str| parsed(&with(more)).unwrap().warnings().any(|warning| warning.contains("allowed_networks"));
    assert!(open("") && open("listen: ['127.0.0.1:1', '0.0.0.0:2']"));
    let mut chosen = parsed(&with("")).unwrap();
    chosen.server.settings.listeners = vec![server::Listener::smtp(([127, 0, 0, 1], 1).into())];
    assert_eq!(chosen.warnings().next(), None);
    assert!(!open("listen: 127.0.0.1:1") && !open("allowed_networks: 10.0.0.0/8") && !open("listen: unix:x"));
}

#[test]
fn whoever_shows_the_status_to_everybody_is_told() {
    let shown = |listen: &str| {
        let config = parsed(&with(&format!("listen: unix:x\nstatus: {{listen: '{listen}'}}"))).unwrap();
        config.warnings().any(|warning| warning.contains(listen) && warning.contains("no login"))
    };
    assert!(shown("0.0.0.0:9925") && shown("[::]:9925") && shown("192.0.2.1:9925"));
    assert!(!shown("127.0.0.1:9925") && !shown("[::1]:9925"));
}

#[test]
fn every_domain_may_differ_from_the_rest() {
    let text = "develop: {handler: {dbfile: a, temporary_threshold: 4, temporary_window: 30d, domains: {\
                a.de: {base_url: 'http://h/{address}'}, \
                b.de: {base_url: 'http://h/{address}', temporary_threshold: 0, temporary_window: off, done_statuses: [404, 410], json_body: true}}}}";
    let config = parsed(text).unwrap();
    let [a, b] = config.server.tenants.iter().collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!((a.threshold, a.window), (4, Some(Duration::from_secs(30 * 86_400))));
    assert_eq!((b.threshold, b.window, b.json_body, &b.done_statuses[..]), (0, None, true, &[404, 410][..]));
    let tenant::Endpoint::Template(template) = &a.endpoint else { panic!() };
    assert_eq!(template.expand(&Address::parse("x@y.de").unwrap()), "http://h/x%40y.de");
}

#[test]
fn a_window_needs_a_threshold_that_it_can_exceed() {
    let text = |threshold: u32| {
        format!(
            "develop: {{handler: {{dbfile: a, temporary_threshold: {threshold}, temporary_window: 30d, domains: {{\
             a.de: {{base_url: 'http://h/{{address}}'}}}}}}}}"
        )
    };
    assert!(parsed(&text(999)).is_ok());
    let problems = problems(&text(1000));
    assert!(problems.len() == 1 && problems[0].contains("a temporary_threshold of at most 999"), "{problems:?}");
}

#[test]
fn what_differs_is_told_by_its_key() {
    let differences = |text: &str| parsed(text).unwrap().differences(&parsed(&with("")).unwrap());
    assert!(differences(&with("")).is_empty());
    let changed = differences(&with("smtp: {head_octets_max: 2MiB}\nstatus: {listen: '127.0.0.1:9100'}"));
    assert!(changed.contains(&"develop.smtp.head_octets_max: 1MiB -> 2MiB".to_owned()), "{changed:?}");
    assert!(changed.contains(&"develop.status.listen: null -> 127.0.0.1:9100".to_owned()), "{changed:?}");
    let changed = differences(&with("smtp: {accepted_recipients: [a.de, b.de]}"));
    assert!(changed.contains(&"develop.smtp.accepted_recipients: [] -> [a.de, b.de]".to_owned()), "{changed:?}");
}

#[test]
fn a_domain_that_no_mail_reaches_is_told() {
    let text = |first: &str, second: &str| {
        let below = "{base_url: 'http://h/{address}'}";
        format!("develop: {{handler: {{dbfile: a, domains: {{{first}: {below}, {second}: {below}}}}}}}")
    };
    assert!(problems(&text("a.de", "A.de"))[0].contains("stands here twice"));
    assert!(parsed(&text("a.de", "b.a.de")).unwrap().warnings().next().unwrap().contains("put b.a.de first"));
    assert!(parsed(&text("b.a.de", "a.de")).unwrap().warnings().all(|warning| !warning.contains("first")));
}

#[test]
fn the_defaults_of_the_settings_are_those_in_force() {
    let server = parsed(&with("smtp: {hostname: localhost}")).unwrap().server;
    let expected = server::Settings { control: server.settings.control.clone(), ..server::Settings::default() };
    assert_eq!(format!("{:?}", server.settings), format!("{expected:?}"));
    assert_eq!(format!("{:?}", server.notify), format!("{:?}", crate::notify::Settings::default()));
    let store = parsed(&with("")).unwrap().store;
    assert_eq!(format!("{store:?}"), format!("{:?}", crate::store::Settings::default()));
}

#[test]
fn the_effective_configuration_reads_back_as_itself() {
    let config = parsed(&with("status: {listen: '127.0.0.1:9100'}")).unwrap();
    let again = parsed(&config.effective_yaml()).unwrap();
    assert_eq!(again.effective_yaml(), config.effective_yaml());
    assert!(config.effective_yaml().contains("mails_in_flight_octets_max: 64MiB"));
}

#[test]
fn evidence_needs_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("{{file: {}}}", path.display())
    };
    let (new, old, short) =
        (file("new", "0123456789abcdef\n"), file("old", "a longer secret of old"), file("short", "secret"));
    let of_domain = |keys: &str| with("").replace("{base_url", &format!("{{{keys}, base_url"));
    let tenant = parsed(&of_domain(&format!("require_evidence: strong, signing_secret: [{new}, {old}]"))).unwrap();
    let evidence = &tenant.server.tenants.iter().next().unwrap().evidence;
    assert_eq!((evidence.required, evidence.days_max), (crate::evidence::Strength::Strong, 30));
    assert_eq!(evidence.secrets[0].reveal(), "0123456789abcdef");
    assert!(!tenant.effective_yaml().contains("0123456789abcdef"));
    for (keys, problem) in [
        ("require_evidence: strong".to_owned(), "strong needs signing_secret beside it"),
        ("require_evidence: much".to_owned(), "expected none, weak or strong"),
        (format!("signing_secret: {short}"), "expected a secret of at least 16 octets"),
        ("signing_secret: plain".to_owned(), "mapping"),
    ] {
        let problems = problems(&of_domain(&keys));
        assert!(problems.iter().any(|text| text.contains(problem)), "{keys}: {problems:?}");
    }
}

#[test]
fn who_needs_no_secrets_needs_no_right_to_read_them() {
    let named = "headers: {X-A: {env: NOT_SET_ANYWHERE}, X-B: b}, require_evidence: strong, signing_secret: [{file: gone}, {env: NOT_SET_ANYWHERE}]";
    let tls = "listen: {address: '[::1]:25', tls: implicit}\ntls: {certificate: gone, key: gone}";
    let text = with(tls).replace("{base_url", &format!("{{{named}, base_url"));
    assert_eq!(problems(&text).len(), 5, "each of the five is missing");
    let config = parse(Path::new("c.yml"), &text, "develop").unwrap();
    let tenant = config.server.tenants.iter().next().unwrap();
    assert_eq!((tenant.headers.len(), tenant.evidence.secrets.len()), (1, 0));
    let shown = config.effective_yaml();
    assert_eq!(shown.matches("'***'").count(), 4, "{shown}");
    for wrong in ["headers: {X-A: {}}", "headers: {X-A: {env: A, file: b}}", "signing_secret: {fil: a}"] {
        let text = with("").replace("{base_url", &format!("{{{wrong}, base_url"));
        assert!(parse(Path::new("c.yml"), &text, "develop").is_err(), "{wrong}");
    }
}
