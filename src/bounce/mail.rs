//! A mail as the detectors see it: taken apart once, decoded when somebody asks.

use super::envelope::Outer;
use super::header;
use super::mime::{self, Content, Part, Tree};
use super::notice::{Notice, origin, replies};
use super::text;
use memchr::memmem::Finder;
use std::cell::OnceCell;
use std::sync::LazyLock;

/// The most octets of the human-readable parts that are put together.
const NOTICE_OCTETS_MAX: usize = text::TEXT_OCTETS_MAX;

/// The most subjects that are blanked in one text.
const SUBJECTS_MAX: usize = 50;

/// From how many soft line breaks on a text is taken for quoted-printable.
const SOFT_BREAKS_MIN: usize = 3;

/// A mail, its outer header and its parts.
pub struct Mail<'a> {
    pub tree: Tree<'a>,
    pub outer: Outer,
    notice: OnceCell<Notice>,
    weight: OnceCell<i32>,
}

impl<'a> Mail<'a> {
    /// Takes the octets apart.
    pub fn new(octets: &'a [u8]) -> Self {
        let (fields, body) = header::read_mail(octets);
        let tree = mime::walk(&fields, body);
        let outer = Outer::read(&fields);
        Self { tree, outer, notice: OnceCell::new(), weight: OnceCell::new() }
    }

    /// The first part of a kind.
    pub fn part(&self, content: Content) -> Option<&Part<'a>> {
        self.tree.parts.iter().find(|part| part.content == content)
    }

    /// The words for people, decoded and searched for marks.
    pub fn notice(&self) -> &Notice {
        self.notice.get_or_init(|| Notice::new(self.own_words()))
    }

    /// What people quote of a bounce is not theirs; mail systems use the same sign for bullets.
    fn own_words(&self) -> String {
        let text = human_text(&self.tree.parts);
        if !text.contains("\n>") || origin::is_daemon(&self.outer.envelope.from.to_lowercase()) {
            return text;
        }
        text.split_inclusive('\n').filter(|line| !line.starts_with('>')).collect()
    }

    /// The notice, if it was asked for before.
    pub fn notice_if_read(&self) -> Option<&Notice> {
        self.notice.get()
    }

    /// Whether it says that the message has arrived, or was passed on; with a cause of a failure it is none.
    pub fn is_receipt_in_words(&self) -> bool {
        self.notice().speaks_of_success() || replies::is_receipt_subject(&self.outer.envelope.subject)
    }

    /// How much the header speaks for a mail system as author; see [`origin::ENOUGH`].
    pub fn weight(&self) -> i32 {
        *self
            .weight
            .get_or_init(|| origin::weigh(&self.outer, &self.tree.content_type) + i32::from(self.returns_a_message()))
    }

    /// People seldom pass a message on under a null sender.
    fn returns_a_message(&self) -> bool {
        self.outer.return_path.as_deref().is_some_and(|path| path.trim() == "<>")
            && self.tree.content_type.starts_with("multipart/")
            && self.part(Content::Message).is_some()
    }
}

/// The text parts in front of the returned message; HTML where the plain text names nobody, or is a footer below it.
fn human_text(parts: &[Part<'_>]) -> String {
    let in_front = || parts.iter().take_while(|part| !matches!(part.content, Content::Message | Content::Headers));
    let of = |content: Content| join(in_front().filter(move |part| part.content == content));
    let has_html_first = in_front().find(|part| matches!(part.content, Content::Text | Content::Html));
    let plain = of(Content::Text);
    if has_html_first.is_some_and(|part| part.content == Content::Html) {
        return [of(Content::Html), plain].join("\n");
    }
    if plain.contains('@') {
        return plain;
    }
    let html = of(Content::Html);
    if html.trim().is_empty() { plain } else { [plain, html].join("\n") }
}

fn join<'p, 'a: 'p>(parts: impl Iterator<Item = &'p Part<'a>>) -> String {
    let mut out = String::new();
    for part in parts {
        if out.len() < NOTICE_OCTETS_MAX {
            push_without_returns(&mut out, &part.text());
            out.push('\n');
        }
    }
    let out = if is_quoted_printable(&out) { out.replace("=\n", "") } else { out };
    without_subjects(without_banner(with_single_spaces(visible(out))))
}

