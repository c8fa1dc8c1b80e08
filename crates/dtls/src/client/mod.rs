//! One association with a server: [`Client`].
//!
//! The client verifies the server before anything of the application passes in either direction, also when a session is
//! resumed. What it learns of servers it keeps in a [`Memory`], which the clients of a process share.

mod config;
mod event;
mod memory;
mod refusal;
mod server_hello;
mod state;
mod trust;
mod verify;

#[cfg(feature = "test-vectors")]
pub mod vectors;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

pub use config::{Config, HANDSHAKE_TIMEOUT, PeerName, PeerNameError, Versions};
pub use event::{Closed, Event, Stall};
pub use memory::Memory;
pub use refusal::Refusal;
pub use rustls_pki_types::UnixTime;
pub use trust::{Fingerprint, FingerprintError, Roots, RootsError, Trust};

use self::{
    memory::{Kept, Key},
    server_hello::ServerHellos,
    state::{Stack, State, transmissions},
    verify::verify,
};
use crate::{
    session::{Agreement, Fault, SendError, Version},
    stack::{self, ClientSettings},
    wire::{Kind, records_without_id},
};

/// The content type of alerts (RFC 8446 section B.1).
const ALERT: u8 = 21;

/// The bytes of one without protection, with its header.
const ALERT_RECORD: usize = 15;

/// How long a client that has ended its association goes on until the server can understand that.
const LINGER: Duration = Duration::from_secs(5);

/// One association with a server, without sockets and clocks.
///
/// Datagrams of the server go in by [`Self::handle_datagram`], and time by [`Self::handle_timeout`]. After each call
/// there may be datagrams in [`Self::poll_transmit`], which has the first hello from the start, events in
/// [`Self::poll_event`], and another time in [`Self::poll_timeout`]. Both queues hold what the calls since they were
/// emptied last have brought: empty them after each.
pub struct Client {
    config: Config,
    memory: Memory,
    key: Key,
    version: Version,
    started: Instant,
    /// What a clock on the wall showed then.
    time: UnixTime,
    /// When the handshake is given up, or the goodbye. `None`: beyond what a clock can show.
    deadline: Option<Instant>,
    state: State,
    /// Of the server: those of the session that is offered, until others are shown.
    certificates: Arc<[Vec<u8>]>,
    agreement: Option<Agreement>,
    hellos: ServerHellos,
    /// Whether anything like DTLS has come.
    answered: bool,
    /// The last alert that came in clear.
    alert: Option<u8>,
    outgoing: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

impl Client {
    /// Begins an association. `time` is what a clock on the wall shows at `now`: certificates are judged by it. A
    /// session that `memory` has of this server is offered if its certificates would be accepted at this time.
    ///
    /// # Errors
    /// The stack does not work: there is no randomness, for example.
    pub fn new(
        config: Config,
        memory: Memory,
        now: Instant,
        time: UnixTime,
    ) -> Result<Self, Fault> {
        Self::with_stack(config, memory, now, time, |settings| {
            Ok(Box::new(stack::connect(settings, now)?))
        })
    }

    fn with_stack(
        config: Config,
        memory: Memory,
        now: Instant,
        time: UnixTime,
        connect: impl FnOnce(&ClientSettings) -> Result<Box<dyn Stack>, Fault>,
    ) -> Result<Self, Fault> {
        let key = Key::of(&config);
        let known = memory.recall(&key);
        let version = match config.versions {
            Versions::Only(version) => version,
            Versions::Remembered if known.offers_13 => Version::Dtls13,
            Versions::Remembered | Versions::Fallback => Version::Dtls12,
        };
        let mut session = known.session.filter(|kept| kept.version == version);
        if let Some(kept) = &session
            && verify(&kept.chain, &config.trust, &config.name, time).is_err()
        {
            // The server may have another certificate by now.
            memory.forget_session(&key);
            session = None;
        }
        let (resumption, certificates) = match session {
            Some(kept) => (Some(kept.resumption), kept.chain),
            None => (None, Arc::default()),
        };
        let stack = connect(&ClientSettings {
            version,
            server_name: config.name.to_string(),
            session: resumption,
            key_log: config.key_log.clone(),
            post_quantum: config.post_quantum,
        })?;
        Ok(Self {
            deadline: now.checked_add(config.handshake_timeout),
            config,
            memory,
            key,
            version,
            started: now,
            time,
            state: State::Handshake(stack),
            certificates,
            agreement: None,
            hellos: ServerHellos::default(),
            answered: false,
            alert: None,
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
        })
    }

