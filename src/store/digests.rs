//! Digests of the mails whose sender was not yet seen to have got its 250: what tells a redelivery from a new mail.

use super::StoreError;
use super::encoding::legible;
use super::writer::Writer;
use crate::change::Digest;
use crate::types::Timestamp;

/// When the mail came; `None`: its row is damaged.
pub fn time(key: &[u8], octets: &[u8]) -> Option<Timestamp> {
    legible(octets, "digests", key)
}

impl Writer<'_> {
    /// Remembers a mail; whether it is new.
    pub(super) fn is_new(&mut self, digest: &Digest) -> Result<bool, StoreError> {
        let time = super::encoding::encode(&self.now)?;
        // Of a mail that came again, the time is set anew: its client may come once more.
        Ok(self.digests.open()?.insert(digest.as_slice(), time.as_slice())?.is_none())
    }

    /// The client has its 250.
    pub(super) fn confirm(&mut self, digest: &Digest) -> Result<(), StoreError> {
        self.digests.remove(digest)?;
        Ok(())
    }
}
