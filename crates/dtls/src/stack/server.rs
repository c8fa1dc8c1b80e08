//! One association of a server of DTLS 1.3: the stack's until its handshake is over, ours from then on.

use std::{sync::Arc, time::Instant};

use purecrypto::tls;

use super::{KeyLog, session::StackSession};
use crate::{
    established::{Established, Handover, Secrets},
    session::{Agreement, Fault, SendError, Session},
};

/// Takes the secrets of one association, and passes them on to who wants them besides.
pub(super) struct Tap {
    secrets: Arc<Secrets>,
    log: Option<Arc<dyn KeyLog>>,
}

impl Tap {
    pub(super) fn new(secrets: Arc<Secrets>, log: Option<Arc<dyn KeyLog>>) -> Self {
        Self { secrets, log }
    }
}

impl tls::KeyLog for Tap {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        self.secrets.log(label, secret);
        if let Some(log) = &self.log {
            log.log(label, client_random, secret);
        }
    }
}

/// An association that needs the stack for the handshake only.
pub(super) struct ServerSession {
    state: State,
}

enum State {
    Stack(Box<Beginning>),
    Established(Box<Established>),
}

/// The handshake, and what comes after it if it cannot be handed over.
struct Beginning {
    stack: StackSession,
    /// `None`: nothing is handed over any more.
    secrets: Option<Arc<Secrets>>,
    /// The number of the client's hello.
    hello: u16,
}

impl ServerSession {
    /// One that begins with a session whose key log is a [`Tap`] of these secrets, and a hello with this number.
    pub(super) fn new(stack: StackSession, secrets: Arc<Secrets>, hello: u16) -> Self {
        let beginning = Beginning {
            stack,
            secrets: Some(secrets),
            hello,
        };
        Self {
            state: State::Stack(Box::new(beginning)),
        }
    }

    fn session(&self) -> &dyn Session {
        match &self.state {
            State::Stack(beginning) => &beginning.stack,
            State::Established(established) => &**established,
        }
    }

    fn session_mut(&mut self) -> &mut dyn Session {
        match &mut self.state {
            State::Stack(beginning) => &mut beginning.stack,
            State::Established(established) => &mut **established,
        }
    }
}

impl Beginning {
    /// Goes on without the stack, if it is done.
    fn hand_over(&mut self, now: Instant) -> Option<Established> {
        if !self.stack.is_established() {
            return None;
        }
        // Now or never: the numbers of records begin here.
        let secrets = self.secrets.take()?;
        let agreement = self.stack.agreement()?;
        let id = match self.stack.connection_id() {
            None | Some([]) => None,
            Some(id) => Some(id.try_into().ok()?),
        };
        // No certificate is asked of a client, so that its Finished is all that it has said since.
        let next_message = self.hello.checked_add(2)?;
        let datagrams = self.stack.take_records();
        let handover = Handover {
            agreement,
            secrets: &secrets,
            id,
            peer: self.stack.peer_connection_id().unwrap_or_default(),
            next_message,
            is_newest: self.stack.is_newest(),
        };
        match Established::take_over(now, handover, &datagrams) {
            Some(mut established) => {
                established.say(datagrams);
                Some(established)
            }
            None => {
                self.stack.put_back(&datagrams);
                None
            }
        }
    }
}

impl Session for ServerSession {
    fn handle_record(&mut self, now: Instant, record: &[u8]) -> Result<(), Fault> {
        self.session_mut().handle_record(now, record)?;
        if let State::Stack(beginning) = &mut self.state
            && let Some(established) = beginning.hand_over(now)
        {
            self.state = State::Established(Box::new(established));
        }
        Ok(())
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>, limit: usize) -> bool {
        self.session_mut().poll_transmit(out, limit)
    }

    fn receive(&mut self, out: &mut Vec<u8>) -> usize {
        self.session_mut().receive(out)
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.session_mut().send(payload)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.session().poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.session_mut().handle_timeout(now);
    }

    fn is_established(&self) -> bool {
        self.session().is_established()
    }

    fn is_newest(&self) -> bool {
        self.session().is_newest()
    }

    fn is_over(&self) -> bool {
        self.session().is_over()
    }

    fn close(&mut self) {
        self.session_mut().close();
    }

    fn is_closed_by_peer(&self) -> bool {
        self.session().is_closed_by_peer()
    }

    fn connection_id(&self) -> Option<&[u8]> {
        self.session().connection_id()
    }

    fn overhead(&self) -> usize {
        self.session().overhead()
    }

    fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> bool {
        self.session().export(label, context, out)
    }

    fn peer_certificates(&self) -> &[Vec<u8>] {
        self.session().peer_certificates()
    }

    fn agreement(&self) -> Option<Agreement> {
        self.session().agreement()
    }

    fn footprint(&self) -> usize {
        size_of::<Self>() + self.session().footprint()
    }
}

#[cfg(test)]
mod tests;
