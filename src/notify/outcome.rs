//! What an answer means: [`judge`], pure, from the HTTP status and `Retry-After`.

use super::schedule::Evidence;
use crate::types::Timestamp;
use std::time::Duration;

/// What is to be done after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Told.
    Done,
    /// Try again; `retry_after` as the platform asks.
    Retry {
        /// What it says about the domain.
        evidence: Evidence,
        /// At most the longest delay.
        retry_after: Option<Duration>,
    },
    /// Trying again would not help.
    Park,
}

/// Judges an answer. `done_statuses` mean done beside 2xx; `now` is what a date in `Retry-After` is compared with.
///
/// 401, 429, 502, 503 and 504 speak of the platform as a whole (a token that expired, a gateway without anything behind it); 403,
/// 408, 425 and the other 5xx may be the fault of one notification. Redirects are never followed: they would repeat the POST
/// with its secrets wherever they point.
pub fn judge(
    status: u16,
    retry_after: Option<&str>,
    done_statuses: &[u16],
    now: Timestamp,
    delay_max: Duration,
) -> Judgement {
    let asked = || retry_after.and_then(|value| parse_retry_after(value, now)).map(|delay| delay.min(delay_max));
    match status {
        200..=299 => Judgement::Done,
        _ if done_statuses.contains(&status) => Judgement::Done,
        401 | 429 | 502..=504 => {
            Judgement::Retry { evidence: Evidence::Unavailable { pause: asked() }, retry_after: asked() }
        }
        403 | 408 | 425 | 500..=599 => Judgement::Retry { evidence: Evidence::Refused, retry_after: asked() },
        _ => Judgement::Park,
    }
}

/// RFC 9110 §10.2.3: `Retry-After = HTTP-date / delay-seconds`. A date in the past is no delay; anything else is ignored.
fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if value.bytes().all(|octet| octet.is_ascii_digit()) && !value.is_empty() {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    Some(Timestamp::from(httpdate::parse_http_date(value).ok()?).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    /// 1994-11-06T08:49:00Z
    const NOW: Timestamp = Timestamp::from_millis(784_111_740_000);

    fn judged(status: u16, retry_after: Option<&str>) -> Judgement {
        judge(status, retry_after, &[404, 410], NOW, HOUR)
    }

    #[test]
    fn each_status_has_its_meaning() {
        let retry = |evidence| Judgement::Retry { evidence, retry_after: None };
        let unavailable = Evidence::Unavailable { pause: None };
        for (statuses, judgement) in [
            (&[200, 201, 202, 204, 299, 404, 410][..], Judgement::Done),
            (&[401, 429, 502, 503, 504], retry(unavailable)),
            (&[403, 408, 425, 500, 501, 505, 599], retry(Evidence::Refused)),
            (
                &[0, 100, 199, 300, 301, 302, 303, 304, 307, 308, 400, 405, 409, 413, 422, 451, 600, 999],
                Judgement::Park,
            ),
        ] {
            for status in statuses {
                assert_eq!(judged(*status, None), judgement, "{status}");
            }
        }
    }

    #[test]
    fn without_done_statuses_an_unknown_address_is_parked() {
        assert_eq!(judge(404, None, &[], NOW, HOUR), Judgement::Park);
    }

    #[test]
    fn retry_after_is_read_in_every_form_and_capped() {
        for (value, seconds) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", Some(0)),
            ("999999999999999999999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(37)),
            ("Sun Nov  6 08:49:37 1994", Some(37)),
            ("Sun, 06 Nov 1994 07:00:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(3600)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let delay = seconds.map(Duration::from_secs);
            let expected = Judgement::Retry { evidence: Evidence::Unavailable { pause: delay }, retry_after: delay };
            assert_eq!(judged(429, Some(value)), expected, "{value:?}");
        }
    }
}
