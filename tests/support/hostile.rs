//! Mails of 1 MiB, the head that is kept, made to cost as much as they can: each named by what it strains.

/// The size of each mail, in octets.
pub const OCTETS: usize = 1024 * 1024;

/// Every hostile mail with its name.
pub fn mails() -> Vec<(&'static str, Vec<u8>)> {
    let mut mails = Vec::new();
    for (name, header, unit, count) in REPEATED {
        mails.push((*name, fill(header, unit, *count)));
    }
    mails.push(("nested multiparts", nested()));
    mails.push((
        "a failed recipient and as many delivery-status groups as fit",
        numbered(DSN, |n| format!("Final-Recipient: rfc822; u{n}@example.com\nAction: failed\n\n")),
    ));
    mails.push(("recipients in prose", numbered(DAEMON, |n| format!("<u{n}@example.com>:\nuser unknown\n\n"))));
    mails.push((
        "X-Failed-Recipients without end",
        numbered("From: MAILER-DAEMON@example.org\nX-Failed-Recipients: a@example.com", |n| {
            format!(",\n u{n}@example.com")
        }),
    ));
    mails.push((
        "recipients of To without end",
        numbered("From: MAILER-DAEMON@example.org\nTo: a@example.com", |n| format!(",\n u{n}@example.com")),
    ));
    mails.push(("fields of different names", numbered("", |n| format!("X-{n}: y\n"))));
    mails.push((
        "addresses in front of help",
        fill(DAEMON, &["a@b.co: ".repeat(500), " questions".repeat(9000)].concat(), 1),
    ));
    mails.push((
        "addresses behind many words",
        fill(DAEMON, &["mailbox ".repeat(4000), "a@b.co: ".repeat(9000)].concat(), 1),
    ));
    mails.push(("blank lines in front of a field", blanks_in_front_of_a_field()));
    mails
}

const DAEMON: &str = "From: MAILER-DAEMON@example.org\nSubject: failure notice\n\nThe following addresses failed:\n\n";
const HTML: &str = "From: MAILER-DAEMON@example.org\nSubject: failure notice\nContent-Type: text/html\n\nThe following addresses failed:\n";
const DSN: &str = "From: MAILER-DAEMON@example.org\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\n";
const SIGNED: &str = "From: MAILER-DAEMON@example.org\nSubject: failure notice\n\nThe following addresses failed:\n\n<a@example.com>\nuser unknown\n-- \n";
const FLAT: &str = "From: MAILER-DAEMON@example.org\nContent-Type: multipart/mixed; boundary=b\n\n";
const QUOTED: &str = "From: MAILER-DAEMON@example.org\nSubject: failure notice\nContent-Transfer-Encoding: quoted-printable\n\nfailed to a@example.com: ";
const BASE64: &str = "From: MAILER-DAEMON@example.org\nSubject: failure notice\nContent-Transfer-Encoding: base64\n\n";

