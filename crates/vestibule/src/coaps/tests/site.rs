//! What the servers of the tests serve.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use vestibule_coap::{
    OptionNumber,
    endpoint::{self, ExchangeId},
};
use vestibule_dtls::server::AssociationId;

use super::client::answer;
use crate::coaps::{Application, Associations, Ended, Event, Messages, Peer, Setup};

/// Serves `echo` at once, `kept` as what `keep` was sent last, `later` by a task when it is let go, `wake` by a timer,
/// `hang` at shutdown, `forget` and `panic` not at all, `ping` with a ping, and `stall` when it is let go. A payload that
/// begins with `raw` is echoed as it is.
pub(super) struct Site {
    notes: Notes,
    worker: usize,
    messages: Messages<Later>,
    hanging: Vec<(AssociationId, ExchangeId)>,
    sleeping: Vec<(AssociationId, ExchangeId)>,
    kept: bytes::Bytes,
    /// Whether it fails with the next message of a task.
    is_clumsy: bool,
    gate: Gate,
}

/// What tasks say: what is to be answered.
pub(super) struct Later(AssociationId, ExchangeId);

/// What has happened, at any worker.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Vec<String>>>);

/// Held by who wants `stall` and `later` to wait.
pub(super) type Gate = Arc<Mutex<()>>;

impl Notes {
    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// How many begin with this.
    pub(super) fn count(&self, start: &str) -> usize {
        let notes = self.all();
        notes.iter().filter(|note| note.starts_with(start)).count()
    }

    fn add(&self, note: String) {
        self.0.lock().unwrap().push(note);
    }
}

impl Site {
    pub(super) fn new(setup: Setup<Later>, notes: Notes, gate: Gate) -> Self {
        Self {
            notes,
            worker: setup.worker,
            messages: setup.messages,
            hanging: Vec::new(),
            sleeping: Vec::new(),
            kept: bytes::Bytes::new(),
            is_clumsy: false,
            gate,
        }
    }

    fn respond(&mut self, peer: &mut Peer<'_>, request: endpoint::IncomingRequest) {
        let (id, exchange) = (peer.id(), request.exchange);
        match request.options.first(OptionNumber::URI_PATH) {
            Some(b"later") => {
                let (messages, gate) = (self.messages.clone(), self.gate.clone());
                // So that the answer is a message of its own.
                peer.accept(exchange);
                self.notes.add("has accepted".to_owned());
                tokio::task::spawn_local(async move {
                    let wait = || tokio::time::sleep(Duration::from_millis(20));
                    wait().await;
                    while gate.try_lock().is_err() {
                        wait().await;
                    }
                    assert!(messages.send(Later(id, exchange)).await.is_ok());
                });
            }
            Some(b"wake") => {
                self.sleeping.push((id, exchange));
                let soon = peer.now() + Duration::from_millis(30);
                peer.wake_at(Some(soon));
            }
            Some(b"hang") => {
                self.notes.add("hangs".to_owned());
                self.hanging.push((id, exchange));
            }
            Some(b"forget") => self.notes.add("has forgotten".to_owned()),
            Some(b"ping") => {
                peer.ping();
                peer.respond(exchange, answer("ping"));
            }
            Some(b"keep") => {
                self.kept = request.payload;
                peer.respond(exchange, answer(self.kept.clone()));
            }
            Some(b"kept") => peer.respond(exchange, answer(self.kept.clone())),
            Some(b"stumble") => {
                self.is_clumsy = true;
                peer.respond(exchange, answer("ready"));
            }
            Some(b"panic") => panic!("as it was asked to"),
            Some(b"stall") => {
                self.notes.add("stalls".to_owned());
                drop(self.gate.lock());
                peer.respond(exchange, answer("at last"));
            }
            Some(b"close") => {
                peer.respond(exchange, answer("good-bye"));
                peer.close();
            }
            Some(b"worker") => peer.respond(exchange, answer(self.worker.to_string())),
            _ => peer.respond(exchange, answer(request.payload)),
        }
    }
}

impl Application for Site {
    type Message = Later;

    fn concerns(message: &Later) -> Option<AssociationId> {
        Some(message.0)
    }

    fn handle_event(&mut self, peer: &mut Peer<'_>, event: Event) {
        match event {
            Event::Opened { agreement, .. } => {
                self.notes
                    .add(format!("opened {}", agreement.version.name()));
            }
            Event::Moved { path } => self.notes.add(format!("moved {}", path.remote)),
            Event::Coap(endpoint::Event::Request(request)) => self.respond(peer, request),
            Event::Heard => self.notes.add("heard".to_owned()),
            Event::Woken => {
                self.notes.add("woken".to_owned());
                let id = peer.id();
                for (_, exchange) in self.sleeping.extract_if(.., |(of, _)| *of == id) {
                    peer.respond(exchange, answer("good morning"));
                }
            }
            Event::Coap(_) => {}
        }
    }

    fn handle_closed(&mut self, associations: &mut Associations, ended: Ended) {
        assert!(associations.peer(ended.id).is_none());
        let Ended { why, meter, .. } = ended;
        assert!(meter.bytes_in > 300 && meter.bytes_out > 300, "{meter:?}");
        self.notes.add(format!("closed {}", why.name()));
    }

    fn handle_message(&mut self, associations: &mut Associations, message: Later) {
        let Later(id, exchange) = message;
        assert!(!self.is_clumsy, "as it was asked to");
        match associations.peer(id) {
            Some(mut peer) => {
                peer.respond(exchange, answer("later"));
                self.notes.add("has answered".to_owned());
            }
            None => self.notes.add("too late".to_owned()),
        }
    }

    fn handle_payload(&mut self, peer: &mut Peer<'_>, payload: &[u8]) -> bool {
        let is_raw = payload.starts_with(b"raw");
        if is_raw {
            peer.send_payload(payload).unwrap();
        }
        is_raw
    }

    fn handle_shutdown(&mut self, associations: &mut Associations) {
        for (id, exchange) in self.hanging.drain(..) {
            if let Some(mut peer) = associations.peer(id) {
                peer.respond(exchange, answer("the server ends"));
            }
        }
    }
}
