//! Who the client is.

use crate::addr::{ClientAddr, OriginalDst};

/// Who the client is and what it asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) client: ClientAddr,
    pub(crate) destination: OriginalDst,
    /// What kind of PROXY header said so; `None`: the socket itself.
    pub(crate) header: Option<HeaderKind>,
}

/// Kinds of accepted PROXY headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderKind {
    /// Version 1 that names the client.
    V1,
    /// Version 2 that names the client.
    V2,
    /// Names no client that a stream listener can use (LOCAL, UNKNOWN, UNSPEC, UNIX, DGRAM).
    Local,
}

impl HeaderKind {
    /// Every kind, in the order of `ListenerStats::headers`.
    pub(crate) const ALL: [Self; 3] = [Self::V1, Self::V2, Self::Local];

    /// Its name in metrics and access records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Local => "local",
        }
    }
}
