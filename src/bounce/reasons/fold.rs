//! Letters without their marks, so that a phrase needs one spelling: `Empfänger`, `okänd`, `nie można` are also written
//! without, by servers that speak ASCII alone.
//!
//! Latin and Greek letters, curly quotes, long dashes and full-width forms; other scripts stay as they are.

use std::borrow::Cow;

/// The base letters of U+00C0 to U+017F; `.` stands for a character that has none.
const LATIN: &[u8] =
    b"aaaaaa.ceeeeiiiidnooooo.ouuuuy..aaaaaa.ceeeeiiiidnooooo.ouuuuy.yaaaaaaccccccccddddeeeeeeeeeegggg\
    gggghhhhiiiiiiiiii..jjkkkllllllllllnnnnnnnnnoooooo..rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
/// The base letters of U+1E00 to U+1EFF: Vietnamese, for the most part.
const LATIN_ADDITIONAL: &[u8] =
    b"aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmmmmmmnnnnnnnnoooooooopppprrrrrrrr\
    ssssssssssttttttttuuuuuuuuuuvvvvwwwwwwwwwwxxxxyyzzzzzzhtwy......aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee\
    eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......";

/// Adds a lower-case character in its plain form.
pub fn push(out: &mut String, c: char) {
    match c {
        'ß' => out.push_str("ss"),
        'æ' => out.push_str("ae"),
        'œ' => out.push_str("oe"),
        '\u{c0}'..='\u{17f}' => out.push(base(LATIN, u32::from(c) - 0xc0, c)),
        '\u{1e00}'..='\u{1eff}' => out.push(base(LATIN_ADDITIONAL, u32::from(c) - 0x1e00, c)),
        'ơ' => out.push('o'),
        'ư' => out.push('u'),
        // Marks of their own (NFD), as some systems write them.
        '\u{300}'..='\u{36f}' => {}
        'ά' => out.push('α'),
        'έ' => out.push('ε'),
        'ή' => out.push('η'),
        'ί' | 'ϊ' | 'ΐ' => out.push('ι'),
        'ό' => out.push('ο'),
        'ύ' | 'ϋ' | 'ΰ' => out.push('υ'),
        'ώ' => out.push('ω'),
        'ё' => out.push('е'),
        '‘' | '’' | '´' => out.push('\''),
        '“' | '”' | '„' | '«' | '»' => out.push('"'),
        '‐' | '‑' | '–' | '—' => out.push('-'),
        '\u{ff01}'..='\u{ff5e}' => {
            out.push(char::from_u32(u32::from(c) - 0xfee0).map_or(c, |plain| plain.to_ascii_lowercase()));
        }
        _ => out.push(c),
    }
}

fn base(table: &[u8], at: u32, c: char) -> char {
    let letter = usize::try_from(at).ok().and_then(|at| table.get(at));
    letter.filter(|letter| **letter != b'.').map_or(c, |letter| char::from(*letter))
}

/// A lower-case phrase in its plain form.
pub fn plain(phrase: &str) -> Cow<'_, str> {
    if phrase.is_ascii() {
        return Cow::Borrowed(phrase);
    }
    let mut out = String::with_capacity(phrase.len());
    phrase.chars().for_each(|c| push(&mut out, c));
    Cow::Owned(out)
}

/// The spellings of a phrase: plain, and where it has umlauts also with the two letters that stand for each.
pub fn spellings(phrase: &str) -> impl Iterator<Item = String> {
    let phrase = phrase.replace("e-mail", "email");
    let umlauts = phrase.contains(['ä', 'ö', 'ü']);
    let digraphs = umlauts.then(|| phrase.replace('ä', "ae").replace('ö', "oe").replace('ü', "ue"));
    std::iter::once(phrase).chain(digraphs).map(|phrase| plain(&phrase).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_lose_their_marks_and_other_scripts_stay() {
        for (text, folded) in [
            ("empfänger, größe", "empfanger, grosse"),
            ("okänd łódź ı ş", "okand lodz i s"),
            ("hộp thư đầy", "hop thu day"),
            ("e\u{301}chec, couldn’t", "echec, couldn't"),
            ("χρήστης", "χρηστης"),
            ("５５０", "550"),
            ("ящик, 邮箱, メール ×", "ящик, 邮箱, メール ×"),
        ] {
            assert_eq!(plain(text), folded, "{text:?}");
        }
    }

    #[test]
    fn umlauts_have_two_spellings() {
        assert_eq!(spellings("empfänger").collect::<Vec<_>>(), ["empfanger", "empfaenger"]);
        assert_eq!(spellings("adresse").collect::<Vec<_>>(), ["adresse"]);
    }
}
