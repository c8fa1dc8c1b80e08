//! What the program serves:
//!
//! - GET `/` and `/time`: the seconds since 1970;
//! - `/echo`: the body of the request;
//! - GET `/large?n=`: a body of this length;
//! - GET `/slow?ms=`: an answer after this time;
//! - GET `/whoami`: the association, and where its peer is;
//! - GET `/ticks`: a number that counts on, observable.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vestibule::coaps::coap::endpoint::{
    self, Assurance, ExchangeId, IncomingRequest, ObservationId, Observe, Response,
};
use vestibule::coaps::coap::{Code, ContentFormat, OptionList, OptionNumber};
use vestibule::coaps::dtls::server::AssociationId;
use vestibule::coaps::{Application, Associations, Ended, Event, Messages, Peer, Setup};
use vestibule_e2e::coap::pattern;

/// The longest body of `/large`.
const LARGEST: usize = 16 << 20;

/// What a worker serves.
pub(crate) struct Site {
    raw_echo: bool,
    tick: Duration,
    messages: Messages<Message>,
    observers: Vec<Observer>,
    ticks: u64,
    /// Whether the next tick is on its way.
    is_ticking: bool,
}

/// What tasks say.
pub(crate) enum Message {
    Answer(AssociationId, ExchangeId),
    Tick,
}

struct Observer {
    association: AssociationId,
    observation: ObservationId,
}

impl Site {
    pub(crate) fn new(setup: Setup<Message>, raw_echo: bool, tick: Duration) -> Self {
        Self {
            raw_echo,
            tick,
            messages: setup.messages,
            observers: Vec::new(),
            ticks: 0,
            is_ticking: false,
        }
    }

    fn handle_request(&mut self, peer: &mut Peer<'_>, request: IncomingRequest) {
        let exchange = request.exchange;
        let options = &request.options;
        let segments = options.all(OptionNumber::URI_PATH);
        let path = segments.collect::<Vec<_>>().join(&b'/');
        match &*path {
            b"" | b"time" => peer.respond(exchange, text(time().to_string())),
            b"echo" => {
                let code = match request.code {
                    Code::GET => Code::CONTENT,
                    _ => Code::CHANGED,
                };
                let format = options.uint(OptionNumber::CONTENT_FORMAT);
                peer.respond(exchange, response(code, format, request.payload));
            }
            b"large" => {
                let length = parameter(options, "n").min(LARGEST);
                peer.respond(exchange, response(Code::CONTENT, None, pattern(length)));
            }
            b"slow" => {
                let wait = Duration::from_millis(parameter(options, "ms") as u64);
                self.later(wait, Message::Answer(peer.id(), exchange));
            }
            b"whoami" => {
                let remote = peer.view().map(|view| view.path.remote);
                let remote = remote.map(|remote| remote.to_string()).unwrap_or_default();
                peer.respond(exchange, text(format!("{} {remote}", peer.id())));
            }
            b"ticks" => self.observe(peer, &request),
            _ => {
                let nothing = response(Code::NOT_FOUND, Some(0), "nothing here".into());
                peer.respond(exchange, nothing);
            }
        }
    }

    fn observe(&mut self, peer: &mut Peer<'_>, request: &IncomingRequest) {
        let state = text(self.ticks.to_string());
        let Some(Observe::Register { replaces }) = request.observe else {
            return peer.respond(request.exchange, state);
        };
        let association = peer.id();
        if let Some(replaced) = replaces {
            self.forget(association, replaced);
        }
        let observation = peer.respond_observed(request.exchange, state, Assurance::None);
        if let Some(observation) = observation {
            self.observers.push(Observer {
                association,
                observation,
            });
            self.keep_ticking();
        }
    }

    /// Counts on, and tells everybody who has the state before.
    fn count(&mut self, associations: &mut Associations) {
        self.ticks += 1;
        for observer in &self.observers {
            if let Some(mut peer) = associations.peer(observer.association) {
                // Who has not acknowledged the state before gets the next one.
                let _ = peer.notify(observer.observation, text(self.ticks.to_string()));
            }
        }
        self.is_ticking = false;
        self.keep_ticking();
    }

    fn keep_ticking(&mut self) {
        if !self.is_ticking && !self.observers.is_empty() {
            self.is_ticking = true;
            self.later(self.tick, Message::Tick);
        }
    }

    fn forget(&mut self, association: AssociationId, observation: ObservationId) {
        let gone = (association, observation);
        self.observers
            .retain(|it| (it.association, it.observation) != gone);
    }

    fn later(&self, wait: Duration, message: Message) {
        let messages = self.messages.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(wait).await;
            // The worker may have ended.
            let _ = messages.send(message).await;
        });
    }
}

impl Application for Site {
    type Message = Message;

    fn handle_event(&mut self, peer: &mut Peer<'_>, event: Event) {
        let id = peer.id();
        match event {
            Event::Opened { agreement, path } => {
                let (version, suite) = (agreement.version.name(), agreement.suite);
                let how = if agreement.resumed { "resumed" } else { "full" };
                let (remote, local) = (path.remote, path.local.address);
                let local = local.map(|local| local.to_string()).unwrap_or_default();
                println!("opened {id} {version} {suite:04x} {how} {remote} to {local}");
            }
            Event::Moved { path } => println!("moved {id} {}", path.remote),
            Event::Coap(endpoint::Event::Request(request)) => self.handle_request(peer, request),
            Event::Coap(endpoint::Event::ObservationEnded(observation, _)) => {
                self.forget(id, observation);
            }
            Event::Coap(endpoint::Event::NotificationFailed(observation, _)) => {
                peer.forget_observation(observation);
                self.forget(id, observation);
            }
            Event::Coap(_) | Event::Heard | Event::Woken => {}
        }
    }

    fn handle_closed(&mut self, _: &mut Associations, ended: Ended) {
        let Ended { id, why, meter } = ended;
        self.observers.retain(|observer| observer.association != id);
        println!(
            "closed {id} {} in {} {} out {} {}",
            why.name(),
            meter.datagrams_in,
            meter.bytes_in,
            meter.datagrams_out,
            meter.bytes_out
        );
    }

    fn handle_message(&mut self, associations: &mut Associations, message: Message) {
        match message {
            Message::Answer(id, exchange) => {
                if let Some(mut peer) = associations.peer(id) {
                    peer.respond(exchange, text("at last".to_owned()));
                }
            }
            Message::Tick => self.count(associations),
        }
    }

    fn handle_payload(&mut self, peer: &mut Peer<'_>, payload: &[u8]) -> bool {
        if self.raw_echo {
            // It may be closed already.
            let _ = peer.send_payload(payload);
        }
        self.raw_echo
    }
}

fn parameter(options: &OptionList, name: &str) -> usize {
    let mut queries = options.all(OptionNumber::URI_QUERY);
    let value = queries.find_map(|query| {
        let query = std::str::from_utf8(query).ok()?;
        query.strip_prefix(name)?.strip_prefix('=')?.parse().ok()
    });
    value.unwrap_or_default()
}

fn time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a time after 1970").as_secs()
}

fn text(text: String) -> Response {
    let format = u64::from(ContentFormat::TEXT.0);
    response(Code::CONTENT, Some(format), text.into())
}

fn response(code: Code, format: Option<u64>, payload: bytes::Bytes) -> Response {
    let mut options = OptionList::new();
    if let Some(format) = format {
        options.push_uint(OptionNumber::CONTENT_FORMAT, format);
    }
    Response {
        code,
        options,
        payload,
    }
}
