//! Carries a component's stream: bytes of the socket into the core, and what the core says back.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::time::Sleep;
use vestibule_xmpp::{
    stanza::{Kind, Stanza},
    stream::{self, Event, Failure, Stream},
};

use super::{
    Spec,
    link::{Link, Order},
    loss::Loss,
    shared::Shared,
    unsent::Unsent,
};
use crate::relay::Leg;

/// When so many bytes wait to be sent, nothing is read: who asks faster than the server takes answers
/// has to wait.
const MOST_UNSENT: usize = 1 << 20;

/// When the server takes nothing for a while, it may itself wait for us to read. So we do, until so
/// many bytes wait to be sent.
const MOST_STUCK: usize = 16 << 20;

/// How many bytes are read before all others of the thread have their turn.
const MOST_IN_TURN: usize = 256 << 10;

/// Questions that are not answered, after which the link is given up.
const MOST_TESTS: u32 = 3;

/// What the ids of our questions to ourselves begin with.
const TEST_ID: &str = "vestibule-alive-";

/// A link from its connection to its end.
pub(super) struct Pump<'a> {
    link: &'a Link,
    shared: &'a Shared,
    spec: Arc<Spec>,
    leg: Leg,
    stream: Stream,
    unsent: Unsent,
    /// Bytes that were read in this turn.
    read: usize,
    /// When it was looked at the clock last.
    now: Instant,
    begun: Instant,
    established: Option<Instant>,
    /// When the socket has taken something last.
    wrote: Instant,
    /// When the server is asked whether it is there.
    next_test: Instant,
    tests: u32,
    closing: Option<Closing>,
    /// A write has failed. What has come before is read nevertheless: it may say why.
    broken: Option<io::Error>,
}

/// How a link ends.
pub(super) enum Ended {
    /// The component has left.
    Left,
    Lost(Loss),
}

/// The end of the stream was said, or is about to be.
struct Closing {
    until: Instant,
    then: Ended,
    /// Whether FIN was sent as well.
    is_shut: bool,
}

/// Why the pump looks around.
enum Woken {
    Ended(Ended),
    Order(Order),
    /// Something has come, or is due.
    Progress,
}

impl<'a> Pump<'a> {
    /// `leg` is connected to the server of `spec`; nothing was said yet.
    pub(super) fn new(link: &'a Link, shared: &'a Shared, spec: Arc<Spec>, leg: Leg) -> Self {
        let now = Instant::now();
        // One that is larger could not be passed on.
        let limit = spec.settings().max_stanza;
        let stream = Stream::new(spec.domain(), &spec.secret(), limit);
        let mut unsent = Unsent::default();
        unsent.bytes().extend_from_slice(&stream.header());
        Self {
            link,
            shared,
            spec,
            leg,
            stream,
            unsent,
            read: 0,
            now,
            begun: now,
            established: None,
            wrote: now,
            next_test: now + shared.pace.silence,
            tests: 0,
            closing: None,
            broken: None,
        }
    }

    /// Since when the server has accepted us; `None`: it has not.
    pub(super) fn established(&self) -> Option<Instant> {
        self.established
    }

