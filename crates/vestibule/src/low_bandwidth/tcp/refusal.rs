//! Requests that do not reach the homeserver, and what errors are called in Matrix.

use hyper::StatusCode;
use vestibule_lowband::mapping::{paths::PathError, policy::Denied};

/// Why a request does not reach the homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The path may not be asked for.
    Denied(Denied),
    /// The path is none, or says different things to different servers.
    Path(PathError),
}

/// `errcode` of an error in Matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errcode {
    /// `M_FORBIDDEN`.
    Forbidden,
    /// `M_INVALID_PARAM`.
    InvalidParam,
    /// `M_UNKNOWN`.
    Unknown,
    /// `M_UNRECOGNIZED`.
    Unrecognized,
}

impl Refusal {
    /// The status of the answer.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Denied(Denied::Admin) => StatusCode::FORBIDDEN,
            Self::Denied(Denied::Media | Denied::Outside) => StatusCode::NOT_FOUND,
            Self::Path(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// Its error code.
    pub(crate) fn errcode(self) -> Errcode {
        match self {
            Self::Denied(Denied::Admin) => Errcode::Forbidden,
            Self::Denied(Denied::Media | Denied::Outside) => Errcode::Unrecognized,
            Self::Path(_) => Errcode::InvalidParam,
        }
    }

    /// It, for people.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Denied(Denied::Admin) => "What is for administrators is not available here.\n",
            Self::Denied(Denied::Media | Denied::Outside) => "This path is not available here.\n",
            Self::Path(_) => {
                "The path has dots, control characters or broken escapes, or is too long.\n"
            }
        }
    }
}

impl Errcode {
    /// It, as Matrix writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Forbidden => "M_FORBIDDEN",
            Self::InvalidParam => "M_INVALID_PARAM",
            Self::Unknown => "M_UNKNOWN",
            Self::Unrecognized => "M_UNRECOGNIZED",
        }
    }
}

#[cfg(test)]
mod tests;
