//! The name that somebody meant who wrote another one: [`nearest`]. Pure.

/// The known name that differs from `name` by few letters, if there is one: one letter, and one more for each four.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let distance = |known: &str| strsim::damerau_levenshtein(name, known);
    let near = known.into_iter().map(|known| (distance(known), known)).min()?;
    (near.0 <= 1 + near.1.len() / 4).then_some(near.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let known = ["stats", "stdin", "dump-counters"];
        for (name, meant) in [
            ("stast", Some("stats")),
            ("dumb-counter", Some("dump-counters")),
            ("stats", Some("stats")),
            ("queue", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
        assert_eq!(nearest("stats", []), None);
    }
}
