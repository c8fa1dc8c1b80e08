//! Requests that the gateway answers itself, because it cannot or must not pass them on.

use std::time::Duration;

use vestibule_coap::Code;
use vestibule_coap::endpoint::Response;

use crate::mapping::format::{self, Format};
use crate::mapping::object;
use crate::mapping::paths::PathError;
use crate::mapping::policy::Denied;
use crate::mapping::query::QueryError;
use crate::mapping::token::TokenError;
use crate::transcode;

/// Why a request is not passed on, or its answer not passed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The client accepts neither CBOR nor JSON.
    Accept,
    /// The homeserver's answer is larger than what goes over CoAP.
    AnswerTooLarge,
    /// The body cannot be read.
    Body(transcode::Error),
    /// The body is neither CBOR nor JSON.
    ContentFormat,
    /// The policy forbids the path.
    Denied(Denied),
    /// The gateway is about to end.
    Leaving {
        /// When the client may ask again.
        retry_after: Duration,
    },
    /// The method is none of the four.
    Method,
    /// The request needs a token, and none came, or it is not sure which of two it has.
    MissingToken,
    /// The homeserver's answer is no JSON.
    NotJson,
    /// There are too many requests under way.
    Overloaded {
        /// When the client may ask again.
        retry_after: Duration,
    },
    /// The path cannot be read.
    Path(PathError),
    /// The query cannot be read.
    Query(QueryError),
    /// The homeserver redirects, which is not followed.
    Redirect,
    /// The version of the key table is no number, or there are several.
    TableVersion,
    /// The access token is none.
    Token(TokenError),
    /// The client asks too often.
    TooManyRequests {
        /// When it may ask again.
        retry_after: Duration,
    },
    /// The homeserver cannot be reached.
    Unreachable,
    /// The homeserver has not answered in time.
    UpstreamTimeout,
}

impl Refusal {
    /// All names.
    pub const NAMES: [&'static str; 18] = [
        "accept",
        "answer_too_large",
        "body",
        "content_format",
        "denied",
        "leaving",
        "method",
        "missing_token",
        "not_json",
        "overloaded",
        "path",
        "query",
        "redirect",
        "table_version",
        "token",
        "too_many_requests",
        "unreachable",
        "upstream_timeout",
    ];

    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::AnswerTooLarge => "answer_too_large",
            Self::Body(_) => "body",
            Self::ContentFormat => "content_format",
            Self::Denied(_) => "denied",
            Self::Leaving { .. } => "leaving",
            Self::Method => "method",
            Self::MissingToken => "missing_token",
            Self::NotJson => "not_json",
            Self::Overloaded { .. } => "overloaded",
            Self::Path(_) => "path",
            Self::Query(_) => "query",
            Self::Redirect => "redirect",
            Self::TableVersion => "table_version",
            Self::Token(_) => "token",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Unreachable => "unreachable",
            Self::UpstreamTimeout => "upstream_timeout",
        }
    }

    /// The code of the response.
    pub fn code(self) -> Code {
        match self {
            Self::Accept => Code::NOT_ACCEPTABLE,
            Self::Body(error) if error.reason.is_limit() => Code::REQUEST_ENTITY_TOO_LARGE,
            Self::Denied(Denied::Outside) | Self::Path(PathError::TooFewParameters) => {
                Code::NOT_FOUND
            }
            Self::Body(_) | Self::Path(_) | Self::Query(_) | Self::Token(_) => Code::BAD_REQUEST,
            Self::ContentFormat => Code::UNSUPPORTED_CONTENT_FORMAT,
            Self::Denied(Denied::Admin | Denied::Media) => Code::FORBIDDEN,
            Self::Method => Code::METHOD_NOT_ALLOWED,
            Self::MissingToken => Code::UNAUTHORIZED,
            Self::Leaving { .. } | Self::Overloaded { .. } => Code::SERVICE_UNAVAILABLE,
            Self::TableVersion => Code::BAD_OPTION,
            Self::TooManyRequests { .. } => Code::TOO_MANY_REQUESTS,
            Self::AnswerTooLarge | Self::NotJson | Self::Redirect | Self::Unreachable => {
                Code::BAD_GATEWAY
            }
            Self::UpstreamTimeout => Code::GATEWAY_TIMEOUT,
        }
    }

    /// The error code of Matrix.
    pub fn errcode(self) -> &'static str {
        match self {
            Self::Body(error) if error.reason.is_limit() => "M_TOO_LARGE",
            Self::Body(_) => "M_NOT_JSON",
            Self::Denied(Denied::Outside)
            | Self::Method
            | Self::Path(PathError::TooFewParameters) => "M_UNRECOGNIZED",
            Self::Denied(Denied::Admin | Denied::Media) => "M_FORBIDDEN",
            Self::MissingToken => "M_MISSING_TOKEN",
            Self::Path(_) | Self::Query(_) | Self::Token(_) => "M_INVALID_PARAM",
            Self::TooManyRequests { .. } => "M_LIMIT_EXCEEDED",
            _ => "M_UNKNOWN",
        }
    }

    /// The response, which always has a body with `errcode` and `error`.
    pub fn response(self, format: Format) -> Response {
        self.response_with(self.code(), format, None)
    }

    /// The response, with the code of the homeserver's status and the Max-Age that it asks for.
    pub(super) fn response_with(
        self,
        code: Code,
        format: Format,
        max_age: Option<u32>,
    ) -> Response {
        let retry_after = match self {
            Self::Leaving { retry_after }
            | Self::Overloaded { retry_after }
            | Self::TooManyRequests { retry_after } => Some(retry_after),
            _ => None,
        };
        let payload = error_body(format, self.errcode(), &self.to_string(), retry_after);
        let seconds = |duration: Duration| duration.as_millis().div_ceil(1_000);
        let own = retry_after.map(|after| u32::try_from(seconds(after)).unwrap_or(u32::MAX));
        format::response(code, format, payload, own.or(max_age))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Accept => "answers are CBOR or JSON",
            Self::AnswerTooLarge => "the answer is too large for CoAP, use HTTP",
            Self::Body(error) => return write!(f, "the body cannot be read: {error}"),
            Self::ContentFormat => "bodies are CBOR or JSON",
            Self::Denied(denied) => return denied.fmt(f),
            Self::Leaving { .. } => "the gateway is about to end, ask again",
            Self::Method => "the method is not GET, POST, PUT or DELETE",
            Self::MissingToken => "the access token is missing",
            Self::NotJson => "the homeserver's answer is not JSON",
            Self::Overloaded { .. } => "there are too many requests",
            Self::Path(error) => return error.fmt(f),
            Self::Query(error) => return error.fmt(f),
            Self::Redirect => "the homeserver redirects, use HTTP",
            Self::TableVersion => "the version of the key table is not understood",
            Self::Token(error) => return error.fmt(f),
            Self::TooManyRequests { .. } => "too many requests",
            Self::Unreachable => "the homeserver cannot be reached",
            Self::UpstreamTimeout => "the homeserver has not answered in time",
        })
    }
}

impl std::error::Error for Refusal {}

/// The body of an error of Matrix.
pub(super) fn error_body(
    format: Format,
    errcode: &str,
    error: &str,
    retry_after: Option<Duration>,
) -> Vec<u8> {
    let error = object::string(error);
    let mut json = format!(r#"{{"errcode":"{errcode}","error":{error}"#);
    if let Some(retry_after) = retry_after {
        json.push_str(r#","retry_after_ms":"#);
        json.push_str(&retry_after.as_millis().to_string());
    }
    json.push('}');
    format.encode(json.as_bytes()).unwrap_or_default()
}