    /// How many bytes the server has not taken yet.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.len() + self.leg.owed()
    }

    /// Carries the stream until it ends.
    pub(super) async fn carry(&mut self) -> Ended {
        // Moved to an earlier time at once, to a later one only when it comes up: what is due moves
        // with every request.
        let mut armed = self.now;
        let mut timer = pin!(tokio::time::sleep_until(armed.into()));
        loop {
            self.now = Instant::now();
            if let Some(ended) = self.tend() {
                return ended;
            }
            let due = self.due();
            if due < armed || armed <= self.now {
                armed = due;
                timer.as_mut().reset(armed.into());
            }
            match poll_fn(|cx| self.poll(cx, timer.as_mut())).await {
                Woken::Ended(ended) => return ended,
                Woken::Order(order) => self.obey(order),
                Woken::Progress => {}
            }
        }
    }

    fn obey(&mut self, order: Order) {
        self.link.obey(order);
        let spec = self.link.spec();
        if !self.spec.has_place_of(&spec) {
            self.close(Ended::Lost(Loss::Moved));
        }
        self.spec = spec;
    }

    /// Does what is due, and fetches what the core has to say. Answers the end, when this is it.
    fn tend(&mut self) -> Option<Ended> {
        let (now, pace) = (self.now, &self.shared.pace);
        self.link.tend(now);
        if let Some(closing) = self.closing.take_if(|closing| closing.until <= now) {
            return Some(closing.then);
        }
        if self.closing.is_none() {
            if self.established.is_none() {
                if self.link.is_over(now) {
                    return Some(Ended::Left);
                }
                if now >= self.begun + pace.handshake {
                    return Some(Ended::Lost(Loss::HandshakeTimeout));
                }
            } else if now >= self.next_test {
                if self.tests >= MOST_TESTS {
                    return Some(Ended::Lost(Loss::Silent));
                }
                self.test();
            } else if self.is_quiet() && now >= self.wrote + pace.silence {
                // White space between stanzas (RFC 6120 section 4.6.1).
                self.unsent.bytes().push(b' ');
            }
            if self.established.is_some() && self.link.is_over(now) {
                self.link.core.borrow_mut().handle_stopped(now);
                self.fetch();
                self.close(Ended::Left);
            }
        }
        self.fetch();
        None
    }

    /// Takes what the core has to say.
    fn fetch(&mut self) {
        if self.established.is_some() && self.closing.is_none() {
            let mut core = self.link.core.borrow_mut();
            core.take_output(self.unsent.bytes());
        }
        self.link.tell(self.shared);
    }

    /// Asks ourselves a question, which goes through the server and comes back. Unlike an account or
    /// the server itself, we are known to be there and allowed to be asked.
    fn test(&mut self) {
        self.tests += 1;
        self.next_test = self.now + self.shared.pace.between_tests;
        // A domain has no characters that would have to be escaped.
        let (domain, number) = (self.link.domain(), self.tests);
        let test = format!(
            "<iq type='get' id='{TEST_ID}{number}' from='{domain}' to='{domain}'>\
             <ping xmlns='urn:xmpp:ping'/></iq>"
        );
        self.unsent.bytes().extend_from_slice(test.as_bytes());
    }

    /// Says the end of the stream, after what is not sent yet.
    fn close(&mut self, then: Ended) {
        if self.closing.is_some() {
            return;
        }
        self.fetch();
        self.unsent.bytes().extend_from_slice(stream::END);
        if self.established.is_some() && !matches!(then, Ended::Left) {
            // What it would say from now on could not be sent.
            self.link.core.borrow_mut().handle_lost(self.now);
        }
        self.closing = Some(Closing {
            until: self.now + self.shared.pace.farewell,
            then,
            is_shut: false,
        });
    }

    /// Whether nothing waits to be sent.
    fn is_quiet(&self) -> bool {
        self.unsent() == 0
    }

    /// When [`Self::tend`] is needed next.
    fn due(&self) -> Instant {
        let pace = &self.shared.pace;
        let mut due = self.now + Duration::from_secs(3600);
        let mut at = |time: Instant| due = due.min(time);
        if let Some(time) = self.link.core.borrow().poll_timeout() {
            at(time);
        }
        match (&self.closing, self.established) {
            (Some(closing), _) => at(closing.until),
            (None, None) => at(self.begun + pace.handshake),
            (None, Some(_)) => {
                at(self.next_test);
                if self.is_quiet() {
                    at(self.wrote + pace.silence);
                }
            }
        }
        if let (None, Some(until)) = (&self.closing, self.link.leaving()) {
            at(until);
        }
        if !self.may_read() && self.wrote + pace.stuck > self.now {
            at(self.wrote + pace.stuck);
        }
        due
    }

    fn may_read(&self) -> bool {
        let waiting = self.unsent();
        let is_stuck = self.now >= self.wrote + self.shared.pace.stuck;
        waiting < if is_stuck { MOST_STUCK } else { MOST_UNSENT }
    }

    fn poll(&mut self, cx: &mut Context<'_>, timer: Pin<&mut Sleep>) -> Poll<Woken> {
        if let Poll::Ready(order) = self.link.poll_order(cx) {
            return Poll::Ready(Woken::Order(order));
        }
        if self.broken.is_none()
            && let Err(error) = self.poll_write(cx)
        {
            self.broken = Some(error);
        }
        if self.read >= MOST_IN_TURN {
            self.read = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.may_read() || self.broken.is_some() {
            let mut scratch = self.shared.scratch.borrow_mut();
            match self.leg.poll_read(cx, &mut scratch) {
                Poll::Ready(Ok(0)) => return Poll::Ready(self.ended(Loss::Closed)),
                Poll::Ready(Ok(n)) => {
                    self.read += n;
                    return Poll::Ready(self.take(&scratch[..n]));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(self.failed(error)),
                Poll::Pending => self.read = 0,
            }
        }
        if let Some(error) = self.broken.take() {
            return Poll::Ready(self.failed(error));
        }
        timer.poll(cx).map(|()| Woken::Progress)
    }

    /// Writes what the socket takes.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.unsent.len() > 0 {
            match self.leg.poll_write(cx, self.unsent.next()) {
                Poll::Ready(written) => self.unsent.advance(written?),
                Poll::Pending => return Ok(()),
            }
            self.wrote = Instant::now();
        }
        if let Poll::Ready(flushed) = self.leg.poll_flush(cx) {
            flushed?;
            if let Some(closing) = self.closing.as_mut().filter(|closing| !closing.is_shut)
                && let Poll::Ready(shut) = self.leg.poll_shut_down(cx)
            {
                shut?;
                closing.is_shut = true;
            }
        }
        Ok(())
    }

    /// The connection has ended like this, which is fine where the end was near.
    fn ended(&mut self, loss: Loss) -> Woken {
        let closing = self.closing.take();
        Woken::Ended(closing.map_or(Ended::Lost(loss), |closing| closing.then))
    }

    fn failed(&mut self, error: io::Error) -> Woken {
        self.ended(match error.kind() {
            // With TLS, FIN without close_notify.
            io::ErrorKind::UnexpectedEof => Loss::Closed,
            _ => Loss::Io(error),
        })
    }

    /// Hands what has come to the core: all whole stanzas of it, before anything is sent.
    fn take(&mut self, bytes: &[u8]) -> Woken {
        if self.closing.is_some() {
            return Woken::Progress;
        }
        let now = Instant::now();
        self.tests = 0;
        self.next_test = now + self.shared.pace.silence;
        self.stream.receive(bytes);
        let (mut core, domain) = (self.link.core.borrow_mut(), self.link.domain());
        let ended = loop {
            match self.stream.next_event() {
                Ok(None) => break None,
                Ok(Some(Event::End)) => break Some(Loss::Ended),
                Ok(Some(Event::Established)) => {
                    self.established = Some(now);
                    self.link.set_connected();
                    let server = self.spec.server_label();
                    tracing::info!(component = domain, server, "component connected");
                    core.handle_established(now);
                }
                Ok(Some(Event::Send(bytes))) => self.unsent.bytes().extend_from_slice(&bytes),
                Ok(Some(Event::Stanza(stanza))) if is_test(&stanza, domain) => {}
                Ok(Some(Event::Stanza(stanza))) => core.handle_stanza(now, &stanza),
                Ok(Some(Event::TooLarge(stanza))) => core.handle_too_large(now, stanza.as_ref()),
                Err(failure) => break Some(Loss::Failed(failure)),
            }
        };
        drop(core);
        match ended {
            None => Woken::Progress,
            // What the stanzas before have caused is sent before the end.
            Some(loss @ Loss::Ended) => {
                self.fetch();
                self.close(Ended::Lost(loss));
                Woken::Progress
            }
            Some(Loss::Failed(Failure::Malformed(malformed))) => {
                self.fetch();
                let error = stream::error(malformed);
                // It ends with what closing says as well.
                let error = error.strip_suffix(stream::END).unwrap_or(&error);
                self.unsent.bytes().extend_from_slice(error);
                self.close(Ended::Lost(Loss::Failed(malformed.into())));
                Woken::Progress
            }
            Some(loss) => Woken::Ended(Ended::Lost(loss)),
        }
    }
}

/// Whether this is our own question, which has come back.
fn is_test(stanza: &Stanza<'_>, domain: &str) -> bool {
    stanza.kind == Kind::Iq
        && stanza.from.as_deref() == Some(domain)
        && stanza.to.as_deref() == Some(domain)
        && (stanza.id.as_deref()).is_some_and(|id| id.starts_with(TEST_ID))
}
