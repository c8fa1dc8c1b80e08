//! Time to cut a stream into stanzas, to give one other addresses, to make and to read a token, and
//! to pass a request and its answer through a component.
//!
//! `cargo bench -p vestibule-xmpp`; the limits are a million small stanzas per second in `frames`,
//! two microseconds for the usual token in `tokens::round_trip` and eight in `component`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher};
use vestibule_xmpp::component::{About, Answerer, Component, Settings};
use vestibule_xmpp::framer::{Frame, Framer};
use vestibule_xmpp::stanza::{Addresses, Reply, Stanza};
use vestibule_xmpp::token::{Key, Tokens};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                      xmlns:stream='http://etherx.jabber.org/streams' id='3' from='b.example'>";

/// As Prosody writes it.
const SMALL: &str = "<iq id=\"7b75adf9-42\" xml:lang=\"en\" type=\"get\" from=\"user@some-domain.example/abc\" to=\"proxy.some-domain.example\"><query xmlns=\"jabber:iq:version\"/></iq>";

fn main() {
    divan::main();
}

/// Stanzas of about this many bytes each, so many that they are 64 KiB.
fn stream(stanza: &str) -> (String, usize) {
    let count = (65_536 / stanza.len()).max(1);
    (stanza.repeat(count), count)
}

/// A small stanza, and one whose payload is 40,000 bytes of base64.
fn stanza(name: &str) -> String {
    match name {
        "small" => SMALL.to_owned(),
        _ => format!(
            "<iq type='set' id='8' from='user@some-domain.example/abc' to='b.example'><data \
             xmlns='http://jabber.org/protocol/ibb' sid='1' seq='0'>{}</data></iq>",
            "qANQR1DB".repeat(5_000)
        ),
    }
}

/// Stanzas in segments of 16 KiB: framed, and their start tags read.
#[divan::bench(args = ["small", "large"])]
fn stanzas(bencher: Bencher<'_, '_>, name: &str) {
    let (stream, count) = stream(&stanza(name));
    let mut framer = established();
    bencher
        .counter(ItemsCount::new(count))
        .counter(BytesCount::of_str(&stream))
        .bench_local(|| {
            let mut seen = 0;
            for segment in stream.as_bytes().chunks(16_384) {
                framer.receive(black_box(segment));
                while let Ok(Some(frame)) = framer.next_frame() {
                    let Frame::Stanza(raw) = frame else {
                        panic!("{frame:?}")
                    };
                    seen += usize::from(Stanza::parse(raw).is_ok());
                }
            }
            assert_eq!(seen, count);
        });
}

/// The same without reading the start tags.
#[divan::bench(args = ["small", "large"])]
fn frames(bencher: Bencher<'_, '_>, name: &str) {
    let (stream, count) = stream(&stanza(name));
    let mut framer = established();
    bencher
        .counter(ItemsCount::new(count))
        .counter(BytesCount::of_str(&stream))
        .bench_local(|| {
            let mut seen = 0;
            for segment in stream.as_bytes().chunks(16_384) {
                framer.receive(black_box(segment));
                while let Ok(Some(frame)) = framer.next_frame() {
                    seen += usize::from(matches!(black_box(frame), Frame::Stanza(_)));
                }
            }
            assert_eq!(seen, count);
        });
}

/// One stanza with other addresses, into a buffer that is there already.
#[divan::bench(args = ["small", "large"])]
fn readdress(bencher: Bencher<'_, '_>, name: &str) {
    let raw = stanza(name);
    let stanza = Stanza::parse(&raw).expect("a stanza");
    let new = Addresses {
        from: "proxy.some-domain.example/AmfKaQVYhIHqy3Yb8d0VZcFkYkvrQ0n0yZ0hQ",
        id: None,
        to: "some-user@some-domain.example/a",
    };
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        stanza.readdress(black_box(&new), &mut out);
    });
}

