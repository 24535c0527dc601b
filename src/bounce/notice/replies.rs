//! Subjects of automatic replies, receipts and warnings, in the languages of the world.

use crate::needles::Needles;
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

/// Starts of the subjects of receipts, in lower case: Exchange for a message that was delivered, or passed on without a promise.
const RECEIPTS: &[&str] = &[
    "delivered:",
    "relayed:",
    "expanded:",
    "zugestellt:",
    "weitergeleitet:",
    "remis :",
    "remis:",
    "relayé",
    "entregado:",
    "retransmitido:",
    "entregue:",
    "retransmitida:",
    "recapitato:",
    "inoltrato:",
    "bezorgd:",
    "doorgestuurd:",
    "dostarczono:",
    "przekazano:",
    "levererat:",
    "vidarebefordrat:",
    "leveret:",
    "levert:",
    "videresendt:",
    "toimitettu:",
    "doručeno:",
    "kézbesítve:",
    "teslim edildi:",
    "доставлено:",
    "配信済み:",
    "中継済み:",
    "已送达:",
    "已中继:",
    "已傳遞:",
    "배달됨:",
];

/// Stems of the words for a delay, in lower case.
const DELAYS: &[&str] = &[
    "delay",
    "verzöger",
    "retard",
    "différé",
    "retras",
    "atrasad",
    "ritard",
    "vertraag",
    "opóźni",
    "försena",
    "forsinke",
    "zpožd",
    "késle",
    "viiväst",
    "întârzi",
    "gecik",
    "затрим",
    "задерж",
    "отложен",
    "遅延",
    "延迟",
    "延遲",
    "지연",
];

/// Whether the subject is one of a receipt.
pub fn is_receipt_subject(subject: &str) -> bool {
    let subject = subject.trim_start().to_lowercase();
    RECEIPTS.iter().any(|start| subject.starts_with(start))
}

/// Whether the subject warns of a delay; behind a colon stands the subject of the message.
pub fn is_delay_subject(subject: &str) -> bool {
    static NEEDLES: LazyLock<Needles> = LazyLock::new(|| Needles::new(DELAYS));
    let own = subject.split(':').next().unwrap_or("").to_lowercase();
    NEEDLES.is_in(own.as_bytes())
}

/// Whether the subject is one of an automatic reply.
pub fn is_reply_subject(subject: &str) -> bool {
    static NEEDLES: LazyLock<Needles> = LazyLock::new(|| Needles::new(SUBJECTS));
    let subject = subject.to_lowercase();
    NEEDLES.all(subject.as_bytes()).any(|words| words.start() == 0 || subject.len() < words.len() + 60)
}
