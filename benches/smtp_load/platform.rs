//! The platform's side: a small HTTP server that answers, dawdles, fails or says nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How the platform behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// 200 at once.
    Up,
    /// 200 after 100 ms.
    Slow,
    /// 500.
    Failing,
    /// Takes the request and never answers.
    Silent,
}

impl Behaviour {
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Slow => "slow",
            Self::Failing => "failing",
            Self::Silent => "silent",
        }
    }
}

impl FromStr for Behaviour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Up, Self::Slow, Self::Failing, Self::Silent]
            .into_iter()
            .find(|behaviour| behaviour.name() == text)
            .ok_or_else(|| "expected up, slow, failing or silent".to_owned())
    }
}

/// Serves until it is dropped.
pub struct Platform {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Platform {
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let platform = Self { address: listener.local_addr().unwrap(), is_over: Arc::default() };
        let is_over = Arc::clone(&platform.is_over);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                thread::spawn(move || serve(stream, behaviour));
            }
        });
        platform
    }

    pub fn template(&self) -> String {
        format!("http://{}/emails/{{address}}/suspend", self.address)
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// Requests of one connection; they have no body.
fn serve(mut stream: TcpStream, behaviour: Behaviour) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line != "\r\n" {
            continue;
        }
        let status = match behaviour {
            Behaviour::Up => "200 OK",
            Behaviour::Slow => {
                thread::sleep(Duration::from_millis(100));
                "200 OK"
            }
            Behaviour::Failing => "500 Internal Server Error",
            Behaviour::Silent => continue,
        };
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).ok()?;
    }
}
