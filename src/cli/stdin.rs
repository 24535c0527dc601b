//! `stdin`: one mail from standard input, as an alias pipes it.
//!
//! The running daemon gets it over SMTP, so that the mail server's pipe user needs no rights on our files, nor on the secrets
//! that the configuration names. Without a daemon the same code decides and writes here. The exit code is 0 once the mail's effect is durable, and 75 in every other
//! case: the mail server keeps the mail and tries again. Nothing is printed on success, since some mail servers take
//! output for a failure.

use super::exit::TRY_AGAIN;
use super::handover::{self, Handed, Letter, hand_over};
use super::{Failure, database, drain};
use crate::bounce;
use crate::change::{Accepted, Batch};
use crate::config::{self, Choice, Complete};
use crate::policy::{self, Received};
use crate::server::Listener;
use crate::store::{OpenError, Store};
use crate::types::Address;
use crate::{digest, escape};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long it waits for a command that holds the database.
const BUSY_TIME_MAX: Duration = Duration::from_secs(10);
const BUSY_STEP: Duration = Duration::from_millis(200);

/// Every failure is worth another try, a fault of ours as well.
pub fn run(choice: &Choice) -> Result<(), Failure> {
    let delivered = catch_unwind(AssertUnwindSafe(|| deliver(choice)));
    let delivered = delivered.unwrap_or_else(|_| Err(Failure::try_again("internal error: the mail was not taken")));
    delivered.map_err(|failure| Failure { code: TRY_AGAIN, ..failure })
}

fn deliver(choice: &Choice) -> Result<(), Failure> {
    let config = config::load(choice)?;
    let smtp = &config.server.settings.smtp;
    let (head, octets) = read_mail(io::stdin().lock(), smtp.head_octets_max)?;
    let mail = for_the_wire(&head, smtp.message_octets_max);
    let letter = Letter { sender: &sender(), recipient: &recipient(), mail: &mail };
    let give_up = Instant::now() + BUSY_TIME_MAX;
    loop {
        match hand_over(&config.server.settings.listeners, &letter) {
            Handed::Taken => return Ok(()),
            Handed::Refused(why) => {
                let why = escape::Escaped(&why).to_string();
                return Err(Failure::try_again(format!("the daemon did not take the mail: {why}")));
            }
            Handed::NoDaemon => {}
        }
        match database::open_or_make(&config) {
            Err(OpenError::Locked(_)) if Instant::now() < give_up => std::thread::sleep(BUSY_STEP),
            Err(locked @ OpenError::Locked(_)) => return Err(no_way_in(&locked, &config.server.settings.listeners)),
            opened => return write(opened?, &config.complete()?, &letter, octets),
        }
    }
}

fn no_way_in(locked: &OpenError, listeners: &[Listener]) -> Failure {
    let plain = listeners.iter().filter(|listener| handover::is_plain(listener));
    let asked: Vec<String> = plain.map(|listener| listener.endpoint.to_string()).collect();
    let advice = if asked.is_empty() {
        "each listener asks for TLS, which is not spoken here: add one without it, as `unix:PATH`".to_owned()
    } else {
        format!("no daemon takes mail at {}: if one runs, its log says where it listens", asked.join(", "))
    };
    Failure::try_again(format!("{locked}; {advice}"))
}

/// The head of the mail, and the size of all of it; the rest is read, so that the mail server sees no broken pipe.
fn read_mail(mut input: impl Read, head_octets_max: usize) -> io::Result<(Vec<u8>, u64)> {
    let mut head = Vec::new();
    input.by_ref().take(head_octets_max as u64).read_to_end(&mut head)?;
    let rest = io::copy(&mut input, &mut io::sink())?;
    let octets = head.len() as u64 + rest;
    Ok((head, octets))
}

/// What the daemon would do with the mail, in one transaction; then another one, since our exit is the 250.
fn write(mut store: Store, config: &Complete, letter: &Letter<'_>, octets: u64) -> Result<(), Failure> {
    let now = super::now();
    let id = store.reader().first_id(now)?;
    let mail = Arc::new(letter.mail.to_vec());
    let recipients = [letter.recipient.to_owned()];
    let archive = config.server.notify.archive_dir.is_some();
    let received = Received { id, sender: letter.sender, recipients: &recipients, mail: &mail, archive, time: now };
    let mut report = bounce::read(&mail);
    let decision = policy::decide(&mut report, &received, &config.server.tenants, &config.server.actions);
    let digest = digest::of_mail(&store.digest_key(), &mail, octets.max(mail.len() as u64));
    let accepted = Accepted { id, digest, changes: decision.changes };
    store.commit(&Batch { mails: vec![accepted], ..Batch::default() }, now)?;
    store.commit(&Batch { confirmed: vec![digest], ..Batch::default() }, now)?;
    drain::drain(&mut store, config);
    Ok(())
}

