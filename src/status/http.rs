//! HTTP/1.1 as far as the status listener needs it: octets in, [`Request`] or [`Answer`] out, and octets of an answer.
//!
//! Sans-io: no sockets and no clock; who reads closes the connection after one answer, and after a time of its choice.
//! Deliberately absent: bodies, keep-alive, ranges, compression, caching.

use super::page::CONTENT_SECURITY_POLICY;
use std::fmt::Write;
use std::net::IpAddr;

/// The longest request head, in octets; beyond it 431.
pub const HEAD_OCTETS_MAX: usize = 8 << 10;

/// Header fields of a request; beyond it 431.
const HEADERS_MAX: usize = 64;

/// The longest request target, in octets; beyond it 414.
const TARGET_OCTETS_MAX: usize = 1024;

/// What can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `/`.
    Page,
    /// `/metrics`.
    Metrics,
    /// `/healthz`.
    Health,
    /// `/readyz`.
    Ready,
}

/// A request that can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Of what.
    pub target: Target,
    /// HEAD: the answer without its body (RFC 9110 §9.3.2).
    pub is_head: bool,
}

/// What the octets that came so far are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// Not yet a whole request head.
    Partial,
    /// One to be answered.
    Request(Request),
    /// One that is refused, and how; whether it was HEAD.
    Refused(Answer, bool),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// Looks at all octets of a connection so far.
///
/// `is_loopback`: the listener is reached from this machine alone, so a `Host` that is some other name comes from a web page
/// whose author points that name here (DNS rebinding); it gets 421.
pub fn parse(input: &[u8], is_loopback: bool) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let head = &input[..input.len().min(HEAD_OCTETS_MAX)];
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => judge(&request, is_loopback),
        Ok(httparse::Status::Partial) if input.len() < HEAD_OCTETS_MAX => Parsed::Partial,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => refuse(431),
        Err(httparse::Error::Version) => refuse(505),
        Err(_) => refuse(400),
    }
}

fn judge(request: &httparse::Request<'_, '_>, is_loopback: bool) -> Parsed {
    let is_head = request.method == Some("HEAD");
    let target = match resource(request.path.unwrap_or_default()) {
        Ok(target) => target,
        Err(status) => return Parsed::Refused(Answer::error(status), is_head),
    };
    if !is_head && request.method != Some("GET") {
        return refuse(405);
    }
    if is_loopback && !hosts(request).all(is_local) {
        return Parsed::Refused(Answer::error(421), is_head);
    }
    Parsed::Request(Request { target, is_head })
}

fn refuse(status: u16) -> Parsed {
    Parsed::Refused(Answer::error(status), false)
}

/// The resource that a target names in origin form (RFC 9112 §3.2.1); the query is of no account.
fn resource(target: &str) -> Result<Target, u16> {
    if target.len() > TARGET_OCTETS_MAX {
        return Err(414);
    }
    match target.split('?').next().unwrap_or_default() {
        "/" => Ok(Target::Page),
        "/metrics" => Ok(Target::Metrics),
        "/healthz" => Ok(Target::Health),
        "/readyz" => Ok(Target::Ready),
        _ => Err(404),
    }
}

fn hosts<'a>(request: &'a httparse::Request<'_, '_>) -> impl Iterator<Item = &'a [u8]> {
    request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host")).map(|header| header.value)
}

/// Whether a `Host` (RFC 9112 §3.2) cannot have been chosen by the author of a web page elsewhere.
fn is_local(host: &[u8]) -> bool {
    let host = std::str::from_utf8(host).unwrap_or("?").trim();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
        _ => host,
    };
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.is_empty() || name.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok()
}

impl Answer {
    /// 200 with a page; only styles that stand in it apply.
    pub fn html(body: String) -> Self {
        Self { status: 200, content_type: "text/html; charset=utf-8", body }
    }

    /// One line for people and machines.
    pub fn text(status: u16, line: &str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: format!("{line}\n") }
    }

    /// 200 with metrics, text format 0.0.4.
    pub fn metrics(body: String) -> Self {
        Self { status: 200, content_type: "text/plain; version=0.0.4; charset=utf-8", body }
    }

    fn error(status: u16) -> Self {
        Self::text(status, &format!("{status} {}", phrase(status)))
    }

    /// Everything that goes to the client. The connection is closed after it.
    pub fn octets(&self, is_head: bool) -> Vec<u8> {
        let mut head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
            self.status,
            phrase(self.status),
            self.content_type,
            self.body.len()
        );
        if self.status == 405 {
            head.push_str("Allow: GET, HEAD\r\n");
        }
        // Writing to a String cannot fail.
        let _ = write!(head, "Content-Security-Policy: {CONTENT_SECURITY_POLICY}\r\n");
        head.push_str(FIXED_HEADERS);
        let mut octets = head.into_bytes();
        if !is_head {
            octets.extend_from_slice(self.body.as_bytes());
        }
        octets
    }
}

