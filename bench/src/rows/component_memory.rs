use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_xmpp::framer::{Frame, Framer};
use vestibule_xmpp::stanza::{Reply, Stanza};

use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::load::{STALL, client_error};
use crate::peers::Service;
use crate::xmpp::{BOT, COMPONENT, DOMAIN, Kind, RESOURCE, malformed};

/// So many requests are carried before memory is read for the first time.
const BEFORE: u64 = 100_000;

/// So many requests are carried then.
const REQUESTS: u64 = 1_000_000;

/// So many are under way at once.
const WINDOW: u64 = 50;

/// The time in which memory settles before it is read.
const SETTLE: Duration = Duration::from_millis(500);

/// The memory that a component keeps of a million requests, each from another address. The row plays
/// the server itself, so that this does not take long.
pub(super) struct ComponentMemory;

impl Row for ComponentMemory {
    fn measure(&self, target: &Target<'_>, _window: &Window) -> Result<Sample, Error> {
        let listener = target.server.and_then(|server| server.listener.as_ref());
        let (Some(listener), Some(process)) = (listener, target.process) else {
            return Err(Error::Stalled);
        };
        let mut server = Server::accept(listener)?;
        server.find_way()?;
        server.carry(BEFORE)?;
        thread::sleep(SETTLE);
        let before = process.pss()?;
        let started = Instant::now();
        server.carry(REQUESTS)?;
        let rate = REQUESTS as f64 / started.elapsed().as_secs_f64();
        thread::sleep(SETTLE);
        let after = process.pss()?;
        Ok(Sample {
            cost: Some((after as f64 - before as f64) / 1e3),
            beside: rate,
            records: BEFORE + REQUESTS,
            failures: 0,
            foreign: 0.0,
        })
    }

    fn id(&self) -> &'static str {
        "component-memory"
    }

    fn title(&self) -> &'static str {
        "memory growth, a million XMPP requests"
    }

    fn cost_unit(&self) -> &'static str {
        "PSS kB in all"
    }

    fn beside_unit(&self) -> &'static str {
        "requests/s"
    }

    fn server(&self) -> Option<Kind> {
        Some(Kind::Own)
    }

    fn service(&self) -> Service {
        Service::Component
    }

    fn has_direct(&self) -> bool {
        false
    }
}

/// A server with one component and one client that answers.
struct Server {
    socket: TcpStream,
    framer: Framer,
    received: Box<[u8]>,
    /// Requests that were sent, which is also the number of the next one.
    sent: u64,
    results: u64,
    errors: u64,
}

impl Server {
    /// Waits for the component.
    fn accept(listener: &TcpListener) -> Result<Self, Error> {
        let deadline = Instant::now() + STALL;
        loop {
            match Self::shake_hands(listener) {
                // The component of the measurement before had come back, and was ended then.
                Err(Error::Truncated | Error::Io { .. }) if Instant::now() < deadline => {}
                result => return result,
            }
        }
    }

    /// Waits for a connection and its handshake, and accepts any secret.
    fn shake_hands(listener: &TcpListener) -> Result<Self, Error> {
        let mut server = Self {
            socket: accept(listener)?,
            framer: Framer::new(65_536),
            received: vec![0; 65_536].into(),
            sent: 0,
            results: 0,
            errors: 0,
        };
        server.read()?;
        let header = format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
             xmlns:stream='http://etherx.jabber.org/streams' id='1' from='{COMPONENT}'>"
        );
        server.write(header.as_bytes())?;
        let mut is_done = false;
        while !is_done {
            server.read()?;
            while let Some(frame) = server.framer.next_frame().map_err(malformed)? {
                is_done |= matches!(frame, Frame::Stanza(_));
            }
        }
        server.write(b"<handshake/>")?;
        Ok(server)
    }

    /// Asks until there is a result.
    fn find_way(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + STALL;
        while self.results == 0 {
            if Instant::now() > deadline {
                return Err(Error::Stalled);
            }
            let errors = self.errors;
            self.send(1)?;
            while self.results == 0 && self.errors == errors {
                self.step()?;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.errors = 0;
        Ok(())
    }

    /// Has so many requests answered.
    fn carry(&mut self, count: u64) -> Result<(), Error> {
        let mut rest = count - WINDOW;
        let mut in_flight = WINDOW;
        self.send(WINDOW)?;
        while in_flight > 0 {
            let results = self.results;
            self.step()?;
            if self.errors > 0 {
                return Err(Error::WrongAnswer);
            }
            let answered = self.results - results;
            let more = answered.min(rest);
            self.send(more)?;
            rest -= more;
            in_flight = in_flight - answered + more;
        }
        Ok(())
    }

    fn send(&mut self, count: u64) -> Result<(), Error> {
        let mut out = String::new();
        for id in self.sent..self.sent + count {
            out += &format!(
                "<iq type='get' id='{id}' from='user{id}@{DOMAIN}/r' to='{COMPONENT}'>\
                 <ping xmlns='urn:xmpp:ping'/></iq>"
            );
        }
        self.sent += count;
        self.write(out.as_bytes())
    }

    /// Reads once and handles what has come: answers in the name of the client, counts in the name
    /// of those who ask.
    fn step(&mut self) -> Result<(), Error> {
        self.read()?;
        let mut out = Vec::new();
        while let Some(frame) = self.framer.next_frame().map_err(malformed)? {
            let Frame::Stanza(raw) = frame else {
                return Err(Error::Truncated);
            };
            let stanza = Stanza::parse(raw).map_err(malformed)?;
            match (stanza.tag().name(), stanza.type_name()) {
                ("iq", "get") => stanza.question().reply(Reply::Result(""), &mut out),
                ("iq", "result") if is_for_its_requester(&stanza) => self.results += 1,
                ("iq", _) => self.errors += 1,
                ("presence", "subscribe") => out.extend_from_slice(
                    format!("<presence type='subscribed' from='{BOT}@{DOMAIN}' to='{COMPONENT}'/>")
                        .as_bytes(),
                ),
                ("presence", "probe") => out.extend_from_slice(
                    format!("<presence from='{BOT}@{DOMAIN}/{RESOURCE}' to='{COMPONENT}'/>")
                        .as_bytes(),
                ),
                _ => {}
            }
        }
        self.write(&out)
    }

    fn read(&mut self) -> Result<(), Error> {
        match self.socket.read(&mut self.received).map_err(client_error)? {
            0 => Err(Error::Truncated),
            length => {
                self.framer.receive(&self.received[..length]);
                Ok(())
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.socket.write_all(bytes).map_err(client_error)
    }
}

/// The number of a request is its id and in its sender's name.
fn is_for_its_requester(stanza: &Stanza<'_>) -> bool {
    let id = stanza.id.as_deref().unwrap_or_default();
    stanza.to.as_deref() == Some(&format!("user{id}@{DOMAIN}/r"))
        && stanza.from.as_deref() == Some(COMPONENT)
}

fn accept(listener: &TcpListener) -> Result<TcpStream, Error> {
    let failed = Error::io("accept the component's connection");
    let connect = || {
        listener.set_nonblocking(true)?;
        let deadline = Instant::now() + STALL;
        loop {
            match listener.accept() {
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline =>
                {
                    thread::sleep(Duration::from_millis(10));
                }
                accepted => {
                    let (socket, _) = accepted?;
                    socket.set_nonblocking(false)?;
                    socket.set_nodelay(true)?;
                    socket.set_read_timeout(Some(STALL))?;
                    return Ok(socket);
                }
            }
        }
    };
    connect().map_err(failed)
}