/// The mail as the daemon takes it whatever it is set to: each line ends in CRLF, no CR stands elsewhere, and its size is one that is
/// offered.
fn for_the_wire(mail: &[u8], octets_max: u64) -> Vec<u8> {
    let mut wire = Vec::with_capacity(mail.len() + mail.len() / 32);
    for line in mail.split_inclusive(|octet| *octet == b'\n') {
        wire.extend(line.iter().filter(|octet| !matches!(octet, b'\r' | b'\n')));
        if line.ends_with(b"\n") {
            wire.extend_from_slice(b"\r\n");
        }
    }
    // A line that is cut gets its end when it is sent.
    wire.truncate(usize::try_from(octets_max).unwrap_or(usize::MAX).saturating_sub(2));
    wire
}

/// The envelope sender, as Postfix's local(8) and Exim's pipe transport export it.
fn sender() -> String {
    address_of("SENDER").unwrap_or_default()
}

/// The recipient before aliases were expanded, where the mail server says it.
fn recipient() -> String {
    let parts = || Some(format!("{}@{}", std::env::var("LOCAL_PART").ok()?, std::env::var("DOMAIN").ok()?));
    let whole = address_of("ORIGINAL_RECIPIENT").or_else(|| address_of("RECIPIENT"));
    whole.or_else(|| parts().filter(|text| is_plain(text))).unwrap_or_default()
}

fn address_of(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| is_plain(text))
}

/// What may stand between `<` and `>` as it is, without SMTPUTF8.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && Address::parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Tls;

    #[test]
    fn of_a_long_mail_the_head_is_kept_and_the_rest_is_read() {
        let mail = vec![b'x'; 1000];
        let mut input = mail.as_slice();
        assert_eq!(read_mail(&mut input, 10).unwrap(), (mail[..10].to_vec(), 1000));
        assert!(input.is_empty());
    }

    #[test]
    fn who_finds_no_way_to_the_daemon_is_told_where_it_was_looked_for() {
        let plain = Listener::smtp(([127, 0, 0, 1], 2525).into());
        let asking = Listener { require_tls: true, ..plain.clone() };
        let beginning = Listener { tls: Tls::Implicit, ..plain.clone() };
        let locked = OpenError::Locked("bounces.redb".into());
        for (listeners, advice) in [
            (vec![asking.clone(), beginning], "add one without it"),
            (vec![asking, plain], "no daemon takes mail at 127.0.0.1:2525: "),
        ] {
            let failure = no_way_in(&locked, &listeners);
            assert_eq!(failure.code, TRY_AGAIN);
            assert!(failure.message.starts_with(&locked.to_string()), "{}", failure.message);
            assert!(failure.message.contains(advice), "{}", failure.message);
        }
    }

    #[test]
    fn line_ends_become_those_of_the_wire() {
        for (given, wire) in [("a\nb\r\n\nc", "a\r\nb\r\n\r\nc"), ("", ""), ("\n", "\r\n"), ("a\rb\r\r\n\r", "ab\r\n")]
        {
            assert_eq!(for_the_wire(given.as_bytes(), 1000), wire.as_bytes(), "{given:?}");
        }
    }

    #[test]
    fn a_mail_is_cut_to_the_size_that_is_offered() {
        assert_eq!(for_the_wire(b"aaa\nbbb\n", 9), b"aaa\r\nbb");
        assert_eq!(for_the_wire(b"aaa\nbbb\n", 12), b"aaa\r\nbbb\r\n");
    }

    #[test]
    fn what_would_break_out_of_the_brackets_is_no_address() {
        for text in ["a@b.de> SIZE=1", "a@b.de\r\nQUIT", "ü@b.de", "", "postmaster"] {
            assert!(!is_plain(text), "{text:?}");
        }
        assert!(is_plain("prvs=1a=bounce+x@b.de"));
    }
}
