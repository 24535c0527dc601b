//! The parts of a mail, flat and in order.
//!
//! A walk of our own: one pass over the lines that look like delimiters, with limits on depth, parts and lines, since a
//! recursive reader gives up on (or pays dearly for) mail that is nested without end. A returned message is one part;
//! nobody looks inside it for parts. Lenient: a missing close delimiter, a missing `boundary`, or a MIME body under a
//! header that does not say so.

use super::header::{self, Field};
use super::html;
use super::text::{self, Transfer};
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The most parts that are kept; what follows is not looked at.
const PARTS_MAX: usize = 100;
/// The most levels of multipart.
const DEPTH_MAX: usize = 8;
/// The most lines starting with `--` that are compared with the delimiters.
const DASH_LINES_MAX: usize = 50_000;
/// How far into a body that claims not to be multipart a delimiter is looked for, in octets.
const SNIFF_OCTETS_MAX: usize = 2000;

/// What a part is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Text,
    Html,
    /// RFC 3464, RFC 6533.
    DeliveryStatus,
    /// RFC 5965.
    FeedbackReport,
    /// RFC 8098.
    DispositionNotification,
    /// `message/rfc822` and its kin: the returned message.
    Message,
    /// `text/rfc822-headers`: the header of the returned message.
    Headers,
    Multipart,
    Other,
}

impl Content {
    fn from_type(value: &str) -> Self {
        let end = memchr::memchr2(b';', b' ', value.as_bytes());
        let kind = end.and_then(|end| value.get(..end)).unwrap_or(value);
        let known = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)).map(|(_, content)| *content);
        let is_multipart = || kind.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"));
        known.unwrap_or_else(|| if is_multipart() { Self::Multipart } else { Self::Other })
    }
}

/// The types that matter here, also as senders misspell them.
const TYPES: &[(&str, Content)] = &[
    ("", Content::Text),
    ("text/plain", Content::Text),
    ("text", Content::Text),
    ("text/enriched", Content::Text),
    ("plain/text", Content::Text),
    ("text/html", Content::Html),
    ("message/delivery-status", Content::DeliveryStatus),
    ("message/global-delivery-status", Content::DeliveryStatus),
    ("message/deliverystatus", Content::DeliveryStatus),
    ("message/feedback-report", Content::FeedbackReport),
    ("message/disposition-notification", Content::DispositionNotification),
    ("message/global-disposition-notification", Content::DispositionNotification),
    ("message/rfc822", Content::Message),
    ("message/global", Content::Message),
    ("message/partial", Content::Message),
    ("message/news", Content::Message),
    ("text/rfc822-headers", Content::Headers),
    ("text/rfc822-header", Content::Headers),
    ("message/rfc822-headers", Content::Headers),
    ("message/global-headers", Content::Headers),
    ("text/rfc822", Content::Headers),
];

/// One leaf.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    pub content: Content,
    pub body: &'a [u8],
    transfer: Transfer,
    content_type: Cow<'a, str>,
}

impl<'a> Part<'a> {
    /// The decoded text; HTML without its tags.
    pub fn text(&self) -> Cow<'a, str> {
        let decoded = text::decode(self.body, self.transfer, parameter(&self.content_type, "charset"));
        let is_html = self.content == Content::Html || self.content == Content::Text && html::starts(&decoded);
        if is_html { Cow::Owned(html::to_text(&decoded)) } else { decoded }
    }
}

/// A mail taken apart.
#[derive(Debug)]
pub struct Tree<'a> {
    /// Everything behind the header.
    pub body: &'a [u8],
    /// `Content-Type` of the mail, in lower case.
    pub content_type: String,
    /// At most [`PARTS_MAX`] leaves.
    pub parts: Vec<Part<'a>>,
    /// A limit was met; what lay behind it was not looked at.
    pub cut: bool,
}

/// Takes the body of a mail with these fields apart.
pub fn walk<'a>(fields: &[Field<'a>], body: &'a [u8]) -> Tree<'a> {
    let head = Head::read(fields);
    let content_type = head.content_type.to_ascii_lowercase();
    let named = head.boundary().filter(|_| head.content == Content::Multipart);
    let is_named = named.is_some();
    let boundary = named.or_else(|| head.may_hide_parts().then(|| sniff_boundary(body)).flatten());
    let mut walk = Walk::default();
    if let Some(boundary) = boundary {
        walk.stack.push(boundary);
        walk.scan(body);
        walk.keep_preamble(body, is_named);
    }
    if walk.parts.is_empty() {
        let content = if head.content == Content::Multipart { Content::Text } else { head.content };
        walk.parts.push(Part { content, body, transfer: head.transfer, content_type: head.content_type });
    }
    Tree { body, content_type, parts: walk.parts, cut: walk.cut }
}

