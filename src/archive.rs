//! The archive of the mails behind suspensions: gzip, compressed where the mail is committed.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// `mail` as one gzip member (RFC 1952). At the fastest level, since the event loop does it: some 10 ms for the longest mail.
pub fn compress(mail: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(mail.len() / 2), Compression::fast());
    // Writing to a `Vec` does not fail.
    let _ = encoder.write_all(mail);
    encoder.finish().unwrap_or_default()
}
