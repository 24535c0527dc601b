//! A platform that answers as a test says: an HTTP/1.1 server on a port of its own, with every way to misbehave.
//!
//! It keeps every request, and a test waits for what it expects to see ([`Platform::wait_for`]) instead of sleeping. Speaks TLS where
//! a test gives it a certificate. Deliberately absent: chunked requests (the service sends none).

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// How long [`Platform::wait_for`] waits before the test fails; never reached by a test that passes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// The path as on the wire, not decoded.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Counts connections: equal for requests that shared one.
    pub connection: usize,
}

impl Request {
    /// The value of the first header field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What the platform does with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A whole answer.
    Full { status: u16, headers: Vec<(String, String)>, body: String },
    /// Says nothing and keeps the connection open.
    Silent,
    /// Closes the connection without an answer.
    Close,
    /// Sends these octets and closes the connection.
    Raw(Vec<u8>),
    /// Sends this answer one octet at a time, never finishing in time.
    Drip(String),
    /// Status 200 and a body without an end.
    Endless,
}

impl Answer {
    /// An answer with a short body.
    pub fn status(status: u16) -> Self {
        Self::Full { status, headers: Vec::new(), body: format!("answer {status}") }
    }

    /// An answer with a body of type JSON.
    pub fn json(body: &str) -> Self {
        Self::status(200).with_header("Content-Type", "application/json").with_body(body)
    }

    /// With one more header field.
    pub fn with_header(self, name: &str, value: &str) -> Self {
        let Self::Full { status, mut headers, body } = self else { return self };
        headers.push((name.to_owned(), value.to_owned()));
        Self::Full { status, headers, body }
    }

    /// With another body.
    pub fn with_body(self, body: &str) -> Self {
        let Self::Full { status, headers, .. } = self else { return self };
        Self::Full { status, headers, body: body.to_owned() }
    }
}

type Script = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// The running server; it stops when it is dropped.
pub struct Platform {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    connections: Mutex<Vec<TcpStream>>,
    connections_seen: AtomicUsize,
    stopped: AtomicBool,
    tls: Option<Arc<ServerConfig>>,
}

