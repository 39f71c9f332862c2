//! Interprets a server's answer for a download that may already have a part.

use std::time::Duration;

use ureq::http::{HeaderMap, StatusCode, header};

/// What to do with an answer.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    /// The body continues where the part ends; the file's whole length, if stated.
    GoesOn(Option<u64>),
    /// The body is the file from its start; its length, if stated.
    FromStart(Option<u64>),
    /// The part ends where the file ends.
    NothingMore,
    /// The part cannot be continued: ask again without it.
    StartAgain,
    /// Worth another try, perhaps after a time that the server names.
    Later(String, Option<Duration>),
    /// Retrying will not help.
    Refused(String),
}

/// The longest wait that a server may ask for; beyond that, an error is better.
const LONGEST_WAIT: u64 = 60;

impl Reply {
    /// Reads status and headers of an answer to a request for what follows byte `have`.
    pub fn read(status: StatusCode, headers: &HeaderMap, have: u64) -> Reply {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let length = || text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok());
        let range = text(header::CONTENT_RANGE);
        match status.as_u16() {
            200 => Reply::FromStart(length()),
            206 => match range.and_then(content_range) {
                Some((start, whole)) if start == have => Reply::GoesOn(whole),
                _ => Reply::StartAgain,
            },
            416 => match range.and_then(|range| range.strip_prefix("bytes */")?.trim().parse::<u64>().ok()) {
                Some(whole) if whole == have => Reply::NothingMore,
                _ => Reply::StartAgain,
            },
            404 | 410 => {
                Reply::Refused(format!("there is no such file there ({}): check the address", told(status)))
            }
            401 | 403 => Reply::Refused(format!(
                "the server refuses access ({}): fetch it in a browser and put it there",
                told(status)
            )),
            407 => {
                Reply::Refused(format!("the proxy requires a password ({}): see HTTPS_PROXY", told(status)))
            }
            408 | 425 | 429 | 500..=599 => {
                let wait = text(header::RETRY_AFTER).and_then(|wait| wait.trim().parse::<u64>().ok());
                let reason = format!("the server is busy or broken ({})", told(status));
                match wait {
                    Some(wait) if wait > LONGEST_WAIT => {
                        Reply::Refused(format!("{reason} and asks to come back in {wait} s"))
                    }
                    wait => Reply::Later(reason, wait.map(Duration::from_secs)),
                }
            }
            _ => Reply::Refused(format!("the server answers {}", told(status))),
        }
    }
}

fn told(status: StatusCode) -> String {
    format!("HTTP {} {}", status.as_u16(), status.canonical_reason().unwrap_or_default())
        .trim_end()
        .to_owned()
}

/// The first byte and the whole length of `bytes 100-199/200` or `bytes 100-199/*`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end): (u64, u64) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
    let whole = match whole.trim() {
        "*" => None,
        whole => Some(whole.parse::<u64>().ok()?),
    };
    (start <= end && whole.is_none_or(|whole| end < whole)).then_some((start, whole))
}

/// What the server calls this version of the file: a strong entity tag, or else the time of its last
/// change (RFC 9110, section 13.1.5).
pub(super) fn version(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let strong = text(header::ETAG).filter(|tag| tag.starts_with('"'));
    strong.or_else(|| text(header::LAST_MODIFIED)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &str)], have: u64) -> Reply {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Reply::read(StatusCode::from_u16(status).unwrap(), &headers, have)
    }

    #[test]
    fn a_part_goes_on_only_where_it_ends() {
        assert_eq!(reply(206, &[("content-range", "bytes 5-9/10")], 5), Reply::GoesOn(Some(10)));
        assert_eq!(reply(206, &[("content-range", "bytes 5-9/*")], 5), Reply::GoesOn(None));
        for wrong in ["bytes 4-9/10", "bytes 5-10/10", "bytes 9-5/10", "5-9/10", "bytes 5-9"] {
            assert_eq!(reply(206, &[("content-range", wrong)], 5), Reply::StartAgain);
        }
        assert_eq!(reply(206, &[], 5), Reply::StartAgain);
        assert_eq!(reply(416, &[("content-range", "bytes */5")], 5), Reply::NothingMore);
        assert_eq!(reply(416, &[("content-range", "bytes */4")], 5), Reply::StartAgain);
        assert_eq!(reply(200, &[("content-length", "7")], 5), Reply::FromStart(Some(7)));
        assert_eq!(reply(200, &[("content-length", "-7")], 0), Reply::FromStart(None));
    }

    #[test]
    fn a_busy_server_is_asked_again_when_it_says() {
        let wait = |seconds| Some(Duration::from_secs(seconds));
        assert!(matches!(reply(503, &[("retry-after", "3")], 0), Reply::Later(_, told) if told == wait(3)));
        assert!(matches!(reply(500, &[], 0), Reply::Later(_, None)));
        assert!(matches!(reply(429, &[("retry-after", "3600")], 0), Reply::Refused(_)));
        assert!(
            matches!(reply(404, &[], 0), Reply::Refused(reason) if reason.contains("HTTP 404 Not Found"))
        );
    }
}
