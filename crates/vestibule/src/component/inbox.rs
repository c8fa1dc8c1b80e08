//! What the supervisor says to the thread of components.

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use tokio::sync::{mpsc, oneshot};

use super::{ComponentView, Spec};
use crate::sys::TcpOptions;

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
pub(super) type Inbox = mpsc::UnboundedReceiver<Message>;

/// The supervisor's end.
#[derive(Debug)]
pub(crate) struct Handle {
    sender: mpsc::UnboundedSender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// Both ends. Unbounded, because only operators, reloads and whoever reads metrics write to it.
pub(super) fn channel() -> (Handle, Inbox) {
    let (sender, inbox) = mpsc::unbounded_channel();
    let handle = Handle {
        sender,
        thread: None,
    };
    (handle, inbox)
}

impl Handle {
    /// This handle, which will join `thread`.
    pub(super) fn with_thread(mut self, thread: JoinHandle<()>) -> Self {
        self.thread = Some(thread);
        self
    }

    /// Sends a request. A thread that has ended takes none, which is fine while shutting down.
    pub(crate) fn send(&self, message: Message) {
        let _ = self.sender.send(message);
    }

    /// Sends a request, whose answer is still to be awaited.
    pub(crate) fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> oneshot::Receiver<T> {
        let (sender, answer) = oneshot::channel();
        self.send(message(sender));
        answer
    }

    /// Waits for the thread to end.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
