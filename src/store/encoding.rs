//! How rows are encoded: as postcard, one behind the other.
//!
//! Words of the field that may gain members (reasons, series) are kept by name, so that a longer list reads an older database.

use super::StoreError;
use super::damage::{Damaged, tell};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A value as octets.
pub fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(row).map_err(|error| StoreError::Failed(format!("a row cannot be encoded: {error}")))
}

/// Octets as a value.
pub fn decode<T: DeserializeOwned>(octets: &[u8], table: &str) -> Result<T, Damaged> {
    decode_head(octets, table).map(|(value, _)| value)
}

/// The value that octets begin with, and what stands behind it.
pub fn decode_head<'o, T: Deserialize<'o>>(octets: &'o [u8], table: &str) -> Result<(T, &'o [u8]), Damaged> {
    postcard::take_from_bytes(octets).map_err(|error| Damaged { table: table.to_owned(), cause: error.to_string() })
}

/// The row as a value; `None` where it cannot be decoded.
pub fn legible<T: DeserializeOwned>(octets: &[u8], table: &str, key: &[u8]) -> Option<T> {
    decode(octets, table).inspect_err(|damaged| tell(damaged, key)).ok()
}

/// A reason by its name: a list that grows still reads what is there; a name that is gone reads as `undefined`.
pub mod reason_by_name {
    use crate::bounce::Reason;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub fn serialize<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(reason.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Reason, D::Error> {
        let name = <&str>::deserialize(deserializer)?;
        Ok(Reason::from_name(name).unwrap_or(Reason::Undefined))
    }
}
