//! Matrix by low bandwidth as clients speak it: our own endpoint and mapping, and the homeserver behind
//! the gateway, which runs in this program.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, StatusCode};
use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{Acknowledge, Budget, Config, Event, Request, RequestId, Response};
use vestibule_lowband::mapping::client::{self, Exchange, Outcome, Session, Settings};
use vestibule_miniature_homeserver::{Homeserver, Options};

use crate::coaps::Dialogue;
use crate::error::Error;
use crate::load::STALL;

/// What a message of a user says.
const HELLO: &str = r#"{"msgtype":"m.text","body":"Hello World"}"#;

/// What a user observes.
const SYNC: &str = "/_matrix/client/v3/sync?timeout=30000";

/// What all clients may keep together.
const BUDGET: usize = 64 << 20;

/// The homeserver.
///
/// # Errors
///
/// [`Error::Io`].
pub(crate) fn start_homeserver() -> Result<Homeserver, Error> {
    let options = Options {
        journal: 0,
        ..Options::default()
    };
    Homeserver::start(options).map_err(Error::io("start the homeserver"))
}

/// New users of a homeserver, each with an access token and a room to itself.
///
/// # Errors
///
/// [`Error::WrongAnswer`] when the homeserver does not know them.
pub(crate) fn users(homeserver: &Homeserver, count: usize) -> Result<Vec<User>, Error> {
    static KNOWN: AtomicUsize = AtomicUsize::new(0);
    let user = |_| {
        let number = KNOWN.fetch_add(1, Ordering::Relaxed);
        let user = homeserver.register(&format!("user{number}"), "of the bench");
        let token = homeserver.log_in(&user).ok_or(Error::WrongAnswer)?;
        Ok(User {
            authorization: format!("Bearer {token}"),
            room: homeserver.create_room(&user, &[]),
        })
    };
    (0..count).map(user).collect()
}

/// A user of the homeserver.
#[derive(Clone)]
pub(crate) struct User {
    authorization: String,
    room: String,
}

/// What a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Observes the sync, once.
    Observe,
    /// Sends messages.
    Send,
}

/// A user's side of an association with a gateway.
pub(crate) struct Companion {
    user: User,
    errand: Errand,
    endpoint: Endpoint,
    session: Session,
    settings: Settings,
    asked: Option<(RequestId, Exchange)>,
    /// How often was asked.
    questions: u64,
}

impl Companion {
    pub(crate) fn new(user: User, errand: Errand, number: usize) -> Self {
        let mut config = Config::default();
        client::configure(&mut config);
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        Self {
            user,
            errand,
            endpoint: Endpoint::new(Arc::new(config), Budget::new(BUDGET), seed),
            session: Session::new(),
            settings: Settings::default(),
            asked: None,
            questions: 0,
        }
    }

    /// Whether this is the answer to what was asked.
    fn take(&mut self, id: RequestId, response: &Response) -> Result<bool, Error> {
        let Some((_, exchange)) = self.asked.take_if(|(asked, _)| *asked == id) else {
            return Ok(false);
        };
        let (session, settings) = (&mut self.session, &self.settings);
        match client::close(session, settings, &exchange, response) {
            Outcome::Answer(answer) if answer.status == StatusCode::OK => Ok(true),
            Outcome::Answer(answer) => Err(Error::Refused(answer.status.to_string())),
            Outcome::Again => Err(Error::WrongAnswer),
        }
    }
}

impl Dialogue for Companion {
    fn ask(&mut self, now: Instant) -> Result<(), Error> {
        self.questions += 1;
        let (method, path, body) = match self.errand {
            Errand::Observe => (Method::GET, SYNC.to_owned(), ""),
            Errand::Send => {
                let (room, transaction) = (&self.user.room, self.questions);
                let path = format!(
                    "/_matrix/client/v3/rooms/{room}/send/m.room.message/m1620000000.{transaction}"
                );
                (Method::PUT, path, HELLO)
            }
        };
        let request = client::Request {
            method: &method,
            path_and_query: &path,
            authorization: Some(&self.user.authorization),
            body: body.as_bytes(),
        };
        let asked = client::open(&mut self.session, &self.settings, &request, now);
        let asked = asked.map_err(|_| Error::WrongAnswer)?;
        let request = Request {
            code: asked.code,
            options: asked.options,
            payload: asked.payload,
            confirmable: true,
            deadline: Duration::from_secs(60),
            once: asked.once,
        };
        let id = match self.errand {
            Errand::Observe => self.endpoint.observe(now, request, Acknowledge::AtOnce),
            Errand::Send => self.endpoint.request(now, request),
        };
        self.asked = Some((id.map_err(|_| Error::WrongAnswer)?, asked.exchange));
        Ok(())
    }

    fn receive(&mut self, now: Instant, message: &[u8]) -> Result<bool, Error> {
        let read = self.endpoint.handle_datagram(now, message);
        read.map_err(|_| Error::WrongAnswer)?;
        let mut is_answered = false;
        while let Some(event) = self.endpoint.poll_event() {
            is_answered |= match event {
                Event::Response {
                    request,
                    response,
                    observed,
                } if observed == (self.errand == Errand::Observe) => {
                    self.take(request, &response)?
                }
                Event::Response { .. }
                | Event::RequestFailed(..)
                | Event::ObservationRefused { .. } => return Err(Error::WrongAnswer),
                _ => false,
            };
        }
        Ok(is_answered)
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.endpoint.poll_timeout().is_some_and(|at| at <= now) {
            self.endpoint.handle_timeout(now);
        }
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let message: Option<Bytes> = self.endpoint.poll_transmit();
        out.extend_from_slice(message.as_deref().unwrap_or_default());
        message.is_some()
    }
}

/// Acts by `act` until so many syncs wait at the homeserver.
///
/// # Errors
///
/// [`Error::Stalled`], and what `act` meets.
pub(crate) fn wait_for_polls(
    homeserver: &Homeserver,
    count: usize,
    mut act: impl FnMut() -> Result<(), Error>,
) -> Result<(), Error> {
    let started = Instant::now();
    while homeserver.waiting() != count as u64 {
        if started.elapsed() > STALL {
            return Err(Error::Stalled);
        }
        act()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
