//! How a command ends: exit codes of sysexits(3), so that mail servers and scripts know whether to try again.

use crate::config::ConfigError;
use crate::server::RunError;
use crate::store::{OpenError, StoreError};
use std::fmt;

/// Why a command failed, in one text for a person, with its exit code.
#[derive(Debug)]
pub struct Failure {
    /// One of the codes below.
    pub code: u8,
    /// What is wrong and what to do next. Empty: the command has said it all.
    pub message: String,
}

/// The command line is wrong (EX_USAGE).
pub const USAGE: u8 = 64;
/// A file holds what it should not (EX_DATAERR).
pub const DATA: u8 = 65;
/// Not now; the same command may succeed later (EX_TEMPFAIL).
pub const TRY_AGAIN: u8 = 75;
/// The configuration is wrong (EX_CONFIG).
pub const CONFIG: u8 = 78;

impl Failure {
    /// With any code.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Exit 64.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }

    /// Exit 75.
    pub fn try_again(message: impl Into<String>) -> Self {
        Self::new(TRY_AGAIN, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(CONFIG, error.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let code = match error {
            OpenError::Locked(_) | OpenError::Io(..) => TRY_AGAIN,
            OpenError::Foreign(..) | OpenError::Newer(..) => DATA,
        };
        Self::new(code, error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::try_again(error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let code = match error {
            RunError::Tls(..) => CONFIG,
            RunError::Listen(..) | RunError::Loop(_) => TRY_AGAIN,
        };
        Self::new(code, error.to_string())
    }
}

/// Whoever read our output has gone (`| head`): no failure.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(0, "");
        }
        Self::try_again(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    /// The unit tries again after 75, and neither after 65 nor after 78: another try would end in the same way.
    #[test]
    fn the_code_says_whether_another_try_may_succeed() {
        let full = || Error::from(ErrorKind::StorageFull);
        for (failure, code) in [
            (Failure::from(OpenError::Locked("f".into())), TRY_AGAIN),
            (OpenError::Io("f".into(), full()).into(), TRY_AGAIN),
            (OpenError::Foreign("f".into(), String::new()).into(), DATA),
            (OpenError::Newer("f".into(), 9, 3).into(), DATA),
            (StoreError::Full(String::new()).into(), TRY_AGAIN),
            (StoreError::Failed(String::new()).into(), TRY_AGAIN),
            (RunError::Tls("f".into(), String::new()).into(), CONFIG),
            (RunError::Listen(String::new(), full()).into(), TRY_AGAIN),
            (RunError::Loop(full()).into(), TRY_AGAIN),
            (ConfigError::TooLong("f".into()).into(), CONFIG),
            (full().into(), TRY_AGAIN),
            (Error::from(ErrorKind::BrokenPipe).into(), 0),
        ] {
            assert_eq!(failure.code, code, "{failure}");
        }
    }
}
