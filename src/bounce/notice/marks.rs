//! What notices say around the address: ordered data, searched in one pass.

use super::languages;
use crate::bounce::reasons::fold;
use crate::bounce::strings::{Strings, octets};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::sync::LazyLock;

/// What a mark is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Behind it, on the same line or below, stand the recipients.
    Intro,
    /// A sentence of a failure notice; the recipient may stand anywhere in its line.
    Failure,
    /// Everything behind it is the returned message. Counts at the start of a line only.
    Returned,
    /// The same, if nothing but punctuation and [`TITLE_ENDS`] follows on the line: `The original message was received at` is none.
    Title,
    /// The message has arrived; in a notice without a cause it is a receipt.
    Success,
    /// The message waits for its sender to prove that he is one.
    Held,
    /// The message is late, not lost.
    Delay,
    /// Who to turn to: an address on this line, unless introduced in front of it, is help and not a recipient.
    Help,
}

/// A phrase in lower case, its role, and who says so.
pub(super) struct Mark(
    pub(super) &'static str,
    pub(super) Role,
    #[expect(dead_code, reason = "provenance stands beside each row")] pub(super) &'static str,
);

use Role::{Delay, Failure, Held, Help, Intro, Returned, Success, Title};

const MARKS: &[Mark] = &[
    Mark("following address", Intro, "Exim, qmail, Postfix"),
    Mark("following recipient", Intro, "Gmail, Exchange, Courier"),
    Mark("following local recipient", Intro, "various"),
    Mark("following destination", Intro, "various"),
    Mark("following mail address", Intro, "various"),
    Mark("following email address", Intro, "various"),
    Mark("following e-mail address", Intro, "various"),
    Mark("following user", Intro, "various"),
    Mark("following person", Intro, "various"),
    Mark("following people", Intro, "various"),
    Mark("following list of recipients", Intro, "OpenSMTPD"),
    Mark("following:", Intro, "phquery"),
    Mark("these recipients", Intro, "Exchange, Office 365"),
    Mark("this recipient", Intro, "various"),
    Mark("these addresses", Intro, "various"),
    Mark("to this address", Intro, "SMTP32"),
    Mark("recipients or groups", Intro, "Exchange"),
    Mark("recipients or distribution lists", Intro, "Exchange 2007"),
    Mark("recipient(s) could not be reached", Intro, "Exchange, MailEnable"),
    Mark("did not reach the following", Intro, "Exchange 5.5"),
    Mark("did not reach some or all", Intro, "Exchange"),
    Mark("did not reach", Intro, "various"),
    Mark("fatal errors", Intro, "Sendmail"),
    Mark("delivery errors", Intro, "various"),
    Mark("delivery problems", Intro, "Sendmail"),
    Mark("transient non-fatal errors", Intro, "Sendmail"),
    Mark("failed addresses follow", Intro, "Smail"),
    Mark("failed address", Intro, "various"),
    Mark("failure reasons", Intro, "Notes"),
    Mark("not yet been delivered to", Intro, "Exim"),
    Mark("not been delivered to", Intro, "various"),
    Mark("has not yet been delivered is", Intro, "Exim"),
    Mark("not delivered to", Intro, "various"),
    Mark("undelivered to", Intro, "various"),
    Mark("undeliverable to", Intro, "various"),
    Mark("undeliverable address", Intro, "various"),
    Mark("could not be delivered to", Intro, "various"),
    Mark("couldn't be delivered to", Intro, "various"),
    Mark("couldn\u{2019}t be delivered to", Intro, "Office 365"),
    Mark("cannot be delivered to", Intro, "various"),
    Mark("can not be delivered to", Intro, "various"),
    Mark("can't be delivered to", Intro, "various"),
    Mark("was not delivered to", Intro, "Notes, various"),
    Mark("wasn't delivered to", Intro, "Gmail, Office 365"),
    Mark("wasn\u{2019}t delivered to", Intro, "Gmail"),
    Mark("unable to deliver message to", Intro, "InterScan, MailFoundry"),
    Mark("unable to deliver your message to", Intro, "various"),
    Mark("unable to deliver your mail to", Intro, "various"),
    Mark("unable to deliver mail to", Intro, "various"),
    Mark("unable to deliver to", Intro, "various"),
    Mark("unable to deliver email to", Intro, "various"),
    Mark("error delivering your mail to", Intro, "DragonFly"),
    Mark("delivering your message to", Intro, "various"),
    Mark("deliver your message to", Intro, "various"),
    Mark("deliver the message to", Intro, "various"),
    Mark("deliver a message to", Intro, "various"),
    Mark("deliver message to", Intro, "various"),
    Mark("deliver mail to", Intro, "various"),
    Mark("deliver email to", Intro, "various"),
    Mark("delivery to", Intro, "various"),
    Mark("delivery report for", Intro, "X.400 gateways"),
    Mark("delivery failed to", Intro, "various"),
    Mark("delivery failed:", Intro, "x2"),
    Mark("delivery has failed to", Intro, "Exchange"),
    Mark("delivery failure to", Intro, "various"),
    Mark("failed to deliver to", Intro, "various"),
    Mark("failed recipient", Intro, "various"),
    Mark("failed to recipient", Intro, "various"),
    Mark("failed to send to", Intro, "various"),
    Mark("send your message to", Intro, "various"),
    Mark("your message to", Intro, "various"),
    Mark("your mail to", Intro, "various"),
    Mark("your email to", Intro, "various"),
    Mark("message sent to", Intro, "various"),
    Mark("message you sent to", Intro, "various"),
    Mark("message addressed to", Intro, "various"),
    Mark("mail addressed to", Intro, "various"),
    Mark("originally addressed to", Intro, "various"),
    Mark("addressed to email address", Intro, "Mimecast"),
    Mark("addressed to", Intro, "demon.net"),
    Mark("intended recipient:", Intro, "usa.net"),
    Mark("invalid final delivery userid", Intro, "SMTP32"),
    Mark("unknown user:", Intro, "SMTP32"),
    Mark("mailbox is full:", Intro, "prodigy.net"),
    Mark("delivery to this user", Intro, "various"),
    Mark("returned permanent errors:", Intro, "x6"),
    Mark("returned temporary errors:", Intro, "x6"),
    Mark("rejected by the recipient's mail server", Failure, "various"),
    Mark("recipient:", Intro, "ezweb, MailEnable"),
    Mark("recipients:", Intro, "various"),
    Mark("recipient(s):", Intro, "various"),
    Mark("recipient address:", Intro, "various"),
    Mark("recipient address :", Intro, "various"),
    Mark("recipient :", Intro, "various"),
    Mark("recipients :", Intro, "various"),
    Mark("sending to", Intro, "various"),
    Mark("deliver mail for", Intro, "various"),
    Mark("deliver message for", Intro, "various"),
    Mark("mail for", Intro, "various"),
    Mark("the message to", Intro, "various"),
    Mark("message for", Intro, "various"),
    Mark("recipient email", Intro, "various"),
    Mark("address: <", Intro, "Zoho"),
    Mark("(generated from", Intro, "Exim"),
    Mark("generated by", Intro, "Exim"),
    Mark("email address:", Intro, "various"),
    Mark("e-mail address:", Intro, "various"),
    Mark("\u{4ee5}\u{4e0b}\u{306e}\u{30e1}\u{30fc}\u{30eb}\u{30a2}\u{30c9}\u{30ec}\u{30b9}", Intro, "m-FILTER"),
    Mark("\u{6b21}\u{306e}\u{3042}\u{3066}\u{5148}", Intro, "ezweb"),
    Mark("\u{6b21}\u{306e}\u{5b9b}\u{5148}", Intro, "Japanese"),
    Mark("\u{4ee5}\u{4e0b}\u{306e}\u{5b9b}\u{5148}", Intro, "Japanese"),
    Mark("\u{5b9b}\u{5148}", Intro, "Japanese"),
    Mark("\u{9001}\u{4fe1}\u{3067}\u{304d}\u{307e}\u{305b}\u{3093}", Failure, "Japanese"),
    Mark("\u{914d}\u{4fe1}\u{3067}\u{304d}\u{307e}\u{305b}\u{3093}", Failure, "Japanese"),
    Mark("\u{914d}\u{4fe1}\u{4e0d}\u{80fd}", Failure, "Japanese"),
    Mark("\u{5c4a}\u{3051}\u{308b}\u{3053}\u{3068}\u{304c}\u{3067}\u{304d}", Failure, "Japanese"),
    Mark("\u{65e0}\u{6cd5}\u{53d1}\u{9001}\u{5230}", Intro, "Chinese: cannot be sent to"),
    Mark("\u{65e0}\u{6cd5}\u{6295}\u{9012}", Failure, "Chinese: cannot be delivered"),
    Mark("\u{7121}\u{6cd5}\u{50b3}\u{9001}", Failure, "Chinese: cannot be sent"),
    Mark("\u{7121}\u{6cd5}\u{6295}\u{905e}", Failure, "Chinese: cannot be delivered"),
    Mark("\u{9000}\u{4fe1}", Failure, "Chinese: returned letter"),
    Mark("\u{6295}\u{9012}\u{5931}\u{8d25}", Failure, "Chinese: delivery failed"),
    Mark("\u{6536}\u{4ef6}\u{4eba}", Intro, "Chinese: recipient"),
    Mark("\u{5730}\u{5740}\u{7684}\u{90ae}\u{4ef6}", Intro, "Chinese: mail to address"),
    Mark(
        "\u{43f}\u{43e}\u{43b}\u{443}\u{447}\u{430}\u{442}\u{435}\u{43b}\u{44f}\u{43c}",
        Intro,
        "Russian: to recipients",
    ),
    Mark("\u{43f}\u{43e}\u{43b}\u{443}\u{447}\u{430}\u{442}\u{435}\u{43b}", Intro, "Russian: recipient"),
    Mark(
        "\u{43d}\u{435} \u{43c}\u{43e}\u{436}\u{435}\u{442} \u{431}\u{44b}\u{442}\u{44c} \u{434}\u{43e}\u{441}\u{442}\u{430}\u{432}\u{43b}\u{435}\u{43d}\u{43e}",
        Failure,
        "mail.ru, Yandex",
    ),
    Mark(
        "\u{43d}\u{435} \u{434}\u{43e}\u{441}\u{442}\u{430}\u{432}\u{43b}\u{435}\u{43d}\u{43e}",
        Failure,
        "Russian: not delivered",
    ),
    Mark(
        "\u{43d}\u{435} \u{443}\u{434}\u{430}\u{43b}\u{43e}\u{441}\u{44c} \u{434}\u{43e}\u{441}\u{442}\u{430}\u{432}\u{438}\u{442}\u{44c}",
        Intro,
        "Russian: could not deliver",
    ),
    Mark("\u{c218}\u{c2e0}\u{c790}", Intro, "Korean: recipient"),
    Mark("\u{bc1b}\u{b294} \u{c0ac}\u{b78c}", Intro, "Korean: recipient"),
    Mark("\u{c804}\u{c1a1}\u{c774} \u{c2e4}\u{d328}", Failure, "Korean: sending failed"),
    Mark("\u{bc1c}\u{c1a1} \u{c2e4}\u{d328}", Failure, "Korean: sending failed"),
    Mark("folgenden empf\u{e4}nger", Intro, "German"),
    Mark("folgende empf\u{e4}nger", Intro, "German"),
    Mark("folgenden adressen", Intro, "German"),
    Mark("folgende adresse", Intro, "German"),
    Mark("folgenden adressaten", Intro, "German"),
    Mark("nicht zugestellt werden", Intro, "German"),
    Mark("nicht zustellen", Intro, "German"),
    Mark("konnte nicht zugestellt", Intro, "German"),
    Mark("konnte nicht an", Intro, "German"),
    Mark("nicht an", Intro, "German"),
    Mark("unzustellbar", Failure, "German"),
    Mark("destinataires suivants", Intro, "French"),
    Mark("destinataire suivant", Intro, "French"),
    Mark("adresses suivantes", Intro, "French"),
    Mark("adresse suivante", Intro, "French"),
    Mark("n'a pas pu etre delivre a", Intro, "French"),
    Mark("n'a pas pu \u{ea}tre", Intro, "French"),
    Mark("n\u{2019}a pas pu \u{ea}tre", Intro, "French"),
    Mark("pas \u{e9}t\u{e9} remis", Intro, "French"),
    Mark("non remis", Failure, "French"),
    Mark("\u{e9}chec de la remise", Intro, "French"),
    Mark("siguientes destinatarios", Intro, "Spanish"),
    Mark("siguiente destinatario", Intro, "Spanish"),
    Mark("siguientes direcciones", Intro, "Spanish"),
    Mark("siguiente direcci\u{f3}n", Intro, "Spanish"),
    Mark("no se pudo entregar", Intro, "Spanish"),
    Mark("no se ha podido entregar", Intro, "Spanish"),
    Mark("no pudo ser entregado", Intro, "Spanish"),
    Mark("seguintes destinat\u{e1}rios", Intro, "Portuguese"),
    Mark("seguinte destinat\u{e1}rio", Intro, "Portuguese"),
    Mark("seguintes endere\u{e7}os", Intro, "Portuguese"),
    Mark("n\u{e3}o p\u{f4}de ser entregue", Intro, "Portuguese"),
    Mark("n\u{e3}o foi poss\u{ed}vel entregar", Intro, "Portuguese"),
    Mark("nao pode ser enviada", Intro, "Portuguese"),
    Mark("seguenti destinatari", Intro, "Italian"),
    Mark("seguente destinatario", Intro, "Italian"),
    Mark("seguenti indirizzi", Intro, "Italian"),
    Mark("impossibile recapitare", Intro, "Italian"),
    Mark("non \u{e8} stato recapitato", Intro, "Italian"),
    Mark("non \u{e8} stato possibile recapitare", Intro, "Italian"),
    Mark("volgende geadresseerde", Intro, "Dutch"),
    Mark("volgende ontvanger", Intro, "Dutch"),
    Mark("volgende adres", Intro, "Dutch"),
    Mark("niet worden bezorgd", Intro, "Dutch"),
    Mark("niet worden afgeleverd", Intro, "Dutch"),
    Mark("nast\u{119}puj\u{105}cych adresat\u{f3}w", Intro, "Polish"),
    Mark("nast\u{119}puj\u{105}cych odbiorc\u{f3}w", Intro, "Polish"),
    Mark("nie zosta\u{142}a dostarczona", Intro, "Polish"),
    Mark("nie mo\u{17c}na dostarczy\u{107}", Intro, "Polish"),
    Mark("nie dor\u{119}czono", Intro, "Polish"),
    // Sentences of notices in which the recipient stands before the words.
    Mark("could not be delivered", Failure, "various"),
    Mark("couldn't be delivered", Failure, "Office 365"),
    Mark("couldn\u{2019}t be delivered", Failure, "Office 365"),
    Mark("cannot be delivered", Failure, "various"),
    Mark("can not be delivered", Failure, "various"),
    Mark("can't be delivered", Failure, "various"),
    Mark("was not delivered", Failure, "various"),
    Mark("wasn't delivered", Failure, "Gmail"),
    Mark("wasn\u{2019}t delivered", Failure, "Gmail"),
    Mark("not been delivered", Failure, "various"),
    Mark("message not delivered", Failure, "various"),
    Mark("was automatically rejected", Failure, "Dovecot, Sieve (RFC 5429)"),
    Mark("automatically rejected", Failure, "Sieve"),
    Mark("unable to deliver", Failure, "various"),
    Mark("wasn't able to deliver", Failure, "qmail"),
    Mark("was unable to deliver", Failure, "outblaze"),
    Mark("not able to deliver", Failure, "various"),
    Mark("delivery failed", Failure, "various"),
    Mark("delivery has failed", Failure, "Exchange"),
    Mark("delivery failure", Failure, "various"),
    Mark("delivery incomplete", Failure, "Gmail"),
    Mark("undeliverable", Failure, "various"),
    Mark("undelivered", Failure, "various"),
    Mark("transcript of session", Failure, "Sendmail"),
    Mark("transcript of the session", Failure, "InterScan"),
    Mark("mail delivery", Failure, "Exim"),
    Mark("returned to sender", Failure, "various"),
    Mark("returned mail", Failure, "Sendmail"),
    Mark("failed because", Failure, "various"),
    Mark("has been returned", Failure, "various"),
    Mark("mail was rejected", Failure, "various"),
    Mark("message was rejected", Failure, "various"),
    Mark("has been rejected", Failure, "various"),
    Mark("message rejected", Failure, "various"),
    Mark("was returned because", Failure, "various"),
    Mark("could not be stored", Failure, "various"),
    Mark("was delivered.", Success, "gateways"),
    Mark("has been delivered.", Success, "gateways"),
    Mark("delivered successfully", Success, "various"),
    Mark("successfully delivered", Success, "Postfix"),
    Mark("successful mail delivery", Success, "Postfix"),
    Mark("successfully relayed", Success, "Exchange"),
    Mark("has been delivered to the following", Success, "Exchange"),
    Mark("or groups is complete", Success, "Exchange"),
    Mark("was delivered to the mailbox", Success, "various"),
    Mark("delivered to the recipient's mailbox", Success, "various"),
    Mark("to release your message", Held, "TMDA"),
    Mark("confirm your message", Held, "TMDA"),
    Mark("confirm that your message", Held, "various"),
    Mark("confirm you are a", Held, "various"),
    Mark("complete the verification", Held, "Spam Arrest"),
    Mark("verification process", Held, "various"),
    Mark("verify that you are a", Held, "various"),
    Mark("verify yourself", Held, "various"),
    Mark("verify your email address", Held, "various"),
    Mark("prove that you are", Held, "various"),
    Mark("prove you are", Held, "various"),
    Mark("guest list", Held, "Boxbe"),
    Mark("challenge-response", Held, "various"),
    Mark("challenge/response", Held, "various"),
    Mark("have to do this only once", Held, "various"),
    Mark("only need to do this once", Held, "various"),
    Mark("has been released", Success, "quarantines"),
    Mark("is being returned", Failure, "various"),
    Mark("permanent error", Failure, "Exim"),
    Mark("trouble delivering", Failure, "x6"),
    Mark("delivery problem", Failure, "various"),
    Mark("no such user", Failure, "various"),
    Mark("user unknown", Failure, "various"),
    Mark("remote host said", Failure, "qmail"),
    Mark("rcpt to:", Failure, "transcripts"),
    Mark("original message follows", Returned, "Yahoo, SMTP32, DragonFly"),
    Mark("below this line is a copy", Returned, "qmail"),
    Mark("this is a copy of", Returned, "Exim"),
    Mark("enclosed is a copy", Returned, "qmail"),
    Mark("below is a copy of", Returned, "OpenSMTPD"),
    Mark("here is a copy of", Returned, "demon.net"),
    Mark("a copy of the original message", Returned, "various"),
    Mark("copy of the original message", Title, "various"),
    Mark("copy of your message", Title, "various"),
    Mark("the header of the original message", Returned, "1&1"),
    Mark("the header and top", Returned, "various"),
    Mark("original message", Title, "Gmail"),
    Mark("original mail info", Returned, "m-FILTER"),
    Mark("original mail as follows", Returned, "fml"),
    Mark("original mail", Title, "various"),
    Mark("original headers", Title, "Office 365"),
    Mark("message headers follow", Returned, "DragonFly, MailEnable"),
    Mark("message header follows", Returned, "Sendmail"),
    Mark("message text follows", Returned, "Smail"),
    Mark("message header", Title, "various"),
    Mark("unsent message", Title, "Sendmail 5"),
    Mark("returned message", Title, "Notes"),
    Mark("returned mail follows", Returned, "usa.net"),
    Mark("start of returned message", Returned, "demon.net"),
    Mark("header of the source mail", Returned, "JetMail"),
    Mark("the first 50 lines of", Returned, "SMTP32"),
    Mark("included is a copy", Returned, "MX Logic"),
    Mark("a summary of the undelivered message", Returned, "various"),
    Mark("your message reads", Returned, "various"),
    Mark("mensaje original", Title, "prima.com.ar"),
    Mark("ursprungliche nachricht", Title, "German"),
    Mark("urspr\u{fc}ngliche nachricht", Title, "German"),
    Mark("message original", Title, "French"),
    Mark("begin message", Title, "various"),
    Mark("begin returned message", Returned, "various"),
    Mark("returned text", Title, "various"),
    Mark("received: ", Returned, "header"),
    Mark("received:from", Returned, "Zoho"),
    Mark("return-path: ", Returned, "header"),
    Mark("dkim-signature: ", Returned, "header"),
    Mark("x-originating-ip: ", Returned, "header"),
    Mark("mime-version: ", Returned, "header"),
    Mark("warning message only", Delay, "Sendmail, Gmail"),
    Mark("this is a warning", Delay, "Postfix"),
    Mark("just a warning", Delay, "various"),
    Mark("do not need to resend", Delay, "Sendmail"),
    Mark("not yet been delivered", Delay, "Exim"),
    Mark("has been delayed", Delay, "Gmail"),
    Mark("been postponed", Delay, "SMTP32"),
    Mark("is delayed", Delay, "various"),
    Mark("will be retried", Delay, "Gmail, Postfix"),
    Mark("still waiting for delivery", Delay, "various"),
    Mark("will be attempted", Delay, "various"),
    Mark("will be tried again", Delay, "various"),
    Mark("delivery attempts will continue", Delay, "Exim, Symantec"),
    Mark("will continue to try", Delay, "various"),
    Mark("will continue to attempt", Delay, "various"),
    Mark("keep trying", Delay, "OpenSMTPD"),
    Mark("still being tried", Delay, "various"),
    Mark("advisory-only", Delay, "SMTP32"),
    Mark("wird verz\u{f6}gert", Delay, "German"),
    Mark("for further assistance", Help, "Postfix"),
    Mark("for assistance", Help, "various"),
    Mark("please contact", Help, "various"),
    Mark("contact ", Help, "various"),
    Mark("send mail to", Help, "Postfix"),
    Mark("send an email to", Help, "various"),
    Mark("please e-mail", Help, "various"),
    Mark("write to", Help, "various"),
    Mark("if you have any questions", Help, "various"),
    Mark("questions", Help, "various"),
    Mark("complaints", Help, "various"),
    Mark("report this", Help, "various"),
    Mark("kontaktieren", Help, "German"),
    Mark("wenden sie sich", Help, "German"),
];

