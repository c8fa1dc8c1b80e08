//! What all associations count together.

use std::sync::atomic::{AtomicU64, Ordering};

use super::refusal::Refusal;

/// What an endpoint did without asking the application, or because a limit was reached.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Counted {
    /// [`Refusal::BadBlock`].
    BadBlock,
    /// [`Refusal::BadOption`].
    BadOption,
    /// [`Refusal::BodyTooLarge`]: [`super::Config::max_request_body`].
    BodyTooLarge,
    /// [`Refusal::Busy`]: [`super::Config::max_exchanges`].
    Busy,
    /// [`Refusal::Method`].
    Method,
    /// [`Refusal::MissingBlocks`].
    MissingBlocks,
    /// [`Refusal::NoRoom`]: the [`super::Budget`].
    NoRoom,
    /// [`Refusal::Proxy`].
    Proxy,
    /// A body ended that the peer had not fetched, because it paused for [`super::Config::snapshot_idle`] or was as slow
    /// as [`super::Config::snapshot_pace`].
    ResponseExpired,
    /// A body that the peer had not fetched gave way to another one: [`super::Config::max_snapshots`].
    ResponseReplaced,
    /// [`Refusal::TooManyOptions`]: [`super::Config::max_options`].
    TooManyOptions,
    /// [`Refusal::TooManyResponses`]: [`super::Config::max_snapshots`] or [`super::Config::max_snapshot_bytes`].
    TooManyResponses,
    /// A request in blocks ended because the peer paused for [`super::Config::upload_idle`].
    UploadIdle,
    /// A request in blocks gave way to another one: [`super::Config::max_uploads`].
    UploadReplaced,
    /// A request in blocks ended because it was not whole after [`super::Config::upload_total`].
    UploadTimeout,
}

/// How often each of them was.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; Counted::ALL.len()]);

impl Counted {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::BadBlock,
        Self::BadOption,
        Self::BodyTooLarge,
        Self::Busy,
        Self::Method,
        Self::MissingBlocks,
        Self::NoRoom,
        Self::Proxy,
        Self::ResponseExpired,
        Self::ResponseReplaced,
        Self::TooManyOptions,
        Self::TooManyResponses,
        Self::UploadIdle,
        Self::UploadReplaced,
        Self::UploadTimeout,
    ];

    /// Name for metrics, in snake case; it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadBlock => "bad_block",
            Self::BadOption => "bad_option",
            Self::BodyTooLarge => "body_too_large",
            Self::Busy => "busy",
            Self::Method => "method",
            Self::MissingBlocks => "missing_blocks",
            Self::NoRoom => "no_room",
            Self::Proxy => "proxy",
            Self::ResponseExpired => "response_expired",
            Self::ResponseReplaced => "response_replaced",
            Self::TooManyOptions => "too_many_options",
            Self::TooManyResponses => "too_many_responses",
            Self::UploadIdle => "upload_idle",
            Self::UploadReplaced => "upload_replaced",
            Self::UploadTimeout => "upload_timeout",
        }
    }
}

impl From<Refusal> for Counted {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BadBlock => Self::BadBlock,
            Refusal::BadOption(_) => Self::BadOption,
            Refusal::BodyTooLarge => Self::BodyTooLarge,
            Refusal::Busy => Self::Busy,
            Refusal::Method => Self::Method,
            Refusal::MissingBlocks => Self::MissingBlocks,
            Refusal::NoRoom => Self::NoRoom,
            Refusal::Proxy => Self::Proxy,
            Refusal::TooManyOptions => Self::TooManyOptions,
            Refusal::TooManyResponses => Self::TooManyResponses,
        }
    }
}

impl Counts {
    pub(super) fn note(&self, what: Counted) {
        // The order of both is that of the declaration.
        if let Some(count) = self.0.get(what as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn of(&self, what: Counted) -> u64 {
        let count = self.0.get(what as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }
}
