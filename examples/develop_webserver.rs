//! The platform's side, for trying the service out: listens on 127.0.0.1:7001, answers `POST /emails/{address}/suspend` with JSON that
//! names the address, answers `GET /` with the object that the `xikolo` resolver asks for, and prints each request.
//!
//! `cargo run --example develop_webserver [PORT]`

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "7001".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    println!("The platform listens on http://127.0.0.1:{port}/");
    for stream in listener.incoming() {
        let (stream, port) = (stream?, port.clone());
        thread::spawn(move || serve(&stream, &port).unwrap_or_else(|error| println!("A connection broke: {error}")));
    }
    Ok(())
}

/// Answers one request after the other until the client goes.
fn serve(stream: &TcpStream, port: &str) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        println!("{} {}", request.method, request.target);
        for line in &request.fields {
            println!("    {line}");
        }
        if !request.body.is_empty() {
            println!("    {}", request.body);
        }
        let (status, body) = answer(&request, port);
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        (&mut &*stream).write_all(format!("{head}{body}").as_bytes())?;
    }
    Ok(())
}

struct Request {
    method: String,
    target: String,
    fields: Vec<String>,
    body: String,
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut lines = reader.by_ref().take(HEAD_OCTETS_MAX).lines();
    let Some(first) = lines.next().transpose()? else { return Ok(None) };
    let fields: Vec<String> =
        lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).collect::<io::Result<_>>()?;
    let length =
        fields.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = String::new();
    reader.take(length.unwrap_or(0)).read_to_string(&mut body)?;
    let mut words = first.split(' ').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    Ok(Some(Request { method: word(), target: word(), fields, body }))
}

const HEAD_OCTETS_MAX: u64 = 64 << 10;

/// The status line's end and the body.
fn answer(request: &Request, port: &str) -> (&'static str, String) {
    let suspension = request.target.strip_prefix("/emails/").and_then(|rest| rest.strip_suffix("/suspend"));
    match (request.method.as_str(), suspension) {
        ("POST", Some(encoded)) => {
            ("200 OK", serde_json::json!({"address": percent_decoded(encoded), "suspended": true}).to_string())
        }
        ("GET", None) if request.target == "/" => {
            let template = format!("http://localhost:{port}/emails/{{address}}/suspend");
            ("200 OK", serde_json::json!({"email_suspensions_url": template}).to_string())
        }
        _ => ("404 Not Found", serde_json::json!({"error": "no such resource"}).to_string()),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let octet = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        octets.push(octet.unwrap_or(*first));
        rest = if octet.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&octets).into_owned()
}
