//! What a readiness event is about. Ids of connections are never reused, so that an event which was reported before a
//! connection closed cannot reach the next one.

use mio::Token;

/// The id of a connection, of any kind, over the life of the daemon.
pub(super) type ConnectionId = usize;

/// The source of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Another thread has something for the loop.
    Waker,
    /// A signal came.
    Signals,
    /// The listener with this index.
    Listener(usize),
    /// A mail client.
    Mail(ConnectionId),
    /// A client of the status listener.
    Status(ConnectionId),
}

const KINDS: usize = 8;

impl From<Source> for Token {
    fn from(source: Source) -> Self {
        let (kind, id) = match source {
            Source::Waker => (0, 0),
            Source::Signals => (1, 0),
            Source::Listener(index) => (2, index),
            Source::Mail(id) => (3, id),
            Source::Status(id) => (4, id),
        };
        Self(id * KINDS + kind)
    }
}

impl From<Token> for Source {
    fn from(token: Token) -> Self {
        let id = token.0 / KINDS;
        match token.0 % KINDS {
            0 => Self::Waker,
            1 => Self::Signals,
            2 => Self::Listener(id),
            3 => Self::Mail(id),
            _ => Self::Status(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_its_own_token() {
        for source in [
            Source::Waker,
            Source::Signals,
            Source::Listener(0),
            Source::Listener(7),
            Source::Mail(0),
            Source::Mail(usize::MAX / KINDS),
            Source::Status(0),
            Source::Status(123),
        ] {
            assert_eq!(Source::from(Token::from(source)), source);
        }
    }
}
