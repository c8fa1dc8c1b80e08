//! Requests that the endpoint refuses itself.

use bytes::Bytes;

use super::config::Config;
use crate::{Code, ContentFormat, OptionList, OptionNumber};

/// How long a peer is asked to wait when there is too much to do.
const BUSY_SECONDS: u64 = 5;

/// Why the endpoint refused a request without asking the application.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// A block option that cannot be read, or a block of the wrong length: 4.00.
    BadBlock,
    /// A critical option that is not understood, repeated, or of the wrong length: 4.02.
    BadOption(OptionNumber),
    /// More than [`Config::max_request_body`]: 4.13.
    BodyTooLarge,
    /// Too many requests at a time, or too many in short time: 5.03.
    Busy,
    /// A method that is not GET, POST, PUT, DELETE, FETCH, PATCH or iPATCH: 4.05.
    Method,
    /// The block cannot be fetched (any more), or earlier ones are missing: 4.08.
    MissingBlocks,
    /// The [`Budget`](super::Budget) has no room for a body: 5.03.
    NoRoom,
    /// Proxy-Uri or Proxy-Scheme: 5.05.
    Proxy,
    /// More options than [`Config::max_options`]: 4.00.
    TooManyOptions,
    /// The answer finds no place among those that the peer has not fetched: [`Config::max_snapshots`],
    /// [`Config::max_snapshot_bytes`]: 5.03.
    TooManyResponses,
}

/// What a refusal carries beside its code.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// How the payload is written. A diagnostic text has none (RFC 7252 section 5.5.2).
    pub format: Option<ContentFormat>,
    /// The payload.
    pub payload: Bytes,
}

impl Refusal {
    /// The code that says it.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::BadBlock | Self::TooManyOptions => Code::BAD_REQUEST,
            Self::BadOption(_) => Code::BAD_OPTION,
            Self::BodyTooLarge => Code::REQUEST_ENTITY_TOO_LARGE,
            Self::Busy | Self::NoRoom | Self::TooManyResponses => Code::SERVICE_UNAVAILABLE,
            Self::Method => Code::METHOD_NOT_ALLOWED,
            Self::MissingBlocks => Code::REQUEST_ENTITY_INCOMPLETE,
            Self::Proxy => Code::PROXYING_NOT_SUPPORTED,
        }
    }

    /// The reason, as a sentence without a point.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::BadBlock => "a block option or a block that is malformed",
            Self::BadOption(_) => "a critical option that is not understood here",
            Self::BodyTooLarge => "the body is too large",
            Self::Busy => "too many requests at a time",
            Self::Method => "not a method",
            Self::MissingBlocks => "blocks are missing, begin again",
            Self::NoRoom => "too many bodies at a time",
            Self::Proxy => "not a forward proxy",
            Self::TooManyOptions => "too many options",
            Self::TooManyResponses => "too many answers that are not fetched",
        }
    }

    /// Options and payload of the answer.
    pub(super) fn content(self, config: &Config) -> (OptionList, Bytes) {
        let explanation = (config.explain)(self);
        let mut options = OptionList::new();
        if let Some(ContentFormat(format)) = explanation.format {
            options.push_uint(OptionNumber::CONTENT_FORMAT, u64::from(format));
        }
        match self {
            Self::BodyTooLarge => {
                options.push_uint(OptionNumber::SIZE1, config.max_request_body as u64);
            }
            Self::Busy | Self::NoRoom | Self::TooManyResponses => {
                options.push_uint(OptionNumber::MAX_AGE, BUSY_SECONDS);
            }
            _ => {}
        }
        (options, explanation.payload)
    }
}
