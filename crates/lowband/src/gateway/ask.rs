//! What a gateway asks the homeserver.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::mapping::server::HttpRequest;

/// Which request of a gateway. Each gateway counts its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AskId(u64);

/// What is to be asked of the homeserver.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Send this request. [`Gateway::handle_answer`](super::Gateway::handle_answer) is to be told what
    /// has come of it, once.
    Request {
        /// By this the answer is told.
        id: AskId,
        /// The request.
        request: Box<HttpRequest>,
        /// After this time without a whole answer it has
        /// [timed out](crate::sync::PollFailure::TimedOut).
        timeout: Duration,
    },
    /// The answer is not needed any more. Whether one is told makes no difference.
    Cancel(AskId),
}

/// What the homeserver has answered.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The header Retry-After.
    pub retry_after: Option<String>,
    /// The body, whole.
    pub body: Bytes,
}

impl fmt::Debug for HttpAnswer {
    /// Without the body, which has secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("body", &self.body.len())
            .finish()
    }
}

/// What is to be asked, in its order.
#[derive(Debug, Default)]
pub(super) struct Asks {
    last_id: u64,
    pending: VecDeque<Ask>,
}

impl Asks {
    pub(super) fn request(&mut self, request: Box<HttpRequest>, timeout: Duration) -> AskId {
        self.last_id += 1;
        let id = AskId(self.last_id);
        self.pending.push_back(Ask::Request {
            id,
            request,
            timeout,
        });
        id
    }

    pub(super) fn cancel(&mut self, id: AskId) {
        let before = self.pending.len();
        self.pending
            .retain(|ask| !matches!(ask, Ask::Request { id: other, .. } if *other == id));
        if self.pending.len() == before {
            self.pending.push_back(Ask::Cancel(id));
        }
    }

    pub(super) fn poll(&mut self) -> Option<Ask> {
        self.pending.pop_front()
    }
}
