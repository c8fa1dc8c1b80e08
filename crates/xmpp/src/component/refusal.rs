//! What requesters are told when the component itself answers.

use super::{Mode, Outcome};
use crate::stanza::{Condition, ErrorKind, Reply};

impl Outcome {
    /// The error that says so (RFC 6120 section 8.3); `may_be_done` says whether the request may have
    /// had an effect. `None`: it is none of the component's own.
    pub(super) fn error(self, mode: Mode, may_be_done: bool) -> Option<Reply<'static>> {
        use Condition as C;
        use ErrorKind as K;
        let (kind, condition, text) = match self {
            Self::Error | Self::Local | Self::Result => return None,
            Self::AddressTooLong => (
                K::Modify,
                C::JidMalformed,
                "Your address is too long to be translated.",
            ),
            Self::BadRequest => (
                K::Modify,
                C::BadRequest,
                "A request has a type, an id and one element that says what is wanted.",
            ),
            Self::Forbidden => (K::Auth, C::Forbidden, "You are not allowed to ask here."),
            Self::ForeignToken => (K::Cancel, C::ItemNotFound, "There is no such address."),
            Self::LinkLost if may_be_done => (
                K::Wait,
                C::RemoteServerTimeout,
                "The link to the server was lost. Whether this was done is not known.",
            ),
            Self::LinkLost => (
                K::Wait,
                C::RemoteServerTimeout,
                "The link to the server was lost before an answer came.",
            ),
            Self::Namespace => (
                K::Cancel,
                C::ServiceUnavailable,
                "Requests of this kind are not let through here.",
            ),
            // Prosody's module says so, and clients may look for it.
            Self::NoResource if mode == Mode::Compat => (
                K::Cancel,
                C::ServiceUnavailable,
                "The service is not there at the moment.",
            ),
            Self::NoResource => (
                K::Wait,
                C::RecipientUnavailable,
                "The service is not there at the moment.",
            ),
            Self::RateLimited => (
                K::Wait,
                C::ResourceConstraint,
                "You ask too often. Try again in a while.",
            ),
            Self::ResourceGone if may_be_done => (
                K::Wait,
                C::RemoteServerTimeout,
                "The service went away before it answered. Whether this was done is not known.",
            ),
            Self::ResourceGone => (
                K::Wait,
                C::RemoteServerTimeout,
                "The service went away before it answered.",
            ),
            Self::StanzaTooLarge if may_be_done => (
                K::Modify,
                C::PolicyViolation,
                "The answer is too large to be passed on. Whether this was done is not known.",
            ),
            Self::StanzaTooLarge => (
                K::Modify,
                C::PolicyViolation,
                "This is too large to be passed on.",
            ),
            Self::Stopped if may_be_done => (
                K::Wait,
                C::RemoteServerTimeout,
                "The proxy is being stopped. Whether this was done is not known.",
            ),
            Self::Stopped => (
                K::Wait,
                C::RemoteServerTimeout,
                "The proxy is being stopped.",
            ),
            Self::TimedOut if may_be_done => (
                K::Wait,
                C::RemoteServerTimeout,
                "The service has not answered in time. Whether this was done is not known.",
            ),
            Self::TimedOut => (
                K::Wait,
                C::RemoteServerTimeout,
                "The service has not answered in time.",
            ),
            Self::TooMany => (
                K::Wait,
                C::ResourceConstraint,
                "Too much is asked here at the moment. Try again in a while.",
            ),
        };
        Some(Reply::Error(kind, condition, text))
    }
}
