//! What the clients of a thread are told by others than their peers.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use tokio::sync::oneshot;
use vestibule_lowband::{
    gateway::{AskId, HttpAnswer},
    mapping::paths::Prefix,
    sync::PollFailure,
};

use super::{Spec, meters::AssociationView};
use crate::coaps::Messages;

/// What the clients of a thread are told, of which each is known by a `K`.
pub(super) enum Message<K> {
    /// The homeserver has answered, or has not.
    Answered {
        /// Who has asked.
        client: K,
        /// What.
        ask: AskId,
        /// What has come of it.
        answer: Result<HttpAnswer, PollFailure>,
    },
    /// The gateway is served so from now on, and DTLS is spoken at this port.
    Configure(Arc<Spec>, u16),
    /// The homeserver has this version of the API.
    Learned(Prefix),
    /// Say who is there.
    Show(oneshot::Sender<Vec<AssociationView>>),
}

/// Where it is told what comes of a request at the homeserver.
pub(super) struct Reply<K: Copy + 'static> {
    pub(super) client: K,
    pub(super) ask: AskId,
    pub(super) messages: Messages<Message<K>>,
}

impl<K: Copy + 'static> Reply<K> {
    /// Waits for what comes of it, and tells that, even if it is a mistake of ours: nobody is to wait for
    /// ever. Dropped before, it tells nothing, for who drops it has cancelled the request.
    pub(super) async fn tell(self, asked: impl Future<Output = Result<HttpAnswer, PollFailure>>) {
        let mut asked = pin!(asked);
        let answer = poll_fn(|context| {
            let poll = AssertUnwindSafe(|| asked.as_mut().poll(context));
            catch_unwind(poll).unwrap_or(Poll::Ready(Err(PollFailure::Unreachable)))
        });
        let message = Message::Answered {
            client: self.client,
            ask: self.ask,
            answer: answer.await,
        };
        // Without the thread, nobody waits.
        let _ = self.messages.send(message).await;
    }
}

#[cfg(test)]
mod tests;
