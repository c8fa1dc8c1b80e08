//! What the sockets and workers of a server count.

use crate::metrics::Sharded;

/// Counters of all workers.
#[derive(Debug)]
pub(crate) struct Counters {
    /// Datagrams received.
    pub(crate) datagrams_in: Sharded,
    /// Their bytes.
    pub(crate) bytes_in: Sharded,
    /// Datagrams sent.
    pub(crate) datagrams_out: Sharded,
    /// Their bytes.
    pub(crate) bytes_out: Sharded,
    /// Datagrams that another worker than that of their Connection ID looked at.
    pub(crate) strays: Sharded,
    /// Payloads that are no CoAP messages.
    pub(crate) malformed: Sharded,
    /// Panics of the application.
    pub(crate) panics: Sharded,
    dropped: [Sharded; Dropped::ALL.len()],
}

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// Received: longer than what is received.
    TooLong,
    /// Received: nothing can be sent to where it came from.
    Unanswerable,
    /// Received: its worker has too much before it.
    WorkerBusy,
    /// To be sent: the kernel had no room.
    SendFull,
    /// To be sent: the system refused, for want of a route or because of a firewall.
    SendRefused,
}

impl Dropped {
    /// Every reason.
    pub(crate) const ALL: [Self; 5] = [
        Self::TooLong,
        Self::Unanswerable,
        Self::WorkerBusy,
        Self::SendFull,
        Self::SendRefused,
    ];

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Unanswerable => "unanswerable",
            Self::WorkerBusy => "worker_busy",
            Self::SendFull => "send_full",
            Self::SendRefused => "send_refused",
        }
    }
}

impl Counters {
    /// Zeroes, for this many workers.
    pub(crate) fn new(workers: usize) -> Self {
        let zero = || Sharded::new(workers);
        Self {
            datagrams_in: zero(),
            bytes_in: zero(),
            datagrams_out: zero(),
            bytes_out: zero(),
            strays: zero(),
            malformed: zero(),
            panics: zero(),
            dropped: Dropped::ALL.map(|_| zero()),
        }
    }

    /// Datagrams dropped for this reason.
    pub(crate) fn dropped(&self, why: Dropped) -> &Sharded {
        &self.dropped[why as usize]
    }
}