/// Name, beginning, what is repeated, and how often (0: until the mail is full).
const REPEATED: &[(&str, &str, &str, usize)] = &[
    ("flat parts", FLAT, "--b\n\nx\n", 0),
    ("flat parts with headers", FLAT, "--b\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\nQQ==\n", 0),
    ("lines that look like delimiters", FLAT, "--bb\n", 0),
    ("dashes", FLAT, "\n--", 0),
    ("header fields", "", "Received: from a by b\n", 0),
    ("one endless header field", "Subject: x", " yyyyyyy", 0),
    ("first halves of phrases", DAEMON, "mailbox ", 0),
    ("phrases behind words about us", DAEMON, "sender user unknown ", 0),
    ("one endless folded field", "Subject: x", "\n y", 0),
    ("encoded words", "Subject: ", "=?utf-8?q?a?= ", 0),
    ("one line", DAEMON, "a", 0),
    ("one line of at signs", DAEMON, "@", 0),
    ("one line of addresses", DAEMON, "a@b.example ", 0),
    ("lines of one address", DAEMON, "<a@b.example>: user\n", 0),
    ("second halves of broken addresses", DAEMON, "a@b.example> ", 0),
    ("quotes before at signs", DAEMON, "\"@", 0),
    ("brackets", DAEMON, "<<", 0),
    ("halves of phrases", DAEMON, "mailbox user account domain ", 0),
    ("phrases", DAEMON, "user unknown mailbox full ", 0),
    ("status codes", DAEMON, "5.1.1 550 4.2.2 450-", 0),
    ("introductions", DAEMON, "following addresses failed recipient: ", 0),
    ("addresses in sentences", DAEMON, "x a@b.example\n", 0),
    ("addresses below a signature", SIGNED, "x a@b.co ", 0),
    ("addresses for help", DAEMON, "questions a@b.co ", 0),
    ("titles of returned messages", DAEMON, "x original message follows\n", 0),
    ("spaces", DAEMON, " ", 0),
    ("justified text", DAEMON, "a  ", 0),
    ("doubled carriage returns", DAEMON, "\r\r\n", 0),
    ("first fields of headers", DAEMON, "From: x\n", 0),
    ("codes of replies in several lines", DAEMON, "a@b.example: 550-5.1.1 no\n", 0),
    ("empty lines", DAEMON, "\n", 0),
    ("tags", HTML, "<p>", 0),
    ("open brackets in HTML", HTML, "<", 0),
    ("styles that never close", HTML, "<style>", 0),
    ("styles that close in upper case", HTML, "<style></STYLE>", 0),
    ("comments", HTML, "<!-- > -->", 0),
    ("comments that never close", HTML, "<!-- >", 0),
    ("links that never close", HTML, "<a href='mailto:a@b.example'>x", 0),
    ("entities", HTML, "&lt;&#x40;&", 0),
    ("quoted-printable", QUOTED, "=3D", 0),
    ("soft line ends", QUOTED, "=\n", 0),
    ("base64", BASE64, "YUBiLmV4YW1wbGU=\n", 0),
    ("base64 in one line", BASE64, "YUBi", 0),
    ("fields of a report", DSN, "Diagnostic-Code: smtp; 550 x\n", 0),
    ("folds of a report", DSN, "Final-Recipient: rfc822; a@example.com\nDiagnostic-Code: smtp; 550\n continued", 1),
    ("blank lines of a report", DSN, "\n", 0),
    ("open brackets of JSON", "From: no-reply@example.org\n\n", "{\"a\":", 0),
    ("signatures", "From: a@example.org\n", "DKIM-Signature: v=1; d=example.org; b=\n", 0),
    ("Japanese escapes", DAEMON, "\u{1b}$B%f\u{1b}(B", 0),
    ("Cyrillic", DAEMON, "\u{43d}\u{435} \u{434}\u{43e}\u{441}\u{442}\u{430}\u{432}\u{43b}\u{435}\u{43d}\u{43e} ", 0),
    ("NUL", "", "\0", 0),
];

fn fill(header: &str, unit: &str, count: usize) -> Vec<u8> {
    let room = (OCTETS - header.len()) / unit.len();
    let mut mail = header.as_bytes().to_vec();
    mail.extend_from_slice(unit.repeat(if count == 0 { room } else { count }).as_bytes());
    mail.resize(OCTETS, b'x');
    mail
}

fn numbered(header: &str, unit: impl Fn(usize) -> String) -> Vec<u8> {
    let mut mail = header.to_owned();
    for n in 0.. {
        mail.push_str(&unit(n));
        if mail.len() >= OCTETS {
            break;
        }
    }
    mail.truncate(OCTETS);
    mail.into_bytes()
}

fn blanks_in_front_of_a_field() -> Vec<u8> {
    let (first, last) = ("From: MAILER-DAEMON@example.org\n", "X-Last: y\n");
    let blanks = " \n".repeat((OCTETS - first.len() - last.len()) / 2);
    [first, &blanks, last].concat().into_bytes()
}

fn nested() -> Vec<u8> {
    numbered("Content-Type: multipart/mixed; boundary=0\n\n", |n| {
        format!("--{n}\nContent-Type: multipart/mixed; boundary={}\n\n", n + 1)
    })
}
