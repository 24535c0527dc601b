//! Invariant: whatever octets a platform sends, a request to it ends in time with an answer whose parts are bounded and hold no control
//! characters, or with an error of one line; a template that it names stays on its host; and nothing of what it sent with one answer is
//! taken for the answer to the next request.
//!
//! The first octet of the input says what is asked, and what the platform does once it has sent the rest.

#![no_main]

use bouncesvc::notify::http::{Answer, Client, Post};
use bouncesvc::notify::resolver::Resolver;
use bouncesvc::types::Address;
use libfuzzer_sys::fuzz_target;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// So that a silent platform costs the fuzzer little.
const REQUEST_TIME_MAX: Duration = Duration::from_millis(40);

/// Far more than a request may take on a machine that is busy otherwise.
const HANG_TIME: Duration = Duration::from_secs(10);

/// Of a body that is posted for or got.
const BODY_OCTETS_MAX: usize = 64 << 10;

/// What no fuzzed answer is likely to be.
const NEXT: &[u8] = b"HTTP/1.1 226 IM Used\r\nRetry-After: 7531\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[derive(Clone, Copy)]
enum Ending {
    Close,
    Silence,
    Repeat,
}

static SCRIPT: Mutex<(Vec<u8>, Ending)> = Mutex::new((Vec::new(), Ending::Close));

/// Of the one platform, which answers as the script says, and requests for `/next` as they deserve.
static PORT: LazyLock<u16> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || _ = serve(stream));
        }
    });
    port
});

fuzz_target!(|input: &[u8]| {
    let Some((first, octets)) = input.split_first() else { return };
    let ending = match first % 16 {
        0 => Ending::Silence,
        1 => Ending::Repeat,
        _ => Ending::Close,
    };
    *SCRIPT.lock().expect("no panic") = (octets.to_vec(), ending);
    let client = Client::new(REQUEST_TIME_MAX);
    let start = Instant::now();
    if first & 0x80 == 0 {
        a_post_is_answered(&client)
    } else {
        a_template_stays_on_its_host(&client)
    }
    assert!(start.elapsed() < HANG_TIME);
});

fn a_post_is_answered(client: &Client) {
    let base = format!("http://127.0.0.1:{}", *PORT);
    let post =
        |url: &str| client.post(&Post { url, idempotency_key: "key", headers: &[], json: Some("{}".to_owned()) });
    check(&post(&format!("{base}/script")));
    if let Ok(next) = post(&format!("{base}/next")) {
        assert_eq!((next.status, next.retry_after.as_deref()), (226, Some("7531")));
    }
}

fn check(answer: &Result<Answer, String>) {
    match answer {
        Ok(Answer { status, retry_after, cache_control, body }) => {
            assert!((100..1000).contains(status) && body.len() <= BODY_OCTETS_MAX);
            let fields = retry_after.iter().chain(cache_control);
            fields.for_each(|field| assert!(field.len() < 20_000 && !field.contains(['\r', '\n', '\0'])));
        }
        Err(error) => assert!(!error.contains(['\r', '\n']), "{error}"),
    }
}

fn a_template_stays_on_its_host(client: &Client) {
    let base = format!("http://127.0.0.1:{}/script", *PORT);
    let Ok(template) = Resolver::default().template(client, &base, &[], Instant::now()) else { return };
    let address = Address::parse("a/b@some-provider.com").expect("an address");
    let url = template.expand(&address);
    assert!(url.contains("a%2Fb%40some-provider.com"), "{url}");
    let behind = url.strip_prefix("http://127.0.0.1").or_else(|| url.strip_prefix("https://127.0.0.1"));
    assert!(behind.is_some_and(|behind| behind.starts_with([':', '/', '?'])), "{url}");
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    while let Some(head) = read_request(&mut stream)? {
        if head.starts_with(b"POST /next ") {
            return stream.write_all(NEXT);
        }
        let (octets, ending) = SCRIPT.lock().expect("no panic").clone();
        // A copy comes in the same segment: no client can tell one that comes only after it looked from the answer to its next request.
        stream.write_all(&octets.repeat(if matches!(ending, Ending::Repeat) { 2 } else { 1 }))?;
        match ending {
            Ending::Close => return Ok(()),
            // Until the client has gone, or asks for more.
            Ending::Silence => {}
            Ending::Repeat if octets.is_empty() => {}
            Ending::Repeat => loop {
                stream.write_all(&octets)?;
            },
        }
    }
    Ok(())
}

/// A head and its body of two octets, if it has one; `None`: the client has gone.
fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let (mut head, mut octet) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut octet)? == 0 {
            return Ok(None);
        }
        head.push(octet[0]);
    }
    if head.starts_with(b"POST ") {
        stream.read_exact(&mut [0; 2])?;
    }
    Ok(Some(head))
}
