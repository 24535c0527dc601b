//! Invariant: any file is taken apart into mails that follow each other in it, each within its limit; what is left out are the lines
//! between them, and what is beyond the head of a long one.

#![no_main]
#![allow(clippy::unwrap_used, reason = "a fuzz target")]

use bouncesvc::classify::{MAIL_OCTETS_MAX, mails};
use libfuzzer_sys::fuzz_target;
use std::io::Write as _;

fuzz_target!(|file: &[u8]| {
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(file).unwrap();
    let mut rest = file;
    let taken = mails(&[on_disk.path().to_owned()], &mut |_, mail| {
        assert!(mail.len() <= MAIL_OCTETS_MAX);
        let at = memchr::memmem::find(rest, mail).expect("a mail stands in the file, behind the one before it");
        rest = &rest[at + mail.len()..];
        Ok(())
    });
    taken.unwrap();
});
