//! Was the bounced mail ours? What a bounce brings as evidence, how strong it is, and the signatures that make it strong.
//!
//! Anybody can write a mail that looks like a bounce. What it returns of the original shows how much its writer knew:
//! - weak: `From`, `Return-Path`, `Message-ID` or a DKIM `d=` names our domain, or the bounce came to an address of it with a tag of
//!   BATV that is not over. Whoever knows the domain can write that; it keeps out bounces of mail that others sent, and careless
//!   forgeries.
//! - strong: a [`sign`]ature by the domain's secret over address, domain and day, which only a recipient of the mail and
//!   the servers on its way have seen. It stands in the envelope sender ([`verp`]), or in `X-Bounce-Token`.
//!
//! A signature does not say that delivery failed: a recipient who forges a bounce can switch off their own address, and no other.
//!
//! Deliberately absent: the check of BATV's tags, whose keys are the relay's and which name no recipient; that of DKIM
//! signatures, which needs the whole original and its keys of that day. Reads no clock: the day is passed in.

mod rules;

pub use rules::{Rules, Strength};

use crate::bounce::{Class, Kind, Reason, Recipient, Report, Returned};
use crate::types::{Address, Domain, Secret, Timestamp};
use ring::hmac;
use subtle::ConstantTimeEq;

/// The header field with a signature.
pub const TOKEN_FIELD: &str = "X-Bounce-Token";

/// The longest local part that every mail server takes (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_OCTETS_MAX: usize = 64;

/// What remains of the HMAC: 80 bits, in 16 digits.
const MAC_OCTETS: usize = 10;
const MAC_DIGITS: usize = MAC_OCTETS * 8 / 5;

/// Clocks differ, and so do calendars around midnight.
const DAYS_AHEAD_MAX: u32 = 1;

/// How many days ahead a tag of BATV may end; the usual are 7 (draft-levine-smtp-batv).
const TAG_DAYS_MAX: u32 = 14;

/// A day: how many of them since 1970-01-01, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u32);

impl From<Timestamp> for Day {
    fn from(time: Timestamp) -> Self {
        Self(u32::try_from(time.seconds() / 86_400).unwrap_or(u32::MAX))
    }
}

/// `DAY.MAC`: that `domain` wrote to `address` on `day`.
///
/// MAC is the first 80 bits of HMAC-SHA256 under the secret over `address LF domain LF day`, address and domain in lower case, as
/// RFC 4648 base 32 in lower case, so that it survives servers that change the case of a local part.
pub fn sign(secret: &Secret, address: &Address, domain: &Domain, day: Day) -> String {
    format!("{}.{}", day.0, base32(&mac(secret, address, domain, day)))
}

/// The envelope sender that carries a signature: `prefix+local=host+SIGNATURE@domain`.
///
/// `None` for an address with a quoted local part, which does not fit in.
pub fn verp(prefix: &str, address: &Address, domain: &Domain, signature: &str) -> Option<String> {
    let encoded = format!("{prefix}+{}={}+{signature}@{domain}", address.local(), address.domain());
    (read_verp(&encoded)?.0 == *address).then_some(encoded)
}

/// A domain that looks for evidence in one bounce.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'a> {
    /// Whose mail it may have been.
    pub domain: &'a Domain,
    /// What the domain asks for.
    pub rules: &'a Rules,
    /// The envelope recipients of the bounce.
    pub paths: &'a [String],
    /// The day on which it came.
    pub today: Day,
}

impl Inquiry<'_> {
    /// Puts the address that a signed envelope sender names where the report is less sure.
    ///
    /// It is the address that the platform wrote to, whatever it was forwarded to. Of a report about several recipients it
    /// replaces none; to one that nobody could read it adds a temporary failure.
    pub fn settle_address(&self, report: &mut Report) {
        let Some(written_to) = self.signed_recipient(report) else { return };
        let is_failure = matches!(report.kind, Kind::Bounce | Kind::Delay);
        match report.recipients.as_mut_slice() {
            [] if is_failure => report.recipients.push(unread(written_to)),
            [recipient] if !recipient.address.is_same_mailbox(&written_to) => {
                let reported = std::mem::replace(&mut recipient.address, written_to);
                recipient.final_recipient.get_or_insert(reported);
            }
            _ => {}
        }
    }

    /// How sure it is that the mail to `address`, which this report is about, was the domain's.
    pub fn strength(&self, address: &Address, report: &Report) -> Strength {
        let token = report.returned.as_ref().and_then(|returned| returned.bounce_token.as_deref());
        let has_token = token.is_some_and(|token| self.is_signed(token.trim(), address));
        let has_verp = || self.signed_recipient(report).is_some_and(|signed| signed.is_same_mailbox(address));
        if has_token || has_verp() {
            return Strength::Strong;
        }
        let names_us = || report.returned.as_ref().is_some_and(|returned| names(returned, self.domain));
        let has_tag = || self.came_to(report).any(|path| is_tagged(path, self.domain, self.today));
        if names_us() || has_tag() { Strength::Weak } else { Strength::None }
    }

    /// The recipient that a signed envelope sender names, wherever that came back to us.
    fn signed_recipient(&self, report: &Report) -> Option<Address> {
        if self.rules.secrets.is_empty() {
            return None;
        }
        let return_path = report.returned.as_ref().and_then(|returned| returned.return_path.as_ref());
        self.came_to(report).chain(return_path.map(Address::as_str)).find_map(|path| {
            let (address, signature, domain) = read_verp(path)?;
            (self.domain.covers(domain) && self.is_signed(signature, &address)).then_some(address)
        })
    }

    /// Where the bounce was sent to.
    fn came_to<'b>(&'b self, report: &'b Report) -> impl Iterator<Item = &'b str> {
        let addresses = report.envelope.to_mailboxes.iter().chain(&report.envelope.delivered_to);
        self.paths.iter().map(String::as_str).chain(addresses.map(Address::as_str))
    }

    fn is_signed(&self, signature: &str, address: &Address) -> bool {
        let Some((day, digits)) = signature.split_once('.') else { return false };
        let Ok(day) = day.parse().map(Day) else { return false };
        let age = self.today.0.saturating_sub(day.0);
        let is_current = day.0 <= self.today.0.saturating_add(DAYS_AHEAD_MAX) && age <= self.rules.days_max;
        let digits = digits.to_ascii_lowercase();
        let matches = |secret: &Secret| {
            let expected = base32(&mac(secret, address, self.domain, day));
            bool::from(expected.as_bytes().ct_eq(digits.as_bytes()))
        };
        is_current && digits.len() == MAC_DIGITS && self.rules.secrets.iter().any(matches)
    }
}