    /// Takes a datagram that came from the address of the server. What does not authenticate changes nothing.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        for record in records_without_id(datagram) {
            self.answered = true;
            // An alert without protection can be of anybody.
            if let Kind::Plain {
                content: ALERT,
                epoch: 0,
            } = record.kind
            {
                if let &[.., _, description] = record.bytes
                    && record.bytes.len() == ALERT_RECORD
                {
                    self.alert = Some(description);
                }
            } else {
                self.handle_record(now, record.bytes);
            }
        }
    }

    /// To be called at the time that [`Self::poll_timeout`] says: repeats what was not answered, and gives a handshake
    /// up that takes too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        let late = self.deadline.is_some_and(|deadline| deadline <= now);
        match &mut self.state {
            State::Handshake(_) if late => {
                let stall = Stall {
                    version: self.version,
                    after: self.config.handshake_timeout,
                    answered: self.answered,
                    alert: self.alert,
                };
                self.end(now, Closed::TimedOut(stall));
            }
            State::Closing(_) if late => self.state = State::Closed,
            State::Handshake(stack) | State::Connected(stack) | State::Closing(stack) => {
                if stack.poll_timeout().is_some_and(|due| due <= now) {
                    stack.handle_timeout(now);
                }
                if stack.is_over() {
                    // Without a word, as nobody answers.
                    self.end(now, Closed::Fault(Fault::Internal));
                }
            }
            State::Closed => {}
        }
        self.settle();
    }

    /// When [`Self::handle_timeout`] is to be called. `None`: nothing is waited for. After the end of the association
    /// there may be times for some seconds, until the server knows of it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Handshake(stack) | State::Closing(stack) => {
                let times = [stack.poll_timeout(), self.deadline];
                times.into_iter().flatten().min()
            }
            State::Connected(stack) => stack.poll_timeout(),
            State::Closed => None,
        }
    }

    /// The next datagram to be sent to the server, of at most [`MAX_DATAGRAM`] bytes unless a single record is longer.
    ///
    /// [`MAX_DATAGRAM`]: crate::session::MAX_DATAGRAM
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outgoing.pop_front().or_else(|| match &mut self.state {
            State::Handshake(stack) | State::Connected(stack) => {
                transmissions(stack.as_mut()).next()
            }
            State::Closing(_) | State::Closed => None,
        })
    }

    /// What has happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Sends a payload, as one record in a datagram of its own.
    ///
    /// # Errors
    /// [`SendError::NotEstablished`] before [`Event::Connected`]: the server is not verified. Otherwise the association
    /// is closed, the payload too long, or no record number left.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        match &mut self.state {
            State::Handshake(_) => Err(SendError::NotEstablished),
            State::Connected(stack) => {
                // Not beside the end of the handshake: libcoap puts off what comes with it.
                self.outgoing.extend(transmissions(stack.as_mut()));
                stack.send(payload)?;
                self.outgoing.extend(transmissions(stack.as_mut()));
                Ok(())
            }
            State::Closing(_) | State::Closed => Err(SendError::Closed),
        }
    }

    /// Says goodbye to the server, if there are keys for it, and ends the association. A client that is to be dropped
    /// has said all that it can when [`Self::poll_timeout`] is `None` and nothing is left to be sent.
    pub fn close(&mut self, now: Instant) {
        self.end(now, Closed::ByUs);
    }

    /// What was agreed. `None` before [`Event::Connected`].
    #[must_use]
    pub fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    /// The certificates of the server, its own first, in DER; when a session was resumed, those it was made with. Empty
    /// before [`Event::Connected`].
    #[must_use]
    pub fn peer_certificates(&self) -> &[Vec<u8>] {
        match self.agreement {
            Some(_) => &self.certificates,
            None => &[],
        }
    }

    fn handle_record(&mut self, now: Instant, record: &[u8]) {
        let stack = match &mut self.state {
            State::Handshake(stack) | State::Connected(stack) => stack,
            State::Closing(stack) => {
                // All that matters is whether our Finished has arrived.
                if stack.handle_record(now, record).is_err() {
                    self.state = State::Closed;
                }
                return self.settle();
            }
            State::Closed => return,
        };
        if self.version == Version::Dtls12 && !self.hellos.observe(record) {
            return;
        }
        if let Err(fault) = stack.handle_record(now, record) {
            return self.end(now, Closed::Fault(fault));
        }
        let mut payload = Vec::new();
        stack.receive(&mut payload);
        if matches!(self.state, State::Handshake(_)) {
            // Nothing can have come before the Finished of the server.
            payload.clear();
            self.try_connect(now);
        }
        let State::Connected(stack) = &mut self.state else {
            return;
        };
        if !payload.is_empty() {
            self.events.push_back(Event::Received(Bytes::from(payload)));
        }
        if let Some(resumption) = stack.take_resumption() {
            let kept = Kept {
                version: self.version,
                resumption,
                chain: Arc::clone(&self.certificates),
            };
            self.memory.keep(&self.key, kept);
        }
        if stack.is_closed_by_peer() {
            self.end(now, Closed::ByPeer);
        }
    }

    /// Lets payloads flow if the handshake is over and the server is who it was to be.
    fn try_connect(&mut self, now: Instant) {
        let State::Handshake(stack) = &self.state else {
            return;
        };
        if !stack.is_established() {
            return;
        }
        let Some(agreement) = stack.agreement() else {
            return self.end(now, Closed::Fault(Fault::Internal));
        };
        if !agreement.resumed {
            self.certificates = stack.peer_certificates().into();
        }
        if let Err(refusal) = verify(
            &self.certificates,
            &self.config.trust,
            &self.config.name,
            self.time_at(now),
        ) {
            return self.end(now, Closed::Refused(refusal));
        }
        if !self.judge_version() {
            return self.end(now, Closed::Downgraded);
        }
        self.agreement = Some(agreement.clone());
        self.events.push_back(Event::Connected(agreement));
        if let State::Handshake(stack) = std::mem::replace(&mut self.state, State::Closed) {
            self.state = State::Connected(stack);
        }
    }

    /// Remembers what the server can do. `false`: less was agreed on than it can do, and than was tried.
    fn judge_version(&self) -> bool {
        let offers_13 = match self.version {
            Version::Dtls13 => Some(true),
            Version::Dtls12 => self.hellos.offers_13(),
        };
        if let Some(offers_13) = offers_13 {
            self.memory.set_offers_13(&self.key, offers_13);
        }
        self.config.versions != Versions::Fallback || offers_13 == Some(false)
    }

    fn time_at(&self, now: Instant) -> UnixTime {
        let since = Duration::from_secs(self.time.as_secs());
        let passed = now.saturating_duration_since(self.started);
        UnixTime::since_unix_epoch(since.saturating_add(passed))
    }

    /// Ends the association, unless it is over. What is still to be sent is kept for [`Self::poll_transmit`].
    fn end(&mut self, now: Instant, why: Closed) {
        let (mut stack, has_keys) = match std::mem::replace(&mut self.state, State::Closed) {
            State::Handshake(stack) => {
                let has_keys = stack.is_established();
                (stack, has_keys)
            }
            State::Connected(stack) => (stack, true),
            over => return self.state = over,
        };
        // A session may be what has led here, and must not survive a fatal alert (RFC 5246 section 7.2.2).
        if !matches!(why, Closed::ByUs | Closed::ByPeer | Closed::Downgraded) {
            self.memory.forget_session(&self.key);
        }
        match why {
            Closed::TimedOut(_) => {}
            Closed::Fault(_) => self.outgoing.extend(transmissions(stack.as_mut())),
            Closed::ByUs | Closed::ByPeer | Closed::Refused(_) | Closed::Downgraded => {
                if has_keys {
                    stack.close();
                    self.deadline = now.checked_add(LINGER);
                    self.state = State::Closing(stack);
                    self.settle();
                }
            }
        }
        self.events.push_back(Event::Closed(why));
    }

    /// Sends what is left of an association that has ended, and drops it when it waits for nothing.
    fn settle(&mut self) {
        if let State::Closing(stack) = &mut self.state {
            self.outgoing.extend(transmissions(stack.as_mut()));
            if stack.poll_timeout().is_none() {
                self.state = State::Closed;
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Handshake(_) => "handshake",
            State::Connected(_) => "connected",
            State::Closing(_) => "closing",
            State::Closed => "closed",
        };
        f.debug_struct("Client")
            .field("name", &self.config.name)
            .field("version", &self.version)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
