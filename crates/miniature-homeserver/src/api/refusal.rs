use hyper::{
    StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};
use serde_json::{Value, json};

use crate::server::Answer;

/// Why a request is refused, as the Matrix specification has it ("API Standards").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    BadJson(&'static str),
    Demanded {
        status: u16,
        code: &'static str,
    },
    Forbidden(&'static str),
    /// More is asked of whoever registers: this session of it.
    Interactive {
        session: String,
    },
    InvalidParam(&'static str),
    InvalidUsername,
    Limited {
        retry_after_ms: u64,
    },
    MissingParam(&'static str),
    MissingToken,
    NotFound(&'static str),
    NotJson,
    RoomInUse,
    /// 409 of `PUT directory/room`.
    AliasInUse,
    TooLarge,
    UnknownToken,
    Unrecognized,
    UserInUse,
    WrongMethod,
}

impl Refusal {
    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        use Refusal as R;

        match self {
            R::BadJson(text) => (StatusCode::BAD_REQUEST, "M_BAD_JSON", text),
            R::Demanded { status, code } => {
                let status = StatusCode::from_u16(*status);
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status, code, "refused on demand")
            }
            R::Forbidden(text) => (StatusCode::FORBIDDEN, "M_FORBIDDEN", text),
            R::Interactive { .. } => (StatusCode::UNAUTHORIZED, "M_FORBIDDEN", ""),
            R::InvalidParam(text) => (StatusCode::BAD_REQUEST, "M_INVALID_PARAM", text),
            R::InvalidUsername => (
                StatusCode::BAD_REQUEST,
                "M_INVALID_USERNAME",
                "a name has small letters, digits and ._=-/",
            ),
            R::Limited { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "M_LIMIT_EXCEEDED",
                "Too Many Requests",
            ),
            R::MissingParam(text) => (StatusCode::BAD_REQUEST, "M_MISSING_PARAM", text),
            R::MissingToken => (
                StatusCode::UNAUTHORIZED,
                "M_MISSING_TOKEN",
                "Missing access token",
            ),
            R::NotFound(text) => (StatusCode::NOT_FOUND, "M_NOT_FOUND", text),
            R::NotJson => (
                StatusCode::BAD_REQUEST,
                "M_NOT_JSON",
                "the body is not JSON",
            ),
            R::RoomInUse => (
                StatusCode::BAD_REQUEST,
                "M_ROOM_IN_USE",
                "Room alias already taken",
            ),
            R::AliasInUse => (
                StatusCode::CONFLICT,
                "M_UNKNOWN",
                "Room alias already exists",
            ),
            R::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "M_TOO_LARGE",
                "the request is too large",
            ),
            R::UnknownToken => (
                StatusCode::UNAUTHORIZED,
                "M_UNKNOWN_TOKEN",
                "Unrecognised access token",
            ),
            R::Unrecognized => (
                StatusCode::NOT_FOUND,
                "M_UNRECOGNIZED",
                "Unrecognized request",
            ),
            R::UserInUse => (
                StatusCode::BAD_REQUEST,
                "M_USER_IN_USE",
                "User ID already taken",
            ),
            R::WrongMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "M_UNRECOGNIZED",
                "Unrecognized request",
            ),
        }
    }

    fn document(&self, code: &str, text: &str) -> Value {
        match self {
            Self::Interactive { session } => json!({
                "session": session,
                "flows": [{ "stages": ["m.login.dummy"] }],
                "params": {},
            }),
            Self::Limited { retry_after_ms } => {
                json!({ "errcode": code, "error": text, "retry_after_ms": retry_after_ms })
            }
            Self::UnknownToken => {
                json!({ "errcode": code, "error": text, "soft_logout": false })
            }
            _ => json!({ "errcode": code, "error": text }),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let (status, code, text) = refusal.parts();
        let mut answer = Self::json(status, &refusal.document(code, text));
        if let Refusal::Limited { retry_after_ms } = refusal {
            let seconds = HeaderValue::from(retry_after_ms.div_ceil(1_000));
            answer.field = Some((RETRY_AFTER, seconds));
        }
        answer
    }
}