/// Whether a path at `domain` bears a tag of BATV (draft-levine-smtp-batv) that has not ended.
///
/// ```text
/// tag = "prvs=" K DDD SSSSSS "=" loc-core    ; key number, last digits of the day of its end, six digits of a signature
/// ```
fn is_tagged(path: &str, domain: &Domain, today: Day) -> bool {
    let Some((local, host)) = path.rsplit_once('@') else { return false };
    let tag = local.split_at_checked(5).filter(|(name, _)| name.eq_ignore_ascii_case("prvs="));
    let Some((tag, _)) = tag.and_then(|(_, rest)| rest.split_once('=')) else { return false };
    let is_hex = tag.len() == 10 && tag.bytes().all(|octet| octet.is_ascii_hexdigit());
    let end = tag.get(..4).filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()));
    let end = end.and_then(|digits| digits[1..].parse::<u32>().ok());
    let days_left = end.map(|end| (1000 + end - today.0 % 1000) % 1000);
    is_hex && days_left.is_some_and(|days| days <= TAG_DAYS_MAX) && domain.covers(host)
}

/// Address, signature and domain of `prefix+local=host+SIGNATURE@domain`; the prefix holds no `+`.
fn read_verp(path: &str) -> Option<(Address, &str, &str)> {
    let (local, domain) = path.rsplit_once('@')?;
    let (_, rest) = local.split_once('+')?;
    let (encoded, signature) = rest.rsplit_once('+')?;
    let (user, host) = encoded.rsplit_once('=')?;
    let is_plain = !user.starts_with('"');
    let address = Address::parse(&format!("{user}@{host}")).filter(|_| is_plain)?;
    Some((address, signature, domain))
}

fn mac(secret: &Secret, address: &Address, domain: &Domain, day: Day) -> [u8; MAC_OCTETS] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let tag = hmac::sign(&key, format!("{}\n{domain}\n{}", address.key(), day.0).as_bytes());
    let mut mac = [0; MAC_OCTETS];
    mac.iter_mut().zip(tag.as_ref()).for_each(|(octet, tag)| *octet = *tag);
    mac
}

/// RFC 4648 §6 in lower case; 80 bits need no padding.
fn base32(octets: &[u8; MAC_OCTETS]) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bits = octets.iter().fold(0_u128, |bits, octet| bits << 8 | u128::from(*octet));
    let digit = |place: usize| DIGITS[usize::try_from(bits >> (5 * place) & 31).unwrap_or(0)];
    (0..MAC_DIGITS).rev().map(|place| char::from(digit(place))).collect()
}

fn names(returned: &Returned, domain: &Domain) -> bool {
    let addresses = returned.from.iter().chain(&returned.return_path).map(Address::domain);
    let message_id = returned.message_id.iter().filter_map(|id| Some(id.trim_end_matches('>').rsplit_once('@')?.1));
    let signers = returned.dkim_domains.iter().map(String::as_str);
    addresses.chain(message_id).chain(signers).any(|name| domain.covers(name))
}

/// A failure of which the address alone is known.
fn unread(address: Address) -> Recipient {
    Recipient {
        address,
        final_recipient: None,
        class: Class::Soft,
        reason: Reason::Undefined,
        action: None,
        status: None,
        reply: None,
        remote_mta: None,
        diagnostic: None,
        rule: "verp/signed".to_owned(),
        evidence: "the address in the signed envelope sender".to_owned(),
    }
}

#[cfg(test)]
mod tests;
