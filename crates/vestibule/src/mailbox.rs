//! What is said to a thread.

use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

/// The thread's end.
pub(crate) type Inbox<M> = mpsc::UnboundedReceiver<M>;

/// The other end: says things to the thread, and waits for it.
#[derive(Debug)]
pub(crate) struct Handle<M> {
    sender: mpsc::UnboundedSender<M>,
    thread: Option<JoinHandle<()>>,
}

/// Both ends. Unbounded, because only operators, reloads and whoever reads metrics write to it.
pub(crate) fn channel<M>() -> (Handle<M>, Inbox<M>) {
    let (sender, inbox) = mpsc::unbounded_channel();
    let handle = Handle {
        sender,
        thread: None,
    };
    (handle, inbox)
}

impl<M> Handle<M> {
    /// This handle, which will join `thread`.
    pub(crate) fn with_thread(mut self, thread: JoinHandle<()>) -> Self {
        self.thread = Some(thread);
        self
    }

    /// Sends a request. A thread that has ended takes none, which is fine while shutting down.
    pub(crate) fn send(&self, message: M) {
        let _ = self.sender.send(message);
    }

    /// Sends a request, whose answer is still to be awaited.
    pub(crate) fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> M,
    ) -> oneshot::Receiver<T> {
        let (sender, answer) = oneshot::channel();
        self.send(message(sender));
        answer
    }

    /// What says things to the thread, and the thread.
    pub(crate) fn split(self) -> (mpsc::UnboundedSender<M>, Option<JoinHandle<()>>) {
        (self.sender, self.thread)
    }

    /// Says nothing more, and waits for the thread to end.
    pub(crate) fn end(self) {
        let (sender, thread) = self.split();
        drop(sender);
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    /// Waits for the thread to end.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
