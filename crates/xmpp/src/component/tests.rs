//! A component, a virtual clock, and stanzas as texts.

mod addresses;
mod failover;
mod links;
mod refusals;
mod resources;
mod spread;
mod table;

use std::time::{Duration, Instant};

use super::*;
use crate::{
    framer::{Frame, Framer},
    token::Key,
};

const DOMAIN: &str = "p.example";
const TARGET: &str = "bot@b.example";
const USER: &str = "user@a.example/abc";

struct Lab {
    component: Component,
    start: Instant,
    now: Instant,
    events: Vec<Event>,
}

fn settings() -> Settings {
    Settings {
        domain: DOMAIN.to_owned(),
        targets: vec![TARGET.to_owned()],
        ..Settings::default()
    }
}

fn tokens() -> Tokens {
    Tokens::new(DOMAIN, &[Key::new([1; 32])])
}

impl Lab {
    /// A component whose link is not there.
    fn without_link(settings: Settings) -> Self {
        let start = Instant::now();
        Self {
            component: Component::new(settings, tokens(), [7; 32]),
            start,
            now: start,
            events: Vec::new(),
        }
    }

    /// A component with a link, a subscription and these resources of its target.
    fn with(settings: Settings, resources: &[&str]) -> Self {
        let mut lab = Self::without_link(settings);
        lab.component.handle_established(lab.now);
        lab.sends(&format!(
            "<presence type='subscribed' from='{TARGET}' to='{DOMAIN}'/>"
        ));
        for resource in resources {
            lab.comes(resource, "");
        }
        lab.pass(Duration::from_secs(3));
        lab.events.clear();
        lab
    }

    fn new(resources: &[&str]) -> Self {
        Self::with(settings(), resources)
    }

    /// Hands stanzas over; what the component sends.
    fn sends(&mut self, text: &str) -> Vec<String> {
        let mut framer = framer();
        framer.receive(text.as_bytes());
        while let Some(frame) = framer.next_frame().expect("XML") {
            let Frame::Stanza(raw) = frame else {
                panic!("{frame:?}");
            };
            let stanza = Stanza::parse(raw).expect("a stanza");
            self.component.handle_stanza(self.now, &stanza);
        }
        self.output()
    }

    /// What is to be sent.
    fn output(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        self.component.take_output(&mut out);
        self.events
            .extend(std::iter::from_fn(|| self.component.poll_event()));
        let mut framer = framer();
        framer.receive(&out);
        let mut stanzas = Vec::new();
        while let Some(frame) = framer.next_frame().expect("XML") {
            let Frame::Stanza(raw) = frame else {
                panic!("{frame:?}");
            };
            let from = Stanza::parse(raw).expect("a stanza").from.expect("from");
            assert_eq!(jid::domain(&from), DOMAIN, "{raw}");
            stanzas.push(raw.to_owned());
        }
        stanzas
    }

    /// Time passes; what the component sends meanwhile.
    fn pass(&mut self, time: Duration) -> Vec<String> {
        let until = self.now + time;
        let mut sent = Vec::new();
        while let Some(due) = self.component.poll_timeout().filter(|due| *due <= until) {
            assert!(due >= self.start);
            self.now = self.now.max(due);
            self.component.handle_timeout(self.now);
            sent.extend(self.output());
        }
        self.now = until;
        sent
    }

    /// The resource is there; `inside` is what its presence says.
    fn comes(&mut self, resource: &str, inside: &str) -> Vec<String> {
        self.sends(&format!(
            "<presence from='{TARGET}/{resource}' to='{DOMAIN}'>{inside}</presence>"
        ))
    }

    fn goes(&mut self, resource: &str) -> Vec<String> {
        self.sends(&format!(
            "<presence type='unavailable' from='{TARGET}/{resource}' to='{DOMAIN}'/>"
        ))
    }

    /// The user asks; what the component sends.
    fn asks(&mut self, kind: &str, id: &str) -> Vec<String> {
        self.sends(&request(USER, DOMAIN, kind, id))
    }

    /// The user asks; the one stanza that goes to a resource.
    #[track_caller]
    fn asked(&mut self, kind: &str, id: &str) -> Sent {
        one(&self.asks(kind, id))
    }

    /// The outcomes that were told since the last time.
    fn outcomes(&mut self) -> Vec<&'static str> {
        let events = std::mem::take(&mut self.events);
        let name = |event| match event {
            Event::Request(record) => Some(record.outcome.name()),
            _ => None,
        };
        events.into_iter().filter_map(name).collect()
    }

    /// What was dropped, and how often.
    fn drops(&self) -> Vec<(&'static str, u64)> {
        let all = Dropped::ALL.iter();
        let counts = all.map(|reason| (reason.name(), self.component.dropped(*reason)));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

fn framer() -> Framer {
    let mut framer = Framer::new(1 << 20);
    framer.receive(b"<stream:stream xmlns='jabber:component:accept'>");
    assert!(matches!(framer.next_frame(), Ok(Some(Frame::Header(_)))));
    framer
}

/// What matters of a stanza that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    name: String,
    kind: String,
    from: String,
    to: String,
    id: String,
    condition: String,
    raw: String,
}

#[track_caller]
fn one(sent: &[String]) -> Sent {
    assert_eq!(sent.len(), 1, "{sent:#?}");
    read(&sent[0])
}

fn read(raw: &str) -> Sent {
    let stanza = Stanza::parse(raw).expect("a stanza");
    let text =
        |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().unwrap_or("").to_owned();
    let error = stanza.error().expect("XML");
    Sent {
        name: stanza.tag().name().to_owned(),
        kind: stanza.type_name().to_owned(),
        from: text(&stanza.from),
        to: text(&stanza.to),
        id: text(&stanza.id),
        condition: error.map_or("", |error| error.condition).to_owned(),
        raw: raw.to_owned(),
    }
}

/// A request with a payload of its own namespace.
fn request(from: &str, to: &str, kind: &str, id: &str) -> String {
    format!("<iq type='{kind}' from='{from}' to='{to}' id='{id}'><x xmlns='urn:x'/></iq>")
}

/// What the resource answers that was asked.
fn answer(asked: &Sent, kind: &str) -> String {
    format!(
        "<iq type='{kind}' from='{}' to='{}' id='{}'><x xmlns='urn:x'>yes</x></iq>",
        asked.to, asked.from, asked.id
    )
}

/// The error that the resource, or its server, answers.
fn bounce(asked: &Sent, condition: &str) -> String {
    format!(
        "<iq type='error' from='{}' to='{}' id='{}'><error type='cancel'>\
         <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        asked.to, asked.from, asked.id
    )
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
