//! Digests of the mails whose sender was not yet seen to have got its 250: what tells a redelivery from a new mail.

use super::StoreError;
use super::encoding::legible;
use super::writer::Writer;
use crate::change::Digest;
use crate::types::Timestamp;
use redb::ReadableTableMetadata;
use std::collections::BTreeSet;

/// Where the table has no more rows than this for each one that leaves, all are looked at: a row that is removed by itself costs a
/// page that is built anew, as much as a look at fifty.
const ROWS_LOOKED_AT: usize = 16;

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

    /// The clients have their 250.
    pub(super) fn confirm(&mut self, digests: &[Digest]) -> Result<(), StoreError> {
        if digests.is_empty() {
            return Ok(());
        }
        let table = self.digests.open()?;
        if table.len()? <= (digests.len() * ROWS_LOOKED_AT) as u64 {
            let confirmed: BTreeSet<&[u8]> = digests.iter().map(<[u8; 32]>::as_slice).collect();
            table.retain(|key, _| !confirmed.contains(key))?;
            return Ok(());
        }
        for digest in digests {
            table.remove(digest.as_slice())?;
        }
        Ok(())
    }
}
