//! A sorted map of octets that takes little more memory than what is in it.
//!
//! Entries stand one behind the other in blocks of up to [`BLOCK_OCTETS_MAX`], and a tree finds the block. So an entry costs some
//! 30 octets beside its own; in a map of vectors it would cost 120.
//!
//! Deliberately absent: blocks that merge. Who empties it does so in the order of the keys, and an empty block leaves.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};

/// A block beyond this is parted, unless it is one entry.
const BLOCK_OCTETS_MAX: usize = 2048;
/// A block grows by so many: less to move, and less that lies idle, than with twice as many each time.
const BLOCK_GROWTH_OCTETS: usize = 256;
/// What a block takes beside its entries: its place in the tree, the key under which it stands there, and what lies idle.
const BLOCK_OVERHEAD_OCTETS: usize = 256;
/// The lengths of key and value, and the row.
const HEADER_OCTETS: usize = 16;
/// Stands for the length of a value where there is none.
const NO_VALUE: u32 = u32::MAX;

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Of any octets.
    pub key: &'a [u8],
    /// `None`: it is known to have none.
    pub value: Option<&'a [u8]>,
    /// The row that says so.
    pub row: u64,
}

/// The map.
#[derive(Debug)]
pub struct Packed {
    /// By a key that is not above those of the block; the first by the lowest key of all.
    blocks: BTreeMap<Box<[u8]>, Block>,
    /// Of all entries.
    octets: usize,
}

/// Some entries that follow each other.
#[derive(Debug, Clone, Default)]
pub struct Block(Vec<u8>);

impl Default for Packed {
    fn default() -> Self {
        Self { blocks: BTreeMap::from([(Box::default(), Block::default())]), octets: 0 }
    }
}

impl Packed {
    /// What is known of `key`.
    pub fn get(&self, key: &[u8]) -> Option<Entry<'_>> {
        let (_, block) = self.blocks.range::<[u8], _>(up_to(key)).next_back()?;
        block.entries().take_while(|entry| entry.key <= key).find(|entry| entry.key == key)
    }

    /// All that is known from `key` on.
    pub fn from(&self, key: &[u8]) -> impl Iterator<Item = Entry<'_>> {
        self.blocks_from(key).flat_map(Block::entries).skip_while(move |entry| entry.key < key)
    }

    /// The first block with entries from `key` on.
    pub fn block_from(&self, key: &[u8]) -> Option<&Block> {
        self.blocks_from(key).find(|block| block.entries().any(|entry| entry.key >= key))
    }

    /// Puts an entry in the place of the one of its key; the row of that.
    pub fn insert(&mut self, entry: Entry<'_>) -> Option<u64> {
        let replaced = self.replace(entry.key, &entry.to_octets());
        self.part(entry.key);
        replaced
    }

    /// Forgets a key; the row of its entry.
    pub fn remove(&mut self, key: &[u8]) -> Option<u64> {
        self.replace(key, &[])
    }

    /// About what all of it takes in memory.
    pub fn octets(&self) -> usize {
        self.octets + self.blocks.len() * BLOCK_OVERHEAD_OCTETS
    }

    fn blocks_from(&self, key: &[u8]) -> impl Iterator<Item = &Block> {
        let before = self.blocks.range::<[u8], _>(up_to(key)).next_back();
        let start = before.map_or(key, |(start, _)| start);
        self.blocks.range::<[u8], _>((Bound::Included(start), Bound::Unbounded)).map(|(_, block)| block)
    }

    /// Puts octets in the place of the entry of a key.
    fn replace(&mut self, key: &[u8], octets: &[u8]) -> Option<u64> {
        let (start, block) = self.blocks.range_mut::<[u8], _>(up_to(key)).next_back()?;
        let (place, row) = block.place(key);
        self.octets = self.octets + octets.len() - place.len();
        block.replace(place, octets);
        if block.0.is_empty() && !start.is_empty() {
            let start = start.clone();
            self.blocks.remove(&start);
        }
        row
    }

    /// Parts the block of a key, if it has become too large.
    fn part(&mut self, key: &[u8]) {
        let Some((_, block)) = self.blocks.range_mut::<[u8], _>(up_to(key)).next_back() else { return };
        if block.0.len() > BLOCK_OCTETS_MAX
            && let Some((start, behind)) = block.part()
        {
            self.blocks.insert(start, behind);
        }
    }
}

fn up_to(key: &[u8]) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (Bound::Unbounded, Bound::Included(key))
}

impl Block {
    /// In the order of their keys.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let (entry, behind) = Entry::read(rest)?;
            rest = behind;
            Some(entry)
        })
    }

    /// Where the entry of a key is (and the row of that), or would be.
    fn place(&self, key: &[u8]) -> (Range<usize>, Option<u64>) {
        let mut start = 0;
        for entry in self.entries().take_while(|entry| entry.key <= key) {
            let end = start + entry.octets();
            if entry.key == key {
                return (start..end, Some(entry.row));
            }
            start = end;
        }
        (start..start, None)
    }

    fn replace(&mut self, place: Range<usize>, octets: &[u8]) {
        let before = self.0.len();
        let after = before + octets.len() - place.len();
        if after > self.0.capacity() {
            self.0.reserve_exact(after.next_multiple_of(BLOCK_GROWTH_OCTETS) - before);
        }
        self.0.resize(before.max(after), 0);
        self.0.copy_within(place.end..before, place.start + octets.len());
        self.0[place.start..place.start + octets.len()].copy_from_slice(octets);
        self.0.truncate(after);
    }

    /// Cuts off the second half, with the key that it begins with.
    fn part(&mut self) -> Option<(Box<[u8]>, Self)> {
        let (start, middle) = self.middle()?;
        let behind = Self(self.0[middle..].to_vec());
        self.0.truncate(middle);
        self.0.shrink_to_fit();
        Some((start, behind))
    }

    /// The key of an entry that is not the first, and where it begins.
    fn middle(&self) -> Option<(Box<[u8]>, usize)> {
        let mut start = 0;
        for entry in self.entries() {
            let end = start + entry.octets();
            if start > 0 && end > self.0.len() / 2 {
                return Some((Box::from(entry.key), start));
            }
            start = end;
        }
        None
    }
}

