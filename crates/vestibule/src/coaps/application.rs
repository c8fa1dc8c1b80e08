//! What a server does, and how it is told what happens.

use tokio::sync::mpsc;
use vestibule_coap::endpoint;
use vestibule_dtls::{
    server::{AssociationId, Closed, Meter, Path},
    session::Agreement,
};

use super::{Associations, Peer};

/// What serves the associations of one worker. Each worker has one of its own, made and called on
/// the worker's thread, so it needs no locks.
///
/// Its methods must not block: all associations of the worker, and what comes to some sockets, wait
/// meanwhile. What takes time is a local task ([`tokio::task::spawn_local`]), which sends a
/// [`Self::Message`] when it is done; what has a time of its own is told by [`Peer::wake_at`]. A panic
/// in a method ends the association that it was called for.
pub trait Application: 'static {
    /// What local tasks send.
    type Message: 'static;

    /// Something has happened to an association.
    fn handle_event(&mut self, peer: &mut Peer<'_>, event: Event);

    /// An association is over. Answers that are still worked on for it have nowhere to go.
    fn handle_closed(&mut self, associations: &mut Associations, ended: Ended) {
        let _ = (associations, ended);
    }

    /// A task has sent something. The association that it is about may be over.
    fn handle_message(&mut self, associations: &mut Associations, message: Self::Message);

    /// Which association a message is about. If handling it panics, that one ends.
    fn concerns(message: &Self::Message) -> Option<AssociationId> {
        let _ = message;
        None
    }

    /// A payload has come. Whether it is taken: then it is not handled as a CoAP message.
    fn handle_payload(&mut self, peer: &mut Peer<'_>, payload: &[u8]) -> bool {
        let _ = (peer, payload);
        false
    }

    /// The server is about to end. It waits, as long as it was told to, until every request of the
    /// peers is answered: those that would take long are to be answered now, and those that come later
    /// at once.
    fn handle_shutdown(&mut self, associations: &mut Associations) {
        let _ = associations;
    }

    /// The same for each association that is there, after it.
    fn handle_shutdown_of(&mut self, peer: &mut Peer<'_>) {
        let _ = peer;
    }
}

/// What has happened to an association.
#[derive(Clone, Debug)]
pub enum Event {
    /// Its handshake is over: it is a new one.
    Opened {
        /// What was agreed.
        agreement: Agreement,
        /// Where the peer is.
        path: Path,
    },
    /// The peer has moved.
    Moved {
        /// Where it is now.
        path: Path,
    },
    /// Its CoAP endpoint says this.
    Coap(endpoint::Event),
    /// Something has come from the peer, whatever it was. What follows from it, if anything does, is
    /// told after this.
    Heard,
    /// It is the time that [`Peer::wake_at`] has set.
    Woken,
}

/// The end of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which one it was. No other one will have this id.
    pub id: AssociationId,
    /// Why.
    pub why: Closed,
    /// What it has carried.
    pub meter: Meter,
}

/// What an application is made with.
#[derive(Debug)]
pub struct Setup<M> {
    /// The number of its worker, from 0.
    pub worker: usize,
    /// How its tasks send messages to it.
    pub messages: Messages<M>,
}

/// Sends messages to the application of a worker.
#[derive(Debug)]
pub struct Messages<M>(mpsc::Sender<M>);

/// The worker is gone, or has too many messages waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSent<M>(pub M);

/// How many messages wait for an application. Who sends one more waits.
const WAITING: usize = 1024;

impl<M> Messages<M> {
    /// Sends a message; waits while too many others do.
    ///
    /// # Errors
    ///
    /// When the worker is gone.
    pub async fn send(&self, message: M) -> Result<(), NotSent<M>> {
        let sent = self.0.send(message).await;
        sent.map_err(|error| NotSent(error.0))
    }

    /// Sends a message without waiting.
    ///
    /// # Errors
    ///
    /// When the worker is gone, or too many others wait.
    pub fn try_send(&self, message: M) -> Result<(), NotSent<M>> {
        let sent = self.0.try_send(message);
        sent.map_err(|error| NotSent(error.into_inner()))
    }
}

impl<M> Clone for Messages<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Both ends.
pub(crate) fn messages<M>() -> (Messages<M>, mpsc::Receiver<M>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Messages(sender), receiver)
}