/// What the header of a mail or part says about its body.
struct Head<'a> {
    content: Content,
    content_type: Cow<'a, str>,
    transfer: Transfer,
}

impl<'a> Head<'a> {
    fn read(fields: &[Field<'a>]) -> Self {
        let mut head = Self { content: Content::Text, content_type: Cow::Borrowed(""), transfer: Transfer::Identity };
        for field in fields {
            if field.is("content-type") && head.content_type.is_empty() {
                head.content_type = field.value();
                head.content = Content::from_type(&head.content_type);
            } else if field.is("content-transfer-encoding") {
                head.transfer = Transfer::from_value(&field.value());
            }
        }
        head
    }

    fn may_hide_parts(&self) -> bool {
        self.content == Content::Multipart || self.content == Content::Text && self.transfer == Transfer::Identity
    }

    fn boundary(&self) -> Option<String> {
        parameter(&self.content_type, "boundary").filter(|boundary| !boundary.is_empty()).map(str::to_owned)
    }
}

/// The value of a parameter (RFC 2045 §5.1), quoted or not.
fn parameter<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    let at = memchr::memchr_iter(b'=', value.as_bytes()).find_map(|at| {
        let before = value.get(..at)?.trim_end();
        let start = before.len().checked_sub(name.len())?;
        let bounded = start == 0 || matches!(before.as_bytes().get(start - 1), Some(b';' | b' ' | b'\t'));
        (bounded && before.get(start..)?.eq_ignore_ascii_case(name)).then_some(at + 1)
    })?;
    let rest = value.get(at..)?.trim_start();
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([';', ' ', '\t']).next(),
    }
}

/// The delimiter of a body whose header does not name it: a line `--…` without a space, and a `Content-…` field below it.
fn sniff_boundary(body: &[u8]) -> Option<String> {
    let mut rest = body.get(..body.len().min(SNIFF_OCTETS_MAX))?;
    while !rest.is_empty() {
        let (line, after) = header::next_line(rest);
        if is_returned_header(line) {
            return None;
        }
        let below = after.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-"));
        if let Some(boundary) = line.strip_prefix(b"--").filter(|b| below && b.len() > 2 && !b.contains(&b' ')) {
            return std::str::from_utf8(boundary).ok().map(|text| text.trim_end().to_owned());
        }
        rest = after;
    }
    None
}

