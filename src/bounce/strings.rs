//! Many constant strings as one, packed by the compiler.
//!
//! A `&'static str` in a table costs 16 octets and, in a program that can be loaded anywhere, 24 more for its relocation,
//! each touched when the program starts; with thousands of phrases that is more than the phrases. Here a string costs four.

/// `N` strings of `OCTETS` octets together.
pub struct Strings<const N: usize, const OCTETS: usize> {
    ends: [u32; N],
    octets: [u8; OCTETS],
}

impl<const N: usize, const OCTETS: usize> Strings<N, OCTETS> {
    /// Packs them; `OCTETS` is [`octets`] of the same strings. Runs in the compiler alone.
    #[expect(clippy::indexing_slicing, reason = "a constant function has no iterators; the compiler runs it")]
    #[expect(clippy::cast_possible_truncation, reason = "nobody writes 4 GiB of phrases")]
    pub const fn pack(all: &[&str; N]) -> Self {
        let mut packed = Self { ends: [0; N], octets: [0; OCTETS] };
        let (mut at, mut index) = (0, 0);
        while index < N {
            let string = all[index].as_bytes();
            let mut octet = 0;
            while octet < string.len() {
                packed.octets[at] = string[octet];
                at += 1;
                octet += 1;
            }
            packed.ends[index] = at as u32;
            index += 1;
        }
        packed
    }

    /// The string with this number; empty beyond the last.
    pub fn get(&self, index: usize) -> &str {
        let end = |index: usize| self.ends.get(index).map_or(0, |end| *end as usize);
        let start = index.checked_sub(1).map_or(0, end);
        self.octets.get(start..end(index)).and_then(|octets| std::str::from_utf8(octets).ok()).unwrap_or("")
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..N).map(|index| self.get(index))
    }
}

/// How many octets these strings have together.
#[expect(clippy::indexing_slicing, reason = "a constant function has no iterators; the compiler runs it")]
pub const fn octets(all: &[&str]) -> usize {
    let (mut sum, mut index) = (0, 0);
    while index < all.len() {
        sum += all[index].len();
        index += 1;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_back_as_they_were() {
        const ALL: [&str; 4] = ["unknown", "", "größe", "z"];
        static PACKED: Strings<4, { octets(&ALL) }> = Strings::pack(&ALL);
        assert_eq!(PACKED.iter().collect::<Vec<_>>(), ALL);
        assert_eq!(PACKED.get(4), "");
    }
}
