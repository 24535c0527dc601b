//! How one event looks as a line.

use super::Format;
use crate::escape::{Escaped, JsonString, is_harmful, is_harmless};
use crate::types::Timestamp;
use log::kv::{Error, Key, Value, VisitSource};
use log::{Level, Record};
use memchr::memchr2;
use std::cell::RefCell;
use std::fmt::{Display, Write};
use std::time::SystemTime;

/// The longest text that is shown, in octets before escaping; longer ones (a subject may have any length) are cut.
const TEXT_OCTETS_MAX: usize = 4096;

/// Appends `record` without a line end.
pub(super) fn line(out: &mut String, format: Format, record: &Record<'_>, now: SystemTime) {
    match format {
        Format::Text => {
            append_time(out, now);
            out.push(' ');
            out.push_str(record.level().as_str());
            out.push(' ');
            append_text(out, record);
        }
        Format::Journal => {
            let _ = write!(out, "<{}>", priority(record.level()));
            append_text(out, record);
        }
        Format::Json => append_json(out, record, now),
    }
}

/// syslog(3) severities.
const fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

fn append_text(out: &mut String, record: &Record<'_>) {
    let start = append_cut(out, record.args());
    if !is_harmless(&out[start..]) {
        let text = out.split_off(start);
        append_escaped(out, &text);
    }
    let mut fields = TextFields { out, start };
    let _ = record.key_values().visit(&mut fields);
}

/// Appends what `value` shows, up to the longest text; returns where that begins.
fn append_cut(out: &mut String, value: impl Display) -> usize {
    let start = out.len();
    let _ = write!(out, "{value}");
    let length = cut(&out[start..]).len();
    out.truncate(start + length);
    start
}

fn cut(text: &str) -> &str {
    let end = (0..=TEXT_OCTETS_MAX.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// `name=value`, quoted where a reader could not tell where the value ends.
struct TextFields<'a> {
    out: &'a mut String,
    start: usize,
}

impl<'kvs> VisitSource<'kvs> for TextFields<'_> {
    fn visit_pair(&mut self, name: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if self.out.len() > self.start {
            self.out.push(' ');
        }
        self.out.push_str(name.as_str());
        self.out.push('=');
        if let Some(text) = value.to_borrowed_str() {
            append_value(self.out, cut(text));
        } else {
            let from = append_cut(self.out, value);
            if !is_plain(&self.out[from..]) {
                let text = self.out.split_off(from);
                append_quoted(self.out, &text);
            }
        }
        Ok(())
    }
}

fn append_value(out: &mut String, text: &str) {
    if is_plain(text) { out.push_str(text) } else { append_quoted(out, text) }
}

fn append_quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = memchr2(b'\\', b'"', rest.as_bytes()) {
        let (plain, marked) = rest.split_at(at);
        let (mark, behind) = marked.split_at(1);
        append_escaped(out, plain);
        out.push('\\');
        out.push_str(mark);
        rest = behind;
    }
    append_escaped(out, rest);
    out.push('"');
}

fn append_escaped(out: &mut String, text: &str) {
    if is_harmless(text) {
        out.push_str(text);
    } else {
        let _ = write!(out, "{}", Escaped(text));
    }
}

/// Whether a reader can tell where the value ends, and it does no harm.
fn is_plain(value: &str) -> bool {
    // Without a branch for each octet: nearly every value is plain.
    let is_graphic = value.bytes().fold(true, |is_graphic, octet| is_graphic & matches!(octet, b'!' | b'#'..=b'~'));
    let is_plain = |c: char| !c.is_whitespace() && c != '"' && !is_harmful(c);
    !value.is_empty() && (is_graphic || value.chars().all(is_plain))
}

fn append_json(out: &mut String, record: &Record<'_>, now: SystemTime) {
    out.push_str("{\"time\":\"");
    append_time(out, now);
    let _ = write!(out, "\",\"level\":\"{}\"", record.level().as_str().to_ascii_lowercase());
    let message = record.args().to_string();
    if !message.is_empty() {
        let _ = write!(out, ",\"message\":{}", JsonString(cut(&message)));
    }
    let _ = record.key_values().visit(&mut JsonFields { out });
    out.push('}');
}

struct JsonFields<'a> {
    out: &'a mut String,
}

impl<'kvs> VisitSource<'kvs> for JsonFields<'_> {
    fn visit_pair(&mut self, name: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let _ = match value.to_u64() {
            Some(number) => write!(self.out, ",{}:{number}", JsonString(name.as_str())),
            None => write!(self.out, ",{}:{}", JsonString(name.as_str()), JsonString(cut(&value.to_string()))),
        };
        Ok(())
    }
}

fn append_time(out: &mut String, now: SystemTime) {
    thread_local! {
        /// The last second and its text: a busy loop logs thousands of lines in one.
        static LAST: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
    }
    let now = Timestamp::from(now);
    LAST.with_borrow_mut(|(second, text)| {
        if *second != now.seconds() {
            (*second, *text) = (now.seconds(), now.to_string());
        }
        out.push_str(text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn rendered(format: Format, message: &str, fields: &[(&str, Value<'_>)]) -> String {
        let mut out = String::new();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_000_999);
        let mut builder = Record::builder();
        builder.level(Level::Warn).key_values(&fields);
        line(&mut out, format, &builder.args(format_args!("{message}")).build(), now);
        out
    }

    #[test]
    fn each_format_has_its_head() {
        let fields = [("id", Value::from("0A")), ("count", Value::from(2_u64))];
        assert_eq!(rendered(Format::Text, "", &fields), "2001-09-09T01:46:40Z WARN id=0A count=2");
        assert_eq!(rendered(Format::Journal, "late", &fields), "<4>late id=0A count=2");
        assert_eq!(
            rendered(Format::Json, "late", &fields),
            r#"{"time":"2001-09-09T01:46:40Z","level":"warn","message":"late","id":"0A","count":2}"#
        );
    }

    #[test]
    fn each_event_has_its_own_second() {
        for seconds in [1, 2, 1] {
            let mut out = String::new();
            append_time(&mut out, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(out, format!("1970-01-01T00:00:0{seconds}Z"));
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let long = "ü".repeat(TEXT_OCTETS_MAX);
        let fields = [("borrowed", Value::from(long.as_str())), ("shown", Value::from_display(&long))];
        let whole = "ü".repeat(TEXT_OCTETS_MAX / 2);
        assert_eq!(rendered(Format::Journal, &long, &fields), format!("<4>{whole} borrowed={whole} shown={whole}"));
        let json: serde_json::Value = serde_json::from_str(&rendered(Format::Json, &long, &fields)).unwrap();
        assert_eq!([&json["message"], &json["borrowed"], &json["shown"]], [&*whole; 3]);
    }

    #[test]
    fn wire_text_cannot_forge_a_line_or_a_field() {
        let fields = [("addr", Value::from("<\"a\nb\" class=hard\u{202e}@c.de>")), ("none", Value::from(""))];
        assert_eq!(
            rendered(Format::Journal, "x\r\n<0>y", &fields),
            r#"<4>x\r\n<0>y addr="<\"a\nb\" class=hard\u{202e}@c.de>" none="""#
        );
        let json = rendered(Format::Json, "x\r\n\u{9b}", &fields);
        assert!(!json.contains(is_harmful), "{json}");
        let object: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(object["addr"], "<\"a\nb\" class=hard\u{202e}@c.de>");
    }
}
