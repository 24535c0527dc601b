//! Octets to UTF-8: the character set that is named, else the one that they look like.
//!
//! Never fails. Old mail systems name no set, or another than they write in, and what is not decoded tells no reason. Only
//! sets of other scripts than Latin are guessed; of Latin ones the superset of Latin 1 is near enough.

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, ISO_2022_JP, KOI8_R, SHIFT_JIS, UTF_8, WINDOWS_1251, WINDOWS_1252,
};
use std::borrow::Cow;

/// How many octets of letters a text in a guessed set has at least.
const LETTERS_MIN: usize = 8;
/// How much of a text is looked at for a guess.
const SAMPLE_OCTETS: usize = 2048;

/// The text, by the name of its character set if there is one.
pub fn to_utf8<'a>(octets: &'a [u8], charset: Option<&str>) -> Cow<'a, str> {
    let named = charset.and_then(|name| Encoding::for_label(name.trim().as_bytes()));
    match named {
        // Labelled and real character set differ most often where the label is one of these; whatever the label, text in
        // another character set is hardly ever valid UTF-8 by chance.
        Some(encoding)
            if encoding != UTF_8
                && encoding != WINDOWS_1252
                && (octets.is_ascii() || std::str::from_utf8(octets).is_err()) =>
        {
            let (text, has_errors) = encoding.decode_without_bom_handling(octets);
            if has_errors { guess(octets).unwrap_or(text) } else { text }
        }
        _ => lossy(octets),
    }
}

/// UTF-8 if it is valid, else ISO-2022-JP if its escapes are there, else a guess, else the superset of Latin 1.
pub fn lossy(octets: &[u8]) -> Cow<'_, str> {
    let escapes = || memchr::memmem::find(octets, b"\x1b$").is_some();
    match std::str::from_utf8(octets) {
        Ok(text) if memchr::memchr(0x1b, octets).is_none() => Cow::Borrowed(text),
        _ if escapes() => ISO_2022_JP.decode_without_bom_handling(octets).0,
        Ok(text) => Cow::Borrowed(text),
        Err(error) if cut_inside_a_character(octets, error) => String::from_utf8_lossy(octets),
        Err(_) => guess(octets).unwrap_or_else(|| WINDOWS_1252.decode_without_bom_handling(octets).0),
    }
}

fn cut_inside_a_character(octets: &[u8], error: std::str::Utf8Error) -> bool {
    error.error_len().is_none() && error.valid_up_to() + 4 > octets.len()
}

/// The text in the set that its first lines look like.
fn guess(octets: &[u8]) -> Option<Cow<'_, str>> {
    let head = octets.get(..octets.len().min(SAMPLE_OCTETS)).unwrap_or(octets);
    let whole_lines = if head.len() < octets.len() { memchr::memrchr(b'\n', head) } else { None };
    let sample = whole_lines.and_then(|end| head.get(..end)).unwrap_or(head);
    let high = sample.iter().filter(|c| !c.is_ascii()).count();
    let in_words = sample.windows(2).filter(|pair| pair.iter().all(|c| !c.is_ascii())).count();
    if high < LETTERS_MIN || in_words * 2 < high {
        return None;
    }
    let encoding =
        cyrillic(sample).or_else(|| japanese(sample)).or_else(|| korean(sample)).or_else(|| chinese(sample))?;
    Some(encoding.decode_without_bom_handling(octets).0)
}

/// Letters from the upper quarter alone; KOI8-R has the small ones where Windows-1251 has the capitals.
fn cyrillic(octets: &[u8]) -> Option<&'static Encoding> {
    let high = octets.iter().filter(|c| !c.is_ascii()).count();
    let letters = octets.iter().filter(|c| **c >= 0xC0).count();
    let in_first_half = octets.iter().filter(|c| matches!(c, 0xC0..=0xDF)).count();
    let encoding = if in_first_half * 2 > letters { KOI8_R } else { WINDOWS_1251 };
    (letters * 10 >= high * 9).then_some(encoding)
}

/// Hiragana occurs in every sentence.
fn japanese(octets: &[u8]) -> Option<&'static Encoding> {
    let is_hiragana = |c| matches!(c, '\u{3041}'..='\u{3096}');
    [EUC_JP, SHIFT_JIS].into_iter().find(|encoding| fits(encoding, octets, |text| count(text, is_hiragana) >= 2))
}

/// Nothing but Hangul: Chinese text that is read as Korean has Han characters, too.
fn korean(octets: &[u8]) -> Option<&'static Encoding> {
    let is_han = |c| matches!(c, '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}');
    let is_hangul = |c| matches!(c, '\u{AC00}'..='\u{D7A3}');
    let is_korean = |text: &str| count(text, is_hangul) >= LETTERS_MIN / 2 && count(text, is_han) == 0;
    Some(EUC_KR).filter(|encoding| fits(encoding, octets, is_korean))
}

/// The commonest characters of Big5 begin with octets behind which GB 2312 has none.
fn chinese(octets: &[u8]) -> Option<&'static Encoding> {
    let runs = octets.chunk_by(|_, next| !next.is_ascii());
    let leads = runs.flat_map(|run| run.iter().skip_while(|c| c.is_ascii()).step_by(2));
    let (all, of_big5) = leads.fold((0, 0), |(all, some), c| (all + 1, some + usize::from(matches!(c, 0xA4..=0xAF))));
    let encoding = if of_big5 * 5 > all { BIG5 } else { GB18030 };
    let is_han = |c| matches!(c, '\u{4E00}'..='\u{9FFF}');
    Some(encoding).filter(|encoding| fits(encoding, octets, |text| count(text, is_han) >= LETTERS_MIN / 2))
}

/// Whether every octet is one of the set, and the text is as it should be.
fn fits(encoding: &'static Encoding, octets: &[u8], is_right: impl Fn(&str) -> bool) -> bool {
    encoding.decode_without_bom_handling_and_without_replacement(octets).is_some_and(|text| is_right(&text))
}

fn count(text: &str, is_one: impl Fn(char) -> bool) -> usize {
    text.chars().filter(|c| is_one(*c)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_rightly_is_guessed() {
        for (encoding, text) in [
            (KOI8_R, "Пользователь не найден"),
            (WINDOWS_1251, "Почтовый ящик переполнен"),
            (SHIFT_JIS, "宛先のアドレスは存在しません。"),
            (EUC_JP, "メールボックスの容量を超えています。"),
            (EUC_KR, "받는 사람의 편지함이 가득 찼습니다."),
            (GB18030, "您的邮件无法投递,原因:用户不存在"),
            (BIG5, "您的郵件無法投遞,原因:使用者不存在"),
        ] {
            let line = format!("jo@a.example: {text}\n");
            let (octets, ..) = encoding.encode(&line);
            for charset in [None, Some("utf-8"), Some("iso-2022-jp"), Some("unknown-8bit")] {
                assert_eq!(to_utf8(&octets, charset), line, "{} as {charset:?}", encoding.name());
            }
        }
    }

    #[test]
    fn latin_text_is_left_latin() {
        for text in ["Empfänger überfüllt: Größe ÄÖÜ", "boîte aux lettres pleine, désolé", "caixa não é válida"]
        {
            let (octets, ..) = WINDOWS_1252.encode(text);
            assert_eq!(to_utf8(&octets, None), text);
        }
    }
}