/// Words that may follow a title on its line.
pub const TITLE_ENDS: &[&str] = &[
    "follows",
    "below",
    "attached",
    "adjunto",
    "below this line",
    "is attached",
    "is below",
    "info",
    "as follows",
    "header",
    "headers",
];

/// A mark in a text.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    pub role: Role,
    pub start: usize,
    pub end: usize,
}

const COUNT: usize = MARKS.len() + languages::MARKS.len();

/// The columns of all marks, in order: for the compiler alone, which packs them.
const COLUMNS: ([&str; COUNT], [Role; COUNT]) = {
    let mut columns = ([""; COUNT], [Intro; COUNT]);
    let mut at = 0;
    while at < COUNT {
        let mark = if at < MARKS.len() { &MARKS[at] } else { &languages::MARKS[at - MARKS.len()] };
        columns.0[at] = mark.0;
        columns.1[at] = mark.1;
        at += 1;
    }
    columns
};
static TEXTS: Strings<COUNT, { octets(&COLUMNS.0) }> = Strings::pack(&COLUMNS.0);
static ROLES: [Role; COUNT] = COLUMNS.1;

/// Every spelling of every mark, and the automaton over them.
struct Marks {
    roles: Vec<Role>,
    automaton: AhoCorasick,
}

static ALL: LazyLock<Marks> = LazyLock::new(|| {
    let marks = TEXTS.iter().zip(ROLES);
    let (roles, spellings): (Vec<Role>, Vec<String>) =
        marks.flat_map(|(mark, role)| spellings(mark).into_iter().map(move |spelling| (role, spelling))).unzip();
    let automaton = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .build(spellings)
        .unwrap_or_else(|error| unreachable!("the marks are constants: {error}"));
    Marks { roles, automaton }
});

/// As it stands, and as those write it who have no letters with marks, or who hyphenate `e-mail`.
fn spellings(mark: &str) -> Vec<String> {
    let mut all = vec![mark.to_owned()];
    all.extend(fold::spellings(mark));
    all.extend(mark.contains("email").then(|| mark.replace("email", "e-mail")));
    all.extend(mark.contains('\'').then(|| mark.replace('\'', "\u{2019}")));
    all.sort_unstable();
    all.dedup();
    all
}

/// The most marks of one text; a notice has some dozens.
const HITS_MAX: usize = 5000;

/// The marks in a text, by their ends; none behind the first that `is_last` holds for.
pub fn find(text: &str, is_last: impl Fn(&Hit) -> bool) -> Vec<Hit> {
    let mut hits = Vec::new();
    for found in ALL.automaton.find_overlapping_iter(text).take(HITS_MAX) {
        let Some(role) = ALL.roles.get(found.pattern().as_usize()) else { continue };
        let hit = Hit { role: *role, start: found.start(), end: found.end() };
        hits.push(hit);
        if is_last(&hit) {
            break;
        }
    }
    hits
}