impl Platform {
    /// Answers each request as `script` says.
    pub fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1:0", None, script).expect("a free port")
    }

    /// Answers everything with `status`.
    pub fn answering(status: u16) -> Self {
        Self::start(move |_| Answer::status(status))
    }

    /// Starts on an address that was in use before: the platform is back.
    pub fn start_at(address: SocketAddr, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(address, None, script).expect("the address is free again")
    }

    /// Speaks TLS.
    pub fn start_tls(tls: ServerConfig, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1:0", Some(Arc::new(tls)), script).expect("a free port")
    }

    /// On the loopback address of IPv6; `None` on a machine without it.
    pub fn start_ipv6(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Option<Self> {
        Self::listen("[::1]:0", None, script).ok()
    }

    fn listen(
        address: impl std::net::ToSocketAddrs,
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            script: Mutex::new(Arc::new(script)),
            requests: Mutex::default(),
            arrived: Condvar::new(),
            connections: Mutex::default(),
            connections_seen: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            tls,
        });
        let server = Arc::clone(&shared);
        thread::spawn(move || server.accept(&listener));
        Ok(Self { address, scheme, shared })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, or `https://localhost:PORT` with TLS.
    pub fn url(&self) -> String {
        let host = if self.shared.tls.is_some() {
            format!("localhost:{}", self.address.port())
        } else {
            self.address.to_string()
        };
        format!("{}://{host}", self.scheme)
    }

    /// The template under which a suspension is told: `URL/emails/{address}/suspend`.
    pub fn template(&self) -> String {
        format!("{}/emails/{{address}}/suspend", self.url())
    }

    /// From now on answers like this.
    pub fn set_script(&self, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
        *lock(&self.shared.script) = Arc::new(script);
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections_seen.load(Ordering::SeqCst)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Waits until the requests are as `wanted` says, and returns them; fails the test after [`PATIENCE`].
    pub fn wait_for(&self, wanted: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let requests = lock(&self.shared.requests);
        let (requests, timeout) =
            self.shared.arrived.wait_timeout_while(requests, PATIENCE, |requests| !wanted(requests)).expect("no panic");
        assert!(!timeout.timed_out(), "the expected requests did not arrive: {requests:?}");
        requests.clone()
    }

    /// Waits until `count` requests have arrived.
    pub fn wait_for_count(&self, count: usize) -> Vec<Request> {
        self.wait_for(|requests| requests.len() >= count)
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        for connection in lock(&self.shared.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            lock(&self.connections).extend(stream.try_clone());
            let number = self.connections_seen.fetch_add(1, Ordering::SeqCst);
            let server = Arc::clone(self);
            thread::spawn(move || server.serve_tcp(stream, number));
        }
    }

    fn serve_tcp(&self, stream: TcpStream, connection: usize) {
        let hang_up = stream.try_clone();
        match &self.tls {
            None => self.serve(stream, connection),
            Some(tls) => {
                let session = ServerConnection::new(Arc::clone(tls)).expect("a usable TLS configuration");
                self.serve(StreamOwned::new(session, stream), connection);
            }
        }
        // The list of connections holds a copy: only this closes it.
        let _ = hang_up.and_then(|stream| stream.shutdown(Shutdown::Both));
    }

    fn serve(&self, mut stream: impl Read + Write, connection: usize) {
        let mut input = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut input, connection) {
            let script = Arc::clone(&lock(&self.script));
            let answer = script(&request);
            // Visible before it is answered: who sees the effect of an answer sees the request as well.
            lock(&self.requests).push(request);
            self.arrived.notify_all();
            if !self.give(&mut stream, &answer) {
                return;
            }
        }
    }

    /// Whether the connection goes on.
    fn give(&self, stream: &mut (impl Read + Write), answer: &Answer) -> bool {
        match answer {
            Answer::Full { status, headers, body } => {
                let fields: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let fields = fields.concat();
                let length = body.len();
                let text = format!("HTTP/1.1 {status} Scripted\r\n{fields}Content-Length: {length}\r\n\r\n{body}");
                return stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).is_ok();
            }
            Answer::Silent => while matches!(stream.read(&mut [0; 512]), Ok(1..)) {},
            Answer::Close => {}
            Answer::Raw(octets) => drop(stream.write_all(octets).and_then(|()| stream.flush())),
            Answer::Drip(text) => {
                for octet in text.bytes() {
                    if stream.write_all(&[octet]).and_then(|()| stream.flush()).is_err() {
                        break;
                    }
                    thread::sleep(DRIP_INTERVAL);
                }
            }
            Answer::Endless => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                while stream.write_all(&[b'x'; 4096]).is_ok() && !self.stopped.load(Ordering::SeqCst) {}
            }
        }
        false
    }
}

/// The pace of [`Answer::Drip`]; what is tested is that no pace keeps a request alive.
const DRIP_INTERVAL: Duration = Duration::from_millis(20);

fn read_request(stream: &mut impl Read, input: &mut Vec<u8>, connection: usize) -> Option<Request> {
    loop {
        if let Some((request, used)) = parse(input, connection) {
            input.drain(..used);
            return Some(request);
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        input.extend_from_slice(&buffer[..count]);
    }
}

fn parse(input: &[u8], connection: usize) -> Option<(Request, usize)> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(head_octets) = head.parse(input).expect("a valid request") else { return None };
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).expect("UTF-8 in a header field");
    let request = Request {
        method: head.method?.to_owned(),
        target: head.path?.to_owned(),
        headers: head.headers.iter().map(|field| (field.name.to_ascii_lowercase(), text(field.value))).collect(),
        body: Vec::new(),
        connection,
    };
    let body_octets: usize = request.header("content-length").map_or(0, |value| value.parse().expect("a length"));
    let body = input.get(head_octets..head_octets + body_octets)?.to_vec();
    Some((Request { body, ..request }, head_octets + body_octets))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
