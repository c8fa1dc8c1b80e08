//! What the supervisor says to the thread of components.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{ComponentView, Spec};
use crate::{mailbox, sys::TcpOptions};

/// A request to the thread of components.
#[derive(Debug)]
pub(crate) enum Message {
    /// From now on, have exactly these components.
    Apply {
        /// In the order of the configuration.
        components: Vec<Arc<Spec>>,
        /// How long one that is not among them may wait for the answers that it still owes.
        drain_timeout: Duration,
        /// `[tcp]`, for new connections.
        tcp: TcpOptions,
    },
    /// Hand records over and end.
    Finish(oneshot::Sender<()>),
    /// End all components: what is pending is waited for so long. Answers when they have ended. May
    /// be said again with less time.
    Leave {
        limit: Duration,
        done: oneshot::Sender<()>,
    },
    /// Describe the components.
    Show(oneshot::Sender<Vec<ComponentView>>),
}

/// The thread's end.
pub(super) type Inbox = mailbox::Inbox<Message>;

/// The supervisor's end.
pub(crate) type Handle = mailbox::Handle<Message>;
