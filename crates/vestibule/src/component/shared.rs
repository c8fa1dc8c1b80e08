//! What all components of the process share: their thread.

use std::{cell::RefCell, rc::Rc, time::Duration};

use tokio::sync::Notify;

use crate::{
    log::access,
    sys::TcpOptions,
    tls::{Buffers, Turns},
    upstream::Lookups,
};

/// Bytes of the buffer that all links read into, one after the other.
const SCRATCH: usize = 64 * 1024;

/// Between handing access records over.
const RECORDS: Duration = Duration::from_millis(100);

/// How long things take.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// To connect, TLS included.
    pub(super) connect: Duration,
    /// From the connection until the server has accepted us.
    pub(super) handshake: Duration,
    /// After so long without a byte we say something, and ask when we have heard nothing.
    pub(super) silence: Duration,
    /// Between questions that are not answered.
    pub(super) between_tests: Duration,
    /// When a server takes nothing for so long, it may itself wait for us to read.
    pub(super) stuck: Duration,
    /// Before the second attempt to connect; then it doubles.
    pub(super) first_wait: Duration,
    /// The most that is waited between attempts.
    pub(super) longest_wait: Duration,
    /// A link that has lived so long was a good one.
    pub(super) settled: Duration,
    /// For the end of a stream, in both directions.
    pub(super) farewell: Duration,
    /// Before a component begins anew that has failed by a mistake of ours.
    pub(super) recovery: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(10),
            handshake: seconds(10),
            silence: seconds(60),
            between_tests: seconds(20),
            stuck: seconds(1),
            first_wait: seconds(1),
            longest_wait: seconds(60),
            settled: seconds(60),
            farewell: seconds(3),
            recovery: seconds(1),
        }
    }
}

/// What all components of the process share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) buffers: Rc<Buffers>,
    pub(super) turns: Turns,
    pub(super) lookups: Rc<Lookups>,
    pub(super) options: RefCell<TcpOptions>,
    pub(super) scratch: RefCell<Box<[u8]>>,
    pub(super) pace: Pace,
    access: access::Buffer,
    recorded: Notify,
}

impl Shared {
    /// For this thread.
    pub(super) fn new(access: access::Buffer, pace: Pace, options: TcpOptions) -> Rc<Self> {
        Rc::new(Self {
            buffers: Buffers::new(),
            turns: Turns::new(),
            lookups: Lookups::new(),
            options: RefCell::new(options),
            scratch: RefCell::new(vec![0; SCRATCH].into()),
            pace,
            access,
            recorded: Notify::new(),
        })
    }

    /// Writes the record of a request.
    pub(super) fn record(&self, record: &access::ComponentRecord<'_>) {
        if self.access.enabled() {
            self.access.write_component(record);
            self.recorded.notify_one();
        }
    }

    /// Hands records over a little after they were written, for ever.
    pub(super) async fn keep_flushing(&self) {
        loop {
            self.recorded.notified().await;
            tokio::time::sleep(RECORDS).await;
            self.flush();
        }
    }

    /// Hands records over now.
    pub(super) fn flush(&self) {
        self.access.flush();
    }
}