/// A request comes, goes to a resource, its answer comes and goes back: four small stanzas, of which
/// two are framed and read.
#[divan::bench]
fn component(bencher: Bencher<'_, '_>) {
    let mut way = Way::new();
    way.carry(SMALL);
    let asked = String::from_utf8(way.out.clone()).expect("a request");
    let mut answer = Vec::new();
    let question = Stanza::parse(&asked).expect("a request");
    let result = Reply::Result("<query xmlns='jabber:iq:version'><name>x</name></query>");
    question.question().reply(result, &mut answer);
    let answer = String::from_utf8(answer).expect("an answer");
    way.carry(&answer);
    assert!(way.out.starts_with(b"<iq") && way.component.pending() == 0);
    bencher.bench_local(|| {
        way.carry(black_box(SMALL));
        assert_eq!(way.out.len(), asked.len());
        way.carry(black_box(&answer));
    });
    assert_eq!(way.component.pending(), 0);
}

/// A component with one resource, and what its link would need.
struct Way {
    component: Component,
    framer: Framer,
    now: Instant,
    out: Vec<u8>,
}

impl Way {
    fn new() -> Self {
        let domain = "proxy.some-domain.example";
        let settings = Settings {
            domain: domain.to_owned(),
            targets: vec!["some-user@some-domain.example".to_owned()],
            about: About {
                version: Answerer::Forward,
                ..About::default()
            },
            ..Settings::default()
        };
        let tokens = Tokens::new(domain, &[Key::new([7; 32])]);
        let mut way = Self {
            component: Component::new(settings, tokens, [7; 32]),
            framer: established(),
            now: Instant::now(),
            out: Vec::new(),
        };
        way.component.handle_established(way.now);
        for from in [
            "some-user@some-domain.example' type='subscribed",
            "some-user@some-domain.example/a",
        ] {
            way.carry(&format!("<presence from='{from}' to='{domain}'/>"));
        }
        way.now += Duration::from_secs(10);
        way.component.handle_timeout(way.now);
        way
    }

    /// Hands over what has come; what is to be sent is in `out` then.
    fn carry(&mut self, text: &str) {
        self.now += Duration::from_micros(10);
        self.framer.receive(text.as_bytes());
        while let Ok(Some(Frame::Stanza(raw))) = self.framer.next_frame() {
            let stanza = Stanza::parse(raw).expect("a stanza");
            self.component.handle_stanza(self.now, &stanza);
        }
        self.out.clear();
        self.component.take_output(&mut self.out);
        while self.component.poll_event().is_some() {}
    }
}

mod tokens {
    use super::*;

    const HOLDER: &str = "some-user@some-domain.example";

    fn tokens() -> Tokens {
        Tokens::new("proxy.some-domain.example", &[Key::new([7; 32])])
    }

    /// Whose addresses.
    fn addresses(name: &str) -> (String, &'static str) {
        match name {
            "usual" => (
                "user@some-domain.example/abc".to_owned(),
                "proxy.some-domain.example",
            ),
            _ => (
                format!("user@some-domain.example/{}", "x".repeat(600)),
                "n@proxy.some-domain.example/r1",
            ),
        }
    }

    #[divan::bench(args = ["usual", "long"])]
    fn make(bencher: Bencher<'_, '_>, name: &str) {
        let (tokens, (sender, asked)) = (tokens(), addresses(name));
        bencher.bench_local(|| tokens.make(HOLDER, black_box(&sender), asked));
    }

    #[divan::bench(args = ["usual", "long"])]
    fn read(bencher: Bencher<'_, '_>, name: &str) {
        let (tokens, (sender, asked)) = (tokens(), addresses(name));
        let token = tokens.make(HOLDER, &sender, asked).expect("a token");
        bencher.bench_local(|| tokens.read(HOLDER, black_box(&token)));
    }

    #[divan::bench(args = ["usual", "long"])]
    fn round_trip(bencher: Bencher<'_, '_>, name: &str) {
        let (tokens, (sender, asked)) = (tokens(), addresses(name));
        bencher.bench_local(|| {
            let token = tokens.make(HOLDER, black_box(&sender), asked);
            tokens.read(HOLDER, &token.expect("a token"))
        });
    }
}

/// A framer that has read the header.
fn established() -> Framer {
    let mut framer = Framer::new(500_000);
    framer.receive(HEADER.as_bytes());
    assert!(matches!(framer.next_frame(), Ok(Some(Frame::Header(_)))));
    framer
}