impl<'a> Entry<'a> {
    fn octets(&self) -> usize {
        HEADER_OCTETS + self.key.len() + self.value.map_or(0, <[u8]>::len)
    }

    fn to_octets(self) -> Vec<u8> {
        let length = |octets: &[u8]| u32::try_from(octets.len()).unwrap_or(NO_VALUE);
        let mut octets = Vec::with_capacity(self.octets());
        octets.extend(length(self.key).to_le_bytes());
        octets.extend(self.value.map_or(NO_VALUE, length).to_le_bytes());
        octets.extend(self.row.to_le_bytes());
        octets.extend(self.key);
        octets.extend(self.value.unwrap_or_default());
        octets
    }

    /// The first entry of `octets`, and what stands behind it.
    fn read(octets: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (key_length, rest) = octets.split_first_chunk()?;
        let (value_length, rest) = rest.split_first_chunk()?;
        let (row, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(length(*key_length)?)?;
        let value_length = Some(*value_length).filter(|octets| *octets != NO_VALUE.to_le_bytes());
        let (value, rest) = match value_length {
            Some(octets) => rest.split_at_checked(length(octets)?).map(|(value, rest)| (Some(value), rest))?,
            None => (None, rest),
        };
        Some((Self { key, value, row: u64::from_le_bytes(*row) }, rest))
    }
}

fn length(octets: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(octets)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value, and the row.
    type Known = (Option<Vec<u8>>, u64);
    type Model = BTreeMap<Vec<u8>, Known>;

    fn number(seed: &mut u64, limit: u64) -> usize {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((*seed >> 33) % limit).unwrap()
    }

    fn entries<'a>(packed: impl Iterator<Item = Entry<'a>>) -> Vec<(Vec<u8>, Known)> {
        packed.map(|entry| (entry.key.to_vec(), (entry.value.map(<[u8]>::to_vec), entry.row))).collect()
    }

    fn assert_equal(packed: &Packed, model: &Model, key: &[u8]) {
        assert_eq!(entries(packed.get(key).into_iter()).pop().map(|(_, known)| known), model.get(key).cloned());
        let expected: Vec<_> = model.range(key.to_vec()..).map(|(key, known)| (key.clone(), known.clone())).collect();
        assert_eq!(entries(packed.from(key)), expected);
        let first = packed.block_from(key).and_then(|block| block.entries().find(|entry| entry.key >= key));
        assert_eq!(first.map(|entry| entry.key), expected.first().map(|(key, _)| key.as_slice()));
        assert_eq!(packed.octets, entries(packed.from(&[])).len() * HEADER_OCTETS + model_octets(model));
    }

    fn model_octets(model: &Model) -> usize {
        model.iter().map(|(key, (value, _))| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
    }

    /// Short and long keys and values (some longer than a block), the empty ones, inserted, replaced and removed.
    #[test]
    fn it_does_what_a_map_of_vectors_does() {
        for seed in 1..5 {
            let (mut packed, mut model, mut random) = (Packed::default(), Model::new(), seed);
            for step in 0..2000_u64 {
                let key = vec![b'k'; number(&mut random, 3)];
                let key = [key, number(&mut random, 300).to_string().into_bytes()].concat();
                let key = if step % 50 == 0 { Vec::new() } else { key };
                let row = step;
                let replaced = if number(&mut random, 3) == 0 {
                    (packed.remove(&key), model.remove(&key))
                } else {
                    let length = [0, 30, 80, 3000][number(&mut random, 4)];
                    let value = (number(&mut random, 5) > 0).then(|| vec![b'v'; length]);
                    let entry = Entry { key: &key, value: value.as_deref(), row };
                    (packed.insert(entry), model.insert(key.clone(), (value.clone(), row)))
                };
                assert_eq!(replaced.0, replaced.1.map(|(_, row)| row));
                if step % 20 == 0 {
                    assert_equal(&packed, &model, &key);
                }
            }
            for key in model.keys() {
                packed.remove(key);
            }
            assert_eq!((packed.octets, packed.blocks.len()), (0, 1), "all that is empty leaves");
        }
    }

    #[test]
    fn it_takes_little_more_than_its_entries() {
        let (mut packed, mut random) = (Packed::default(), 1);
        for _ in 0..20_000 {
            let key = format!("mydomain.example\0user{:06}@some-provider.example", number(&mut random, 1_000_000));
            packed.insert(Entry { key: key.as_bytes(), value: Some(&[7; 30]), row: 1 });
        }
        let capacity: usize = packed.blocks.values().map(|block| block.0.capacity()).sum();
        assert!(capacity < packed.octets * 115 / 100, "{capacity} for {}", packed.octets);
        assert!(packed.octets() < packed.octets * 125 / 100, "{} for {}", packed.octets(), packed.octets);
    }
}
