//! One HTTP exchange: [`Client`]. Only this file, and `names` below it, name the HTTP library.
//!
//! Time and sizes are always bounded, redirects are never followed, a status is never an error, and proxies from the environment
//! are not used. TLS trusts what the operating system trusts, so that an internal authority works.
//!
//! Why ureq and not minreq 3, which is smaller:
//! - a peer that accepts and then stays silent in the TLS handshake keeps one of minreq's threads for good, as no read timeout is
//!   set there. Each probe of such a platform leaves one more; with a bound on them, the platform would never be told again;
//! - a URL whose host is an IPv6 literal cannot be spoken to (the host ends at the first colon);
//! - header fields that are longer than their limit wrap the limit around and lift it;
//! - timeouts are whole seconds, and each request costs a connection and a thread.

mod lookups;
mod names;

use crate::types::Secret;
use lookups::Lookups;
use names::Names;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{HeaderValue, Request, Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};

/// Sends requests; keeps connections for the next one for a moment. Shared by the workers.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    request_time_max: Duration,
    lookups: Arc<Lookups>,
}

/// What a peer answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// The head of the body, as long as it arrived in time.
    pub body: Vec<u8>,
}

/// What is posted.
#[derive(Debug)]
pub struct Post<'a> {
    /// Where.
    pub url: &'a str,
    /// `Idempotency-Key`.
    pub idempotency_key: &'a str,
    /// Header fields of the domain.
    pub headers: &'a [(String, Secret)],
    /// A JSON body, or none.
    pub json: Option<String>,
}

impl Client {
    /// A request takes at most `request_time_max`, from the look-up of the name to the end of the answer.
    pub fn new(request_time_max: Duration) -> Self {
        Self::with(Lookups::new(), request_time_max)
    }

    /// One with another limit, for which look-ups of names that still hang count as well.
    pub fn renewed(&self, request_time_max: Duration) -> Self {
        Self::with(Arc::clone(&self.lookups), request_time_max)
    }

    fn with(lookups: Arc<Lookups>, request_time_max: Duration) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls =
            TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).unversioned_rustls_crypto_provider(provider);
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT)
            .accept_encoding("identity")
            .timeout_global(Some(request_time_max))
            .timeout_recv_body(Some(request_time_max.min(BODY_TIME_MAX)))
            .max_response_header_size(HEAD_OCTETS_MAX)
            .input_buffer_size(BUFFER_OCTETS)
            .output_buffer_size(BUFFER_OCTETS)
            .max_idle_age(IDLE_TIME_MAX)
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Names::new(Arc::clone(&lookups)));
        Self { agent, request_time_max, lookups }
    }

    /// Sends `post`. The error is one line for the log.
    pub fn post(&self, post: &Post<'_>) -> Result<Answer, String> {
        let mut request = Request::post(post.url).header("Idempotency-Key", post.idempotency_key);
        for (name, value) in post.headers {
            let mut value = HeaderValue::from_str(value.reveal())
                .map_err(|_| format!("the value of the header field {name} has characters that HTTP does not allow"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if post.json.is_some() {
            request = request.header("Content-Type", "application/json");
        }
        // An empty text, not a missing body: the latter would be sent in chunks, without a length.
        let body = post.json.as_deref().unwrap_or_default();
        let answer = self.agent.run(request.body(body).map_err(|error| error.to_string())?);
        self.read(answer, POST_BODY_OCTETS_MAX)
    }

    /// Gets `url`, with at most `body_octets_max` of the body.
    pub fn get(&self, url: &str, body_octets_max: u64) -> Result<Answer, String> {
        self.read(self.agent.get(url).call(), body_octets_max)
    }

    /// Breaks off what is under way.
    pub fn shut_down(&self) {
        self.agent.clone().shutdown();
    }

    fn read(&self, answer: Result<Response<Body>, ureq::Error>, body_octets_max: u64) -> Result<Answer, String> {
        let answer = answer.map_err(|error| self.describe(&error))?;
        let field = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, retry_after, cache_control) =
            (answer.status().as_u16(), field("retry-after"), field("cache-control"));
        let mut body = Vec::new();
        // The status decides: a body that breaks off, drips or does not end takes nothing from it.
        let _ = answer.into_body().into_reader().take(body_octets_max).read_to_end(&mut body);
        Ok(Answer { status, retry_after, cache_control, body })
    }

    fn describe(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => format!("no answer within {:?}", self.request_time_max),
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                "the connection was closed without an answer".to_owned()
            }
            ureq::Error::Io(error) => error.to_string(),
            error => error.to_string(),
        }
    }
}

/// Whether `url` is one that can be spoken to, and its scheme and host, in lower case.
pub fn scheme_and_host(url: &str) -> Option<(String, String)> {
    let uri: Uri = url.parse().ok()?;
    Some((uri.scheme_str()?.to_ascii_lowercase(), uri.host()?.to_ascii_lowercase()))
}

const USER_AGENT: &str = concat!("bouncesvc/", env!("CARGO_PKG_VERSION"));

/// Once the status is known, the body is worth this much time.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);

/// A connection is kept so that a backlog drains quickly, but not so long that servers have closed it (some do after 2 seconds).
const IDLE_TIME_MAX: Duration = Duration::from_secs(1);

/// Of an answer's status line and header fields.
const HEAD_OCTETS_MAX: usize = 16 << 10;

/// Of the answer to a POST. What is shown is less; a body up to this size lets the connection be used again.
const POST_BODY_OCTETS_MAX: u64 = 16 << 10;

const BUFFER_OCTETS: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_what_is_connected_to() {
        for (url, parts) in [
            ("https://Example.COM/x", Some(("https", "example.com"))),
            ("http://a.example@b.example:80/", Some(("http", "b.example"))),
            ("http://[::1]:7001/", Some(("http", "[::1]"))),
            ("ftp://example.com/", Some(("ftp", "example.com"))),
            ("http://", None),
            ("/path", None),
            ("example.com", None),
        ] {
            let parts = parts.map(|(scheme, host)| (scheme.to_owned(), host.to_owned()));
            assert_eq!(scheme_and_host(url), parts, "{url}");
        }
    }

    #[test]
    fn an_error_is_told_in_the_words_of_the_system() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let error = Client::new(Duration::from_secs(5)).get(&url, 0).unwrap_err();
        assert!(error.starts_with("Connection refused"), "{error}");
    }

    #[test]
    fn of_a_long_body_the_head_is_read() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            use std::io::Write as _;
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
            let _ = stream.write_all(&vec![b'x'; 100_000]);
        });
        let answer = Client::new(Duration::from_secs(60)).get(&url, 10).unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 10));
        server.join().unwrap();
    }

    #[test]
    fn a_body_has_less_time_than_the_whole_request() {
        for (request, body) in [(30, 5), (2, 2)] {
            let client = Client::new(Duration::from_secs(request));
            let timeouts = client.agent.config().timeouts();
            assert_eq!(timeouts.recv_body, Some(Duration::from_secs(body)));
            assert_eq!(timeouts.global, Some(Duration::from_secs(request)));
        }
    }
}
