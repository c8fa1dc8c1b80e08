//! What an answer of the homeserver means for an observation.

use std::{borrow::Cow, time::Duration};

use serde::Deserialize;

use super::{
    action::{Answer, Body, PollFailure, Refusal},
    body::{Summary, Unusable},
};

/// A longer body of an error is not passed on, in bytes.
const LONGEST_ERROR: usize = 64 << 10;

/// When a client may ask again if there are too many requests.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// No homeserver is left alone for longer than this because it wants to.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Why there is no body for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Whether it will be the same next time.
    pub(super) is_final: bool,
    /// What the client is told when it has just registered, or when the trouble is final.
    pub(super) refusal: Refusal,
}

/// Reads an answer, of which the body may have `max_body` bytes.
pub(super) fn read(answer: &Answer, max_body: usize) -> Result<Summary<'_>, Trouble> {
    match answer.status {
        200 if answer.body.len() > max_body => Err(PollFailure::TooLarge.into()),
        200 => Summary::parse(answer.body.as_bytes()).map_err(Trouble::from),
        status => Err(refused(status, answer)),
    }
}

/// Requests that failed for what they are fail again. Those that came too early or too slowly do not,
/// nor do those that a homeserver in trouble could not serve.
pub(super) fn refused(status: u16, answer: &Answer) -> Trouble {
    let is_final = (400..500).contains(&status) && !matches!(status, 408 | 425 | 429);
    let retry_after = answer.retry_after.map(|wait| wait.min(LONGEST_RETRY_AFTER));
    let body = match is_error(&answer.body) {
        true => answer.body.clone(),
        false => error("M_UNKNOWN", "The homeserver has refused without a reason."),
    };
    let status = match status {
        400..600 => status,
        _ => 502,
    };
    Trouble {
        is_final,
        refusal: Refusal {
            status,
            retry_after,
            body,
        },
    }
}

/// Whether a body is an error as the client-server API has it.
fn is_error(body: &Body) -> bool {
    #[derive(Deserialize)]
    struct Error<'a> {
        #[serde(borrow, rename = "errcode")]
        _errcode: Cow<'a, str>,
    }
    body.len() <= LONGEST_ERROR
        && body.as_bytes().trim_ascii_start().starts_with(b"{")
        && str::from_utf8(body.as_bytes())
            .is_ok_and(|text| serde_json::from_str::<Error<'_>>(text).is_ok())
}

impl From<PollFailure> for Trouble {
    fn from(failure: PollFailure) -> Self {
        let (status, errcode, text) = match failure {
            PollFailure::Overloaded => (503, "M_UNKNOWN", "There are too many requests."),
            PollFailure::TimedOut => (504, "M_UNKNOWN", "The homeserver takes too long."),
            PollFailure::Unreachable => (502, "M_UNKNOWN", "The homeserver cannot be reached."),
            PollFailure::TooLarge => (
                502,
                "M_TOO_LARGE",
                "The answer is too large for CoAP. Sync over HTTP, or with a filter.",
            ),
        };
        Self {
            is_final: failure == PollFailure::TooLarge,
            refusal: Refusal {
                status,
                retry_after: (failure == PollFailure::Overloaded).then_some(RETRY_AFTER),
                body: error(errcode, text),
            },
        }
    }
}

impl From<Unusable> for Trouble {
    fn from(unusable: Unusable) -> Self {
        let text = match unusable {
            Unusable::NotAnObject => "The homeserver has not answered with a JSON object.",
            Unusable::NoNextBatch => "The homeserver has not said where to go on.",
        };
        Self {
            is_final: false,
            refusal: Refusal {
                status: 502,
                retry_after: None,
                body: error("M_UNKNOWN", text),
            },
        }
    }
}

/// What the client is told when there is a body that cannot be sent.
pub(super) fn unsendable() -> Refusal {
    Refusal {
        status: 502,
        retry_after: None,
        body: error(
            "M_TOO_LARGE",
            "The answer cannot be sent over CoAP. Sync over HTTP, or with a filter.",
        ),
    }
}

/// The body of an error of ours. Neither text has characters that JSON escapes.
pub(super) fn error(errcode: &str, text: &str) -> Body {
    format!(r#"{{"errcode":"{errcode}","error":"{text}"}}"#).into()
}
