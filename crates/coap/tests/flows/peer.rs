//! One endpoint, and a peer that sends what the test says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vestibule_coap::endpoint::{Budget, Config, Endpoint, Event, IncomingRequest};
use vestibule_coap::vectors::unhex;

use crate::line::{Names, Owner};

/// The endpoint under test, as the server or as the client of a peer.
pub(crate) struct Peer {
    pub(crate) endpoint: Endpoint,
    pub(crate) now: Instant,
    us: Owner,
    names: Names,
}

impl Peer {
    /// The peer is a client.
    pub(crate) fn of_server(config: Config) -> Self {
        Self::new(Owner::Server, config)
    }

    /// The peer is a server.
    pub(crate) fn of_client(config: Config) -> Self {
        Self::new(Owner::Client, config)
    }

    fn new(us: Owner, config: Config) -> Self {
        Self {
            endpoint: Endpoint::new(Arc::new(config), Budget::new(1 << 20), [3; 32]),
            now: Instant::now(),
            us,
            names: Names::default(),
        }
    }

    /// The peer sends: hexadecimal digits, text in quotes, and `{A}` for the id of that name.
    pub(crate) fn receives(&mut self, datagram: &str) {
        let mut text = datagram.to_owned();
        while let Some((before, name, after)) = placeholder(&text) {
            text = format!("{before}{:04x}{after}", self.names.id(name));
        }
        let bytes = unhex(&text);
        self.endpoint
            .handle_datagram(self.now, &bytes)
            .expect("a message");
        self.names.see(self.us.other(), &bytes);
    }

    /// The next datagram that the endpoint sends is this line.
    pub(crate) fn sends(&mut self, line: &str) {
        let datagram = self.endpoint.poll_transmit();
        let sent = datagram.map(|datagram| self.names.line(self.us, &datagram));
        assert_eq!(sent.as_deref(), Some(line));
    }

    /// The endpoint has nothing to send and nothing to say.
    pub(crate) fn is_silent(&mut self) {
        let datagram = self.endpoint.poll_transmit();
        let sent = datagram.map(|datagram| self.names.line(self.us, &datagram));
        assert_eq!(sent, None);
        let event = told(&mut self.endpoint);
        assert!(event.is_none(), "{event:?}");
    }

    pub(crate) fn event(&mut self) -> Event {
        told(&mut self.endpoint).expect("an event")
    }

    pub(crate) fn asked(&mut self) -> IncomingRequest {
        match self.event() {
            Event::Request(request) => request,
            event => panic!("{event:?} in place of a request"),
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.endpoint.poll_timeout().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.endpoint.handle_timeout(self.now);
        }
        self.now = end;
    }
}

/// What has happened next, but for requests that the application does not get.
pub(crate) fn told(endpoint: &mut Endpoint) -> Option<Event> {
    loop {
        match endpoint.poll_event() {
            Some(Event::Partial(_)) => {}
            event => return event,
        }
    }
}

/// The text before the first placeholder, its name, and the text after it.
fn placeholder(text: &str) -> Option<(&str, char, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name.chars().next()?, after))
}
