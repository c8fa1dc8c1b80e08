//! What a component tells about itself.

use std::time::Duration;

/// Something that the operator may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request has come to its end.
    Request(RequestRecord),
    /// A resource was seen that can be asked, for the first time or after it did not want to be.
    ResourceUp(String),
    /// A resource has gone.
    ResourceDown(String),
    /// The subscription to a target has changed.
    Subscription {
        /// The account.
        target: String,
        /// What it is now.
        state: SubscriptionState,
    },
}

/// How a request went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// Who has asked.
    pub from: String,
    /// The address that was asked, in the component's domain.
    pub to: String,
    /// The resource that was asked last, a full address; `None`: none was.
    pub resource: Option<String>,
    /// Whether it was a `set`, which may have had an effect.
    pub is_set: bool,
    /// The namespace of the payload; empty where there is none.
    pub namespace: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How many resources were asked.
    pub attempts: u32,
    /// How long it took.
    pub took: Duration,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The service has answered, with a result.
    Result,
    /// The service has answered, with an error.
    Error,
    /// The component has answered itself.
    Local,
    /// Refused: the request breaks a rule of XMPP.
    BadRequest,
    /// Refused: the requester is not allowed.
    Forbidden,
    /// Refused: the payload's namespace is not let through.
    Namespace,
    /// Refused: the requester asks too often.
    RateLimited,
    /// Refused: too much is pending, of this requester or in all.
    TooMany,
    /// Refused: the address of the requester is too long to be translated.
    AddressTooLong,
    /// Refused: the stanza is too large.
    StanzaTooLarge,
    /// Refused: the address that was asked stands for somebody else.
    ForeignToken,
    /// No resource is there that could be asked.
    NoResource,
    /// The resource has gone, and no other one may be asked.
    ResourceGone,
    /// No resource has answered in time.
    TimedOut,
    /// The link to the server has ended before the answer came.
    LinkLost,
    /// The process ends.
    Stopped,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Result,
        Self::Error,
        Self::Local,
        Self::BadRequest,
        Self::Forbidden,
        Self::Namespace,
        Self::RateLimited,
        Self::TooMany,
        Self::AddressTooLong,
        Self::StanzaTooLarge,
        Self::ForeignToken,
        Self::NoResource,
        Self::ResourceGone,
        Self::TimedOut,
        Self::LinkLost,
        Self::Stopped,
    ];

    /// Name for metrics and records, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Error => "error",
            Self::Local => "local",
            Self::BadRequest => "bad_request",
            Self::Forbidden => "forbidden",
            Self::Namespace => "namespace",
            Self::RateLimited => "rate_limited",
            Self::TooMany => "too_many",
            Self::AddressTooLong => "address_too_long",
            Self::StanzaTooLarge => "stanza_too_large",
            Self::ForeignToken => "foreign_token",
            Self::NoResource => "no_resource",
            Self::ResourceGone => "resource_gone",
            Self::TimedOut => "timed_out",
            Self::LinkLost => "link_lost",
            Self::Stopped => "stopped",
        }
    }
}

/// Why a stanza was dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// It is not addressed to the component's domain.
    ForeignTo,
    /// It has no good sender or is none of the three kinds of stanzas.
    Malformed,
    /// An answer that nobody waits for, though its token is good.
    Unasked,
    /// An answer after somebody else has answered, or after its time.
    Late,
    /// An answer to a request by somebody other than who was asked.
    NotAsked,
    /// An answer to a token that was changed or made for somebody else.
    ForgedToken,
    /// An answer to a token of a key that is not accepted any more.
    RetiredKey,
    /// An answer to what is no token.
    NoToken,
    /// An error or result, or presence, that asks for nothing.
    Unwanted,
    /// What we would have sent was not ours to send: a mistake of this program.
    ForeignFrom,
    /// What we would have sent was too large, and nobody is there to be told.
    TooLarge,
    /// A target has more resources than are remembered.
    TooManyResources,
}

impl Dropped {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::ForeignTo,
        Self::Malformed,
        Self::Unasked,
        Self::Late,
        Self::NotAsked,
        Self::ForgedToken,
        Self::RetiredKey,
        Self::NoToken,
        Self::Unwanted,
        Self::ForeignFrom,
        Self::TooLarge,
        Self::TooManyResources,
    ];

    /// Name for metrics, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::ForeignTo => "foreign_to",
            Self::Malformed => "malformed",
            Self::Unasked => "unasked",
            Self::Late => "late",
            Self::NotAsked => "not_asked",
            Self::ForgedToken => "forged_token",
            Self::RetiredKey => "retired_key",
            Self::NoToken => "no_token",
            Self::Unwanted => "unwanted",
            Self::ForeignFrom => "foreign_from",
            Self::TooLarge => "too_large",
            Self::TooManyResources => "too_many_resources",
        }
    }
}

/// What is known of the subscription to the presence of a target (RFC 6121 section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SubscriptionState {
    /// Asked for; nothing was answered.
    #[default]
    Pending,
    /// Given.
    Subscribed,
    /// Refused or taken back. It is asked for again later.
    Refused,
    /// The account's server has answered with an error. It is asked for again later.
    Failed,
}

impl SubscriptionState {
    /// Name for metrics and people, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Subscribed => "subscribed",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}