/// Web mail breaks long addresses at characters that nobody sees, and keeps words together by spaces that do not break.
fn visible(text: String) -> String {
    // The first octets of these characters in UTF-8.
    if memchr::memchr3(0xC2, 0xE2, 0xEF, text.as_bytes()).is_none() {
        return text;
    }
    let seen = |c| match c {
        '\u{200B}' | '\u{200C}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}' => None,
        '\u{A0}' | '\u{2007}' | '\u{202F}' => Some(' '),
        c => Some(c),
    };
    text.chars().filter_map(seen).collect()
}

/// Justified text has many spaces between its words, where marks have one.
fn with_single_spaces(text: String) -> String {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"  "));
    let bytes = text.as_bytes();
    let is_lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
    let mut out = String::new();
    let (mut kept, mut run_end) = (0, 0);
    while let Some(start) = bytes.get(run_end..).and_then(|rest| FINDER.find(rest)).map(|at| run_end + at) {
        run_end = start + bytes.iter().skip(start).take_while(|c| **c == b' ').count();
        if start > kept && is_lower(start - 1) && is_lower(run_end) {
            out.push_str(text.get(kept..=start).unwrap_or(""));
            kept = run_end;
        }
    }
    if kept == 0 { text } else { [&out, text.get(kept..).unwrap_or("")].concat() }
}

/// What a gateway puts on top of every mail from outside speaks of dangers, and names whom to tell: blank.
fn without_banner(mut text: String) -> String {
    const STARTS: &[&str] = &[
        "caution:",
        "[external",
        "external:",
        "external email",
        "external sender",
        "this email originated",
        "this message originated",
        "warning: this email originated",
    ];
    let start = text.len() - text.trim_start().len();
    let first = text.get(start..).unwrap_or("").trim_start_matches(['*', '-', ' ']);
    let is_banner = |start: &&str| first.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start));
    if STARTS.iter().any(is_banner)
        && let Some(end) = text.get(start..).and_then(|rest| rest.find("\n\n"))
    {
        text.replace_range(start..start + end, "");
    }
    text
}

fn push_without_returns(out: &mut String, text: &str) {
    out.reserve(text.len() + 1);
    let mut from = 0;
    for at in memchr::memchr_iter(b'\r', text.as_bytes()) {
        out.push_str(text.get(from..at).unwrap_or(""));
        from = at + 1;
    }
    out.push_str(text.get(from..).unwrap_or(""));
}

/// What the returned message was about tells nothing about the failure, though it may speak of spam or quotas: blank.
fn without_subjects(mut text: String) -> String {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"ubject:"));
    let ends: Vec<usize> = FINDER.find_iter(text.as_bytes()).take(SUBJECTS_MAX).collect();
    for at in ends {
        let before = text.get(..at).unwrap_or("").trim_end_matches([' ', '\t', 's', 'S']);
        if before.is_empty() || before.ends_with('\n') {
            let line = text.get(at..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
            text.replace_range(at..at + line, &" ".repeat(line));
        }
    }
    text
}

/// Soft line breaks that nobody took out, since no field says that the text has them.
fn is_quoted_printable(text: &str) -> bool {
    let breaks = memchr::memmem::find_iter(text.as_bytes(), b"=\n");
    let soft = breaks.filter(|at| at.checked_sub(1).and_then(|before| text.as_bytes().get(before)) != Some(&b'='));
    soft.take(SOFT_BREAKS_MIN).count() == SOFT_BREAKS_MIN
}