const FIXED_HEADERS: &str = "Cache-Control: no-store\r\nConnection: close\r\nCross-Origin-Opener-Policy: same-origin\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
    X-Frame-Options: DENY\r\n\r\n";

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        414 => "URI Too Long",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Parsed = Parsed::Request(Request { target: Target::Page, is_head: false });

    fn get(target: &str) -> Parsed {
        parse(format!("GET {target} HTTP/1.1\r\nHost: localhost:9100\r\n\r\n").as_bytes(), true)
    }

    fn status(parsed: &Parsed) -> u16 {
        match parsed {
            Parsed::Refused(answer, _) => answer.status,
            Parsed::Partial => 0,
            Parsed::Request(_) => 200,
        }
    }

    #[test]
    fn each_path_is_found() {
        for (path, target) in [
            ("/", Target::Page),
            ("/?x=1", Target::Page),
            ("/metrics", Target::Metrics),
            ("/metrics?a", Target::Metrics),
            ("/healthz", Target::Health),
            ("/readyz", Target::Ready),
        ] {
            assert_eq!(get(path), Parsed::Request(Request { target, is_head: false }), "{path}");
        }
        for path in ["/metrics/", "/index.html", "/../etc/passwd", "/favicon.ico", "*", "http://localhost/"] {
            assert_eq!(status(&get(path)), 404, "{path}");
        }
    }

    #[test]
    fn what_is_refused_gets_its_status() {
        let long_target = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(TARGET_OCTETS_MAX));
        let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_MAX + 1));
        let long_head = format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(HEAD_OCTETS_MAX));
        for (request, expected) in [
            ("POST / HTTP/1.1\r\n\r\n", 405),
            ("TRACE /metrics HTTP/1.1\r\n\r\n", 405),
            ("GET /x HTTP/1.0\r\n\r\n", 404),
            ("GET / HTTP/2.0\r\n\r\n", 505),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\nbad header\r\n\r\n", 400),
            ("GET\r\n\r\n", 400),
            ("\u{16}\u{3}\u{1}", 400),
            (&long_target, 414),
            (&many_headers, 431),
            (&long_head, 431),
        ] {
            let head: String = request.chars().take(60).collect();
            assert_eq!(status(&parse(request.as_bytes(), true)), expected, "{head:?}");
        }
    }

    #[test]
    fn a_request_is_whole_only_at_its_end() {
        let request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n";
        for end in 0..request.len() {
            assert_eq!(parse(&request[..end], true), Parsed::Partial, "{end}");
        }
        assert_eq!(parse(request, true), PAGE);
    }

    #[test]
    fn a_page_elsewhere_cannot_read_this_one_by_rebinding_its_name() {
        for (host, is_fine) in [
            ("localhost", true),
            ("LOCALHOST:9100", true),
            ("127.0.0.1:9100", true),
            ("[::1]:9100", true),
            ("", true),
            ("evil.example", false),
            ("evil.example:9100", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
        ] {
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let expected = if is_fine { 200 } else { 421 };
            assert_eq!(status(&parse(request.as_bytes(), true)), expected, "{host}");
            assert_eq!(parse(request.as_bytes(), false), PAGE, "{host}");
        }
    }

    #[test]
    fn head_gets_the_headers_of_get() {
        let answer = Answer::text(200, "ok");
        let (whole, head) = (answer.octets(false), answer.octets(true));
        assert_eq!(whole.strip_prefix(head.as_slice()), Some(&b"ok\n"[..]));
        assert!(String::from_utf8(head).unwrap().contains("\r\nContent-Length: 3\r\n"));
        let refused = parse(b"HEAD /nothing HTTP/1.1\r\n\r\n", true);
        assert!(matches!(refused, Parsed::Refused(_, true)));
    }

    #[test]
    fn every_answer_forbids_scripts_and_caching() {
        for answer in [Answer::text(200, "ok"), Answer::html(String::new()), Answer::error(405), Answer::error(400)] {
            let text = String::from_utf8(answer.octets(false)).unwrap();
            for header in ["default-src 'none'", "Cache-Control: no-store", "nosniff", "Connection: close"] {
                assert!(text.contains(header), "{header}");
            }
            assert_eq!(text.contains("Allow: GET, HEAD"), answer.status == 405);
        }
    }
}
