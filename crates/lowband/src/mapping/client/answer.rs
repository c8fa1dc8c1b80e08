//! Responses of a gateway.

use http::StatusCode;
use vestibule_coap::endpoint::Response;
use vestibule_coap::{Code, OptionNumber};

use super::{Exchange, Session, Settings};
use crate::keys::Keys;
use crate::mapping::endpoint::Kind;
use crate::mapping::format::Format;
use crate::mapping::{format, object, rewrite, status};
use crate::transcode::{Limits, cbor_to_json};

/// What becomes of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The gateway has not passed the request on, for want of something that the session left out or
    /// because of something that it should. [`open`](super::open) it again: it will be another one.
    Again,
    /// The answer for the client.
    Answer(Answer),
}

/// An answer of HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Seconds for the header Retry-After.
    pub retry_after: Option<u64>,
    /// The body, `application/json`.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    /// Without the body, which has secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Translates a response, which must be whole. Also the later ones to who observes a sync.
pub fn close(
    session: &mut Session,
    settings: &Settings,
    exchange: &Exchange,
    response: &Response,
) -> Outcome {
    let (code, payload) = (response.code, &response.payload);
    if code == Code::BAD_OPTION && exchange.has_told_table {
        session.refuse_table();
        return Outcome::Again;
    }
    // That is about blocks only: the homeserver's 408 is another code.
    if code == Code::REQUEST_ENTITY_INCOMPLETE {
        return Outcome::Again;
    }
    let token = exchange.token.as_ref();
    // An endpoint that refuses may not have looked at the options.
    if code.is_success() && exchange.has_told_table {
        session.confirm_table();
    }
    if exchange.has_carried {
        session.confirm(token, code.is_success());
    }
    let mut status = status::to_http(code);
    let body = match json(code, payload) {
        Some(body) => body,
        None => {
            if status.is_success() {
                status = StatusCode::BAD_GATEWAY;
            }
            unreadable(code, payload)
        }
    };
    if status == StatusCode::UNAUTHORIZED && token.is_some() {
        if !exchange.has_carried && status::has_errcode(&body, "M_MISSING_TOKEN") {
            session.forget(token);
            return Outcome::Again;
        }
        if status::has_errcode(&body, "M_UNKNOWN_TOKEN") {
            session.forget(token);
        }
    }
    if status == StatusCode::OK && exchange.kind == Kind::Logout {
        session.forget(token);
    }
    let url = settings.base_url.as_deref();
    let rewritten = url.and_then(|url| rewrite::base_url(exchange.kind, status, &body, url));
    let has_time = matches!(code, Code::TOO_MANY_REQUESTS | Code::SERVICE_UNAVAILABLE);
    Outcome::Answer(Answer {
        status,
        retry_after: response
            .options
            .uint(OptionNumber::MAX_AGE)
            .filter(|_| has_time),
        body: rewritten.map_or(body, String::into_bytes),
    })
}

/// The body as JSON; `None` if it cannot be read or is beyond the limits. It is read as what it is: the proxy written in Go
/// says of CBOR that it is JSON, or names a format at random.
fn json(code: Code, payload: &[u8]) -> Option<Vec<u8>> {
    if payload.is_empty() {
        return match code {
            Code::VALID => Some(Vec::new()),
            code if code.is_success() => Some(b"{}".to_vec()),
            _ => None,
        };
    }
    if format::is_json(payload) {
        return Format::Json.encode(payload).ok();
    }
    let mut json = Vec::new();
    cbor_to_json(payload, Keys::V1, &Limits::RESPONSE, &mut json).ok()?;
    Some(json)
}

/// What the client is told instead, with a text that may have been the reason.
fn unreadable(code: Code, payload: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(payload).unwrap_or_default();
    let mut reason: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    if reason.is_empty() {
        reason = code.name().unwrap_or("no reason was given").to_owned();
    }
    let reason = object::string(&reason);
    format!(r#"{{"errcode":"M_UNKNOWN","error":{reason}}}"#).into_bytes()
}