/// A delimiter behind the header of a returned message is one of that message.
fn is_returned_header(line: &[u8]) -> bool {
    header::field_name(line).is_some_and(|name| {
        [&b"received"[..], b"return-path", b"from", b"subject", b"message-id"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    })
}

static DASH_LINE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\n--"));

#[derive(Default)]
struct Walk<'a> {
    parts: Vec<Part<'a>>,
    /// The delimiters that are open, outermost first.
    stack: Vec<String>,
    /// The leaf that is being read, and where its body starts.
    open: Option<(Part<'a>, usize)>,
    /// Where the first delimiter stands.
    preamble_end: Option<usize>,
    cut: bool,
    /// Of the part whose header was read last: one list serves all parts.
    fields: Vec<Field<'a>>,
}

impl<'a> Walk<'a> {
    fn scan(&mut self, body: &'a [u8]) {
        let at_start = body.starts_with(b"--").then_some(0);
        let inner = DASH_LINE.find_iter(body).map(|at| at + 1);
        for (count, at) in at_start.into_iter().chain(inner).enumerate() {
            if count >= DASH_LINES_MAX || self.parts.len() >= PARTS_MAX {
                self.cut = true;
                self.open = None;
                break;
            }
            let (line, _) = header::next_line(body.get(at..).unwrap_or(&[]));
            if let Some((level, closes)) = self.delimiter(line) {
                self.preamble_end.get_or_insert(at);
                self.close(body, at);
                self.stack.truncate(level + usize::from(!closes));
                if !closes {
                    self.open_part(body, at + line.len());
                }
            }
            if self.stack.is_empty() {
                break;
            }
        }
        self.close(body, body.len());
    }

    /// In front of the first delimiter stands a remark on MIME, but the notice itself where a gateway put the mail together anew.
    fn keep_preamble(&mut self, body: &'a [u8], is_named: bool) {
        let preamble = body.get(..self.preamble_end.unwrap_or(0)).unwrap_or(&[]);
        let has_text = self.parts.iter().any(|part| matches!(part.content, Content::Text | Content::Html));
        if !(is_named && has_text) && preamble.contains(&b'@') {
            let content_type = Cow::Borrowed("");
            let part = Part { content: Content::Text, body: preamble, transfer: Transfer::Identity, content_type };
            self.parts.insert(0, part);
        }
    }

    /// Which open delimiter the line is, and whether it is the closing one (RFC 2046 §5.1.1).
    fn delimiter(&self, line: &[u8]) -> Option<(usize, bool)> {
        let text = line.get(2..)?;
        self.stack.iter().enumerate().rev().find_map(|(level, boundary)| {
            let rest = text.strip_prefix(boundary.as_bytes())?.trim_ascii();
            match rest {
                b"" => Some((level, false)),
                b"--" => Some((level, true)),
                _ => None,
            }
        })
    }

    fn open_part(&mut self, body: &'a [u8], line_end: usize) {
        let (_, rest) = header::next_line(body.get(line_end..).unwrap_or(&[]));
        let content = self.part_header(rest);
        let head = Head::read(&self.fields);
        let start = body.len() - content.len();
        if head.content == Content::Multipart
            && let Some(boundary) = head.boundary()
        {
            if self.stack.len() < DEPTH_MAX {
                self.stack.push(boundary);
            } else {
                self.cut = true;
            }
            return;
        }
        let kind = if head.content == Content::Multipart { Content::Text } else { head.content };
        let Head { content_type, transfer, .. } = head;
        self.open = Some((Part { content: kind, body: &[], transfer, content_type }, start));
    }

    /// Reads the fields of a part. One without a header starts with an empty line; [`header::read`] would skip it.
    fn part_header(&mut self, rest: &'a [u8]) -> &'a [u8] {
        self.fields.clear();
        match rest {
            [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => after,
            _ => header::read_into(&mut self.fields, rest),
        }
    }

    fn close(&mut self, body: &'a [u8], at: usize) {
        if let Some((part, start)) = self.open.take() {
            let content = body.get(start.min(at)..at).unwrap_or(&[]);
            self.parts.push(Part { body: content, ..part });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(mail: &str) -> Tree<'_> {
        let (fields, body) = header::read(mail.as_bytes());
        walk(&fields, body)
    }

    fn shape(mail: &str) -> Vec<(Content, String)> {
        tree(mail).parts.iter().map(|part| (part.content, part.text().trim().to_owned())).collect()
    }

    #[test]
    fn a_report_is_flattened() {
        let mail = "Content-Type: multipart/report; boundary=\"b\"\n\npreamble\n--b\nContent-Type: multipart/alternative; boundary=c\n\n\
            --c\n\nplain\n--c\nContent-Type: text/html\n\n<p>html\n--c--\n--b\nContent-Type: message/delivery-status\n\nA: b\n\
            --b\nContent-Type: message/rfc822\n\nSubject: x\nContent-Type: multipart/mixed; boundary=d\n\n--d\n\ninner\n--d--\n--b--\nepilogue";
        let parts = shape(mail);
        let kinds: Vec<_> = parts.iter().map(|(content, _)| *content).collect();
        assert_eq!(kinds, [Content::Text, Content::Html, Content::DeliveryStatus, Content::Message]);
        assert_eq!(parts[0].1, "plain");
        assert!(parts[3].1.contains("inner"));
    }

    #[test]
    fn a_mime_body_under_a_plain_header_is_read() {
        let parts = shape(
            "Subject: x\n\nThis is MIME.\n\n--zz9\nContent-Type: text/plain\n\nhello\n--zz9\nContent-Type: message/delivery-status\n\nA: b\n",
        );
        assert_eq!(parts, [(Content::Text, "hello".to_owned()), (Content::DeliveryStatus, "A: b".to_owned())]);
    }

    #[test]
    fn a_notice_in_front_of_the_parts_is_read() {
        let parts =
            shape("Subject: x\n\njo@a.example is gone\n\n--zz9\nContent-Type: text/rfc822-headers\n\nA: b\n--zz9--\n");
        assert_eq!(parts, [(Content::Text, "jo@a.example is gone".to_owned()), (Content::Headers, "A: b".to_owned())]);
        let parts = shape("Subject: x\n\njo@a.example is gone\n--- Your message ---\nContent-Type: text/html\n\n<p>");
        assert_eq!(parts.len(), 1);
    }

    #[test]
    fn limits_hold() {
        let nested = |n: usize| format!("--{n}\nContent-Type: multipart/mixed; boundary={}\n\n", n + 1);
        let deep = (0..500).map(nested).collect::<Vec<_>>().concat();
        let deep = format!("Content-Type: multipart/mixed; boundary=0\n\n{deep}");
        assert!(tree(&deep).cut);
        let flat = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(1000));
        let tree = tree(&flat);
        assert!(tree.cut && tree.parts.len() == PARTS_MAX);
    }

    #[test]
    fn parameters_are_found_quoted_or_bare() {
        assert_eq!(parameter("multipart/mixed; Boundary = \"a b\"; x=y", "boundary"), Some("a b"));
        assert_eq!(parameter("text/plain;charset=us-ascii; format=flowed", "charset"), Some("us-ascii"));
        assert_eq!(parameter("text/plain; xcharset=a", "charset"), None);
    }
}
