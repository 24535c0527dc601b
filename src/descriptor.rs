//! Hands an open file to another process over a UNIX socket (unix(7), SCM_RIGHTS), beside the octets of a message.
//!
//! So a command's file is opened with the rights and at the place of who called it, and the daemon, which may reach neither,
//! writes to it. At most one file at a time; deliberately absent: what the file is for.

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// Sends all of `octets`, and `file` with the first of them.
pub fn send(mut stream: &UnixStream, octets: &[u8], file: Option<&File>) -> io::Result<()> {
    let Some(file) = file else { return stream.write_all(octets) };
    let descriptors = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    let sent = sendmsg(stream, &[IoSlice::new(octets)], &mut control, SendFlags::NOSIGNAL)?;
    stream.write_all(octets.get(sent..).unwrap_or_default())
}

/// Reads a stream, and keeps the last file that came with it.
pub struct Receiver<'s> {
    stream: &'s UnixStream,
    file: Option<File>,
}

impl<'s> Receiver<'s> {
    /// Nothing is read yet.
    pub fn new(stream: &'s UnixStream) -> Self {
        Self { stream, file: None }
    }

    /// The file, if one came.
    pub fn into_file(self) -> Option<File> {
        self.file
    }
}

impl Read for Receiver<'_> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(octets)];
        let received = loop {
            match recvmsg(self.stream, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                received => break received?,
            }
        };
        let descriptors = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        if let Some(descriptor) = descriptors.flatten().last() {
            self.file = Some(File::from(descriptor as OwnedFd));
        }
        Ok(received.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek as _;

    #[test]
    fn a_file_and_the_octets_beside_it_arrive() {
        let (here, there) = UnixStream::pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        send(&here, b"first\n", Some(&file)).unwrap();
        send(&here, b"second\n", None).unwrap();
        drop(here);
        let mut receiver = Receiver::new(&there);
        let mut text = String::new();
        receiver.read_to_string(&mut text).unwrap();
        assert_eq!(text, "first\nsecond\n");
        receiver.into_file().unwrap().write_all(b"written there").unwrap();
        let mut written = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut written).unwrap();
        assert_eq!(written, "written there");
    }

    #[test]
    fn nothing_comes_from_a_message_without_a_file() {
        let (here, there) = UnixStream::pair().unwrap();
        send(&here, b"alone", None).unwrap();
        drop(here);
        let mut receiver = Receiver::new(&there);
        receiver.read_to_end(&mut Vec::new()).unwrap();
        assert!(receiver.into_file().is_none());
    }
}
