//! Errors of stanzas (RFC 6120 section 8.3).

use super::{ERRORS, NAMESPACE, Stanza};
use crate::{Malformed, xml::Token};

/// Conditions of stanza errors (RFC 6120 section 8.3.3), each of those that we tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// What was sent is not understood.
    BadRequest,
    /// Nobody does that.
    FeatureNotImplemented,
    /// That is not allowed.
    Forbidden,
    /// There is no such address.
    ItemNotFound,
    /// That is no address, or one that is too long.
    JidMalformed,
    /// It does not fit what is acceptable.
    NotAcceptable,
    /// It goes against a rule of ours.
    PolicyViolation,
    /// Who could answer is away for now.
    RecipientUnavailable,
    /// Who could answer has not done so in time.
    RemoteServerTimeout,
    /// There is too much to do.
    ResourceConstraint,
    /// Nobody there does that.
    ServiceUnavailable,
}

/// What to do about a stanza error (RFC 6120 section 8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Say who you are.
    Auth,
    /// Do not try again.
    Cancel,
    /// Change what you have sent.
    Modify,
    /// Try again later.
    Wait,
}

/// What a stanza of type `error` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError<'a> {
    /// The name of the condition, such as `service-unavailable`; empty where there is none.
    pub condition: &'a str,
}

impl Condition {
    /// The name of the element.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::FeatureNotImplemented => "feature-not-implemented",
            Self::Forbidden => "forbidden",
            Self::ItemNotFound => "item-not-found",
            Self::JidMalformed => "jid-malformed",
            Self::NotAcceptable => "not-acceptable",
            Self::PolicyViolation => "policy-violation",
            Self::RecipientUnavailable => "recipient-unavailable",
            Self::RemoteServerTimeout => "remote-server-timeout",
            Self::ResourceConstraint => "resource-constraint",
            Self::ServiceUnavailable => "service-unavailable",
        }
    }
}

impl ErrorKind {
    /// The value of the attribute `type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Cancel => "cancel",
            Self::Modify => "modify",
            Self::Wait => "wait",
        }
    }
}

impl<'a> Stanza<'a> {
    /// The error in a stanza; `None` where there is no element for one. What was sent may be repeated
    /// before it.
    ///
    /// # Errors
    ///
    /// What is wrong up to it.
    pub fn error(&self) -> Result<Option<StanzaError<'a>>, Malformed> {
        if self.tag.is_empty() {
            return Ok(None);
        }
        let mut content = self.content();
        while let Some(token) = content.next() {
            let tag = match token? {
                Token::Text(_) => continue,
                Token::End(_) => return Ok(None),
                Token::Start(tag) => tag,
            };
            let is_error =
                tag.local() == "error" && tag.namespace(&[self.tag], NAMESPACE)? == NAMESPACE;
            if !is_error {
                content.rest_of(&tag)?;
                continue;
            }
            let mut condition = "";
            while !tag.is_empty() && condition.is_empty() {
                match content.next().ok_or(Malformed::Tag)?? {
                    Token::Text(_) => {}
                    Token::End(_) => break,
                    Token::Start(inner) => {
                        content.rest_of(&inner)?;
                        let namespace = inner.namespace(&[tag, self.tag], NAMESPACE)?;
                        if namespace == ERRORS && inner.local() != "text" {
                            condition = inner.local();
                        }
                    }
                }
            }
            return Ok(Some(StanzaError { condition }));
        }
        Ok(None)
    }
}
