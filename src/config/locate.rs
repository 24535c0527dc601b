//! Where in the text a key stands: line and column for the operator's editor.
//!
//! serde_yaml gives no positions for values, but for errors. So the walk below fails on purpose at the wanted place.
//! One walk costs one parse of a small file, and there is one walk for each mistake.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Which part of an entry is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The key itself.
    Key,
    /// Its value.
    Value,
}

/// Line and column, counted from 1, of the entry at `path`; of its nearest parent where the entry is missing.
pub fn locate(text: &str, path: &[String], part: Part) -> Option<(usize, usize)> {
    let found = |path: &[String], part, merged| {
        let walk = Walk { path, part, merged };
        let error = walk.deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
        error.location().map(|location| (location.line(), location.column()))
    };
    // A key that stands in the mapping itself overrides a merged one, wherever the `<<` stands.
    let here = found(path, part, false).or_else(|| found(path, part, true));
    here.or_else(|| path.split_last().and_then(|(_, parent)| locate(text, parent, Part::Key)))
}

/// A walk down `path` that ends with an error at the wanted place, or finds nothing and succeeds.
#[derive(Clone, Copy)]
struct Walk<'p> {
    path: &'p [String],
    part: Part,
    merged: bool,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            return deserializer.deserialize_any(Stop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(KeySeed(self))? {
            if self.path.first() == Some(&key) {
                map.next_value_seed(Self { path: &self.path[1..], ..self })?;
            } else if key == "<<" && self.merged {
                map.next_value_seed(self)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    /// Items of a list stand under their index, from 0; a list behind `<<` is a list of mappings to merge.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let index = self.path.first().and_then(|index| index.parse::<usize>().ok());
        let mut at = 0;
        loop {
            let item = match index {
                Some(index) if index == at => list.next_element_seed(Self { path: &self.path[1..], ..self })?,
                None if self.merged => list.next_element_seed(self)?,
                _ => list.next_element::<IgnoredAny>()?.map(|_| ()),
            };
            if item.is_none() {
                return Ok(());
            }
            at += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a key, and fails at the one that is wanted.
struct KeySeed<'p>(Walk<'p>);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        let wanted = self.0.part == Part::Key && self.0.path.len() == 1 && self.0.path[0] == key;
        if wanted { Err(E::custom("here")) } else { Ok(key.to_owned()) }
    }
}

/// Fails on whatever it is given.
struct Stop;

impl Visitor<'_> for Stop {
    type Value = ();

    /// Its words reach nobody: every value is a mismatch, and only the place of the error is used.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
base: &base
  a: 1
  list: [x, {y: 2}]
  same: 0
env:
  same: 3
  <<: *base
  sub:
    <<: [*base]
    key: value
";

    #[test]
    fn keys_values_items_and_merged_entries_are_found() {
        for (path, part, place) in [
            ("env", Part::Key, Some((5, 1))),
            ("env.sub.key", Part::Key, Some((10, 5))),
            ("env.sub.key", Part::Value, Some((10, 10))),
            ("base.list.0", Part::Value, Some((3, 10))),
            ("base.list.1.y", Part::Value, Some((3, 17))),
            ("env.a", Part::Value, Some((2, 6))),
            ("env.sub.a", Part::Key, Some((2, 3))),
            ("env.same", Part::Value, Some((6, 9))),
            ("env.sub.missing", Part::Value, Some((8, 3))),
            ("missing", Part::Key, Some((1, 1))),
        ] {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            assert_eq!(locate(TEXT, &path, part), place, "{path:?}");
        }
    }
}
