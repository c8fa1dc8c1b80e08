//! What the supervisor says to a worker.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{ConnectionView, registry::Selection};
use crate::{ending::Stop, mailbox, plan::Listener, sys::TcpOptions};

/// Names a listening address of the process, through all reloads that keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SocketId(pub(crate) u64);

/// A listening socket lent to one worker.
#[derive(Debug)]
pub(crate) enum Socket {
    /// TCP.
    Tcp(std::net::TcpListener),
    /// Unix.
    Unix(std::os::unix::net::UnixListener),
}

/// A request to a worker.
#[derive(Debug)]
pub(crate) enum Message {
    /// From now on, listen on exactly these sockets with these policies.
    Apply {
        /// Sockets it has and keeps. Others it has are closed after their queue was accepted.
        keep: HashMap<SocketId, Arc<Listener>>,
        /// Sockets that are new.
        add: Vec<(SocketId, Socket, Arc<Listener>)>,
        /// `limits.peek_timeout`.
        peek_timeout: Duration,
        /// `limits.handshake_timeout`.
        handshake_timeout: Duration,
        /// `[tcp]`, for the upstream leg.
        tcp: TcpOptions,
    },
    /// Flush the log and end.
    Finish(oneshot::Sender<()>),
    /// Describe the live connections.
    Show(oneshot::Sender<Vec<ConnectionView>>),
    /// End live connections; answers how many.
    Stop {
        /// Which.
        which: Selection,
        /// Why, as the access record will say.
        stop: Stop,
        /// How many there were.
        answer: oneshot::Sender<usize>,
    },
    /// Close every listening socket; answers when all that the kernel had established is accepted.
    StopListening(oneshot::Sender<()>),
}

/// The worker's end.
pub(crate) type Inbox = mailbox::Inbox<Message>;

/// The supervisor's end.
pub(crate) type Handle = mailbox::Handle<Message>;
