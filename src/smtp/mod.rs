//! The server side of SMTP (RFC 5321) and LMTP (RFC 2033) without input and output: bytes in, replies and events out.
//!
//! The owner passes what it read to [`Session::receive`], takes [`Session::poll_event`] until `None`, writes
//! [`Session::output`], and calls [`Session::handle_timeout`] at [`Session::poll_timeout`]. How the input is cut into
//! pieces makes no difference to replies and events. After [`Event::Mail`] nothing is taken until [`Session::answer`].
//!
//! Deliberately absent: clock, socket and file (time is passed in); relaying, AUTH, CHUNKING and DSN, which a receiver of
//! bounces has no use for; TLS itself, which the owner wraps around.

#![deny(clippy::indexing_slicing)]

mod command;
mod data;
mod event;
mod line;
mod pace;
mod path;
mod reply;
mod session;
mod settings;
mod transaction;

pub use event::{Event, Mail, Refusal, Verdict};
pub use session::Session;
pub use settings::{AcceptedRecipient, BareLineEnds, Protocol, Settings};
