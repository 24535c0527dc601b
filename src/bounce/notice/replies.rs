//! Subjects of automatic replies, in the languages of the world.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::sync::LazyLock;

/// Subjects of automatic replies, in lower case; Microsoft, Apple, Notes, Gmail and the vacation program.
const SUBJECTS: &[&str] = &[
    "out of office",
    "out of the office",
    "out-of-office",
    "automatic reply",
    "automatic response",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "auto-response",
    "autorespon",
    "automated reply",
    "automated response",
    "auto:",
    "away from my mail",
    "away until",
    "away from",
    "on vacation",
    "on holiday",
    "on leave",
    "vacation reply",
    "is out of the",
    "i am away",
    "abwesenheit",
    "abwesend",
    "automatische antwort",
    "autoantwort",
    "nicht im b\u{fc}ro",
    "urlaub",
    "au\u{df}er haus",
    "r\u{e9}ponse automatique",
    "absence du bureau",
    "absent du bureau",
    "respuesta autom\u{e1}tica",
    "fuera de la oficina",
    "ausente de la oficina",
    "risposta automatica",
    "fuori sede",
    "fuori ufficio",
    "resposta autom\u{e1}tica",
    "fora do escrit\u{f3}rio",
    "aus\u{ea}ncia",
    "automatisch antwoord",
    "afwezig",
    "niet aanwezig",
    "automatyczna odpowied\u{17a}",
    "odpowied\u{17a} automatyczna",
    "poza biurem",
    "automatiskt svar",
    "autosvar",
    "automatisk svar",
    "automaattinen vastaus",
    "frav\u{e6}rende",
    "fr\u{e5}nvarande",
    "automatick\u{e1} odpov\u{11b}\u{10f}",
    "otomatik yan\u{131}t",
    "\u{430}\u{432}\u{442}\u{43e}\u{43e}\u{442}\u{432}\u{435}\u{442}",
    "\u{430}\u{432}\u{442}\u{43e}\u{43c}\u{430}\u{442}\u{438}\u{447}\u{435}\u{441}\u{43a}\u{438}\u{439} \u{43e}\u{442}\u{432}\u{435}\u{442}",
    "\u{43d}\u{435}\u{442} \u{43d}\u{430} \u{440}\u{430}\u{431}\u{43e}\u{442}\u{435}",
    "\u{81ea}\u{52d5}\u{8fd4}\u{4fe1}",
    "\u{81ea}\u{52d5}\u{5fdc}\u{7b54}",
    "\u{4e0d}\u{5728}",
    "\u{81ea}\u{52a8}\u{56de}\u{590d}",
    "\u{81ea}\u{52a8}\u{7b54}\u{590d}",
    "\u{81ea}\u{52d5}\u{56de}\u{8986}",
    "\u{81ea}\u{52d5}\u{56de}\u{5fa9}",
    "\u{4f11}\u{5047}",
    "\u{bd80}\u{c7ac}\u{c911}",
    "\u{c790}\u{b3d9} \u{c751}\u{b2f5}",
    "\u{c790}\u{b3d9}\u{c751}\u{b2f5}",
];

/// Whether the subject is one of an automatic reply.
pub fn is_reply_subject(subject: &str) -> bool {
    static AUTOMATON: LazyLock<AhoCorasick> = LazyLock::new(|| {
        AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(SUBJECTS)
            .unwrap_or_else(|error| unreachable!("the subjects are constants: {error}"))
    });
    let subject = subject.to_lowercase();
    AUTOMATON.find_overlapping_iter(&subject).any(|words| words.start() == 0 || subject.len() < words.len() + 60)
}
