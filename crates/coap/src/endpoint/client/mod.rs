//! The client's side: requests of ours, from the first block to the last of the answer, and notifications.

mod download;
mod outgoing;
mod responses;

pub(super) use self::responses::Verdict;
use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use rand::Rng;

use self::outgoing::{DEREGISTER, Observation, Outgoing, REGISTER};
use super::{
    config::Tokens,
    event::{Acknowledge, Event, Failure, Request, RequestId},
    link::Link,
    outbox::Purpose,
    received::{Received, Reply},
    rtt::earliest,
};
use crate::{OptionList, Token, Type, option::uint_to_bytes};

/// All that is kept for our requests.
#[derive(Debug)]
pub(super) struct Client {
    requests: BTreeMap<RequestId, Outgoing>,
    tokens: HashMap<Token, RequestId>,
    last_id: u64,
    last_token: u64,
    /// The Request-Tag of the last body that was sent in blocks.
    tag: u8,
}

/// Why a request cannot be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestError {
    /// The body has more blocks than can be counted: 2^20.
    BodyTooLarge,
    /// There are [`super::Config::max_requests`] already.
    TooMany,
}

impl Client {
    pub(super) fn new(tag: u8) -> Self {
        Self {
            requests: BTreeMap::new(),
            tokens: HashMap::new(),
            last_id: 0,
            last_token: 0,
            tag,
        }
    }

    /// Sends a request; `observe` to register for notifications.
    pub(super) fn request(
        &mut self,
        now: Instant,
        link: &mut Link,
        request: Request,
        observe: Option<Acknowledge>,
    ) -> Result<RequestId, RequestError> {
        if self.requests.len() >= link.config.max_requests {
            return Err(RequestError::TooMany);
        }
        if request.payload.len() > link.config.block_size.bytes() << 20 {
            return Err(RequestError::BodyTooLarge);
        }
        let observation = observe.map(|acknowledge| Observation {
            value: REGISTER,
            acknowledge,
            newest: None,
            unacknowledged: None,
        });
        let token = self.new_token(link);
        Ok(self.open(now, link, request, token, observation))
    }

    /// Registers again, with other options and a new token: what is still under way for the old one would be taken for
    /// the answer, and is rejected this way.
    pub(super) fn renew(
        &mut self,
        now: Instant,
        link: &mut Link,
        id: RequestId,
        options: OptionList,
    ) -> bool {
        let token = self.new_token(link);
        let Some(outgoing) = self.requests.get_mut(&id).filter(|it| !it.is_silent()) else {
            return false;
        };
        let Some(observation) = &mut outgoing.observation else {
            return false;
        };
        observation.newest = None;
        link.rejected.extend(observation.unacknowledged.take());
        outgoing.request.options = options;
        outgoing.restarts = 0;
        outgoing.deadline = Some(now + outgoing.request.deadline);
        let before = std::mem::replace(&mut outgoing.token, token);
        self.tokens.remove(&before);
        self.tokens.insert(token, id);
        self.drop_fetch(link, id);
        self.begin(link, id);
        true
    }

    /// Ends an observation, and tells the peer so. What it still sends is rejected, and so is what was not
    /// acknowledged.
    pub(super) fn cancel(&mut self, now: Instant, link: &mut Link, id: RequestId) {
        let Some(outgoing) = self.remove(link, id) else {
            return;
        };
        if outgoing.observation.is_some() {
            let mut request = outgoing.request;
            // What holds for the association may be another one by now, and is not to be changed by this.
            for &number in &link.config.sticky {
                request.options.remove(number);
            }
            let observation = Observation {
                value: DEREGISTER,
                acknowledge: Acknowledge::AtOnce,
                newest: None,
                unacknowledged: None,
            };
            self.open(now, link, request, outgoing.token, Some(observation));
        }
    }

    /// Whether a response that rides on the acknowledgement of this id can be meant: id and token must match
    /// (RFC 7252 section 5.3.2). The Go proxy acknowledges twice when it is slow: empty at first, then with the
    /// response. `flying` is what the message with the id is for, if it is on its way.
    pub(super) fn may_answer(&self, token: Token, id: u16, flying: Option<Purpose>) -> bool {
        let Some(request) = self.tokens.get(&token) else {
            return false;
        };
        match flying {
            Some(Purpose::Request(of) | Purpose::Fetch(of)) => of == *request,
            Some(_) => false,
            None => {
                let outgoing = self.requests.get(request);
                outgoing.is_some_and(|outgoing| outgoing.acknowledged == Some(id))
            }
        }
    }

    /// What has been notified is safe: acknowledges it.
    pub(super) fn acknowledge(&mut self, link: &mut Link, received: &mut Received, id: RequestId) {
        let outgoing = self.requests.get_mut(&id);
        let observation = outgoing.and_then(|outgoing| outgoing.observation.as_mut());
        if let Some(key) = observation.and_then(|it| it.unacknowledged.take())
            && received.reply(key).is_some()
        {
            received.set_reply(key, Reply::Acknowledgement, &link.config);
            link.send_empty(Type::Acknowledgement, key.id());
        }
    }

    /// The peer has acknowledged the message with this id without answering it, or rejected it.
    pub(super) fn settled(&mut self, link: &mut Link, purpose: Purpose, id: u16, reset: bool) {
        match purpose {
            Purpose::Request(of) if reset => self.fail(link, of, Failure::Reset),
            Purpose::Fetch(of) if reset => self.drop_fetch(link, of),
            Purpose::Request(of) | Purpose::Fetch(of) => {
                if let Some(outgoing) = self.requests.get_mut(&of) {
                    outgoing.message = None;
                    outgoing.acknowledged = Some(id);
                }
            }
            _ => {}
        }
    }

    /// A message of this purpose was given up.
    pub(super) fn given_up(&mut self, link: &mut Link, purpose: Purpose) {
        match purpose {
            Purpose::Request(id) => self.fail(link, id, Failure::TimedOut),
            Purpose::Fetch(id) => self.drop_fetch(link, id),
            _ => {}
        }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, link: &mut Link) {
        let is_due = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        let requests = self.requests.iter();
        let failed: Vec<RequestId> = requests
            .filter(|(_, outgoing)| is_due(outgoing.deadline))
            .map(|(&id, _)| id)
            .collect();
        for id in failed {
            self.fail(link, id, Failure::Deadline);
        }
        let requests = self.requests.iter();
        let stalled: Vec<RequestId> = requests
            .filter(|(_, outgoing)| is_due(outgoing.fetch_until))
            .map(|(&id, _)| id)
            .collect();
        for id in stalled {
            self.drop_fetch(link, id);
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let requests = self.requests.values();
        let times = requests.flat_map(|outgoing| [outgoing.deadline, outgoing.fetch_until]);
        earliest(times)
    }

    /// How many requests and observations of ours are open.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn footprint(&self) -> usize {
        let requests = self.requests.values().map(Outgoing::footprint);
        requests.sum::<usize>() + self.tokens.len() * size_of::<(Token, RequestId)>()
    }

    fn open(
        &mut self,
        now: Instant,
        link: &mut Link,
        request: Request,
        token: Token,
        observation: Option<Observation>,
    ) -> RequestId {
        self.last_id += 1;
        let id = RequestId(self.last_id);
        self.tokens.insert(token, id);
        self.requests.insert(
            id,
            Outgoing {
                deadline: Some(now + request.deadline),
                request,
                token,
                fetch_token: None,
                observation,
                upload: None,
                tag: None,
                download: None,
                fetch_until: None,
                message: None,
                acknowledged: None,
                restarts: 0,
            },
        );
        self.begin(link, id);
        id
    }

    /// Sends a request from its beginning.
    fn begin(&mut self, link: &mut Link, id: RequestId) {
        self.tag = self.tag.wrapping_add(1);
        if let Some(outgoing) = self.requests.get_mut(&id) {
            let size = link.config.block_size;
            outgoing.begin(link, self.tag, size, Purpose::Request(id));
        }
    }

    fn fail(&mut self, link: &mut Link, id: RequestId, failure: Failure) {
        if let Some(outgoing) = self.remove(link, id)
            && !outgoing.is_silent()
        {
            link.events.push_back(Event::RequestFailed(id, failure));
        }
    }

    /// Gives up fetching a notification: it is not acknowledged to its end, and the peer will send it again.
    fn drop_fetch(&mut self, link: &mut Link, id: RequestId) {
        if let Some(outgoing) = self.requests.get_mut(&id) {
            link.withdraw(outgoing.message.take());
            outgoing.download = None;
            outgoing.fetch_until = None;
            if let Some(token) = outgoing.fetch_token.take() {
                self.tokens.remove(&token);
            }
        }
    }

    fn remove(&mut self, link: &mut Link, id: RequestId) -> Option<Outgoing> {
        let outgoing = self.requests.remove(&id)?;
        link.withdraw(outgoing.message);
        let held = outgoing.observation.and_then(|it| it.unacknowledged);
        link.rejected.extend(held);
        self.tokens.remove(&outgoing.token);
        if let Some(token) = outgoing.fetch_token {
            self.tokens.remove(&token);
        }
        Some(outgoing)
    }

    fn new_token(&mut self, link: &mut Link) -> Token {
        let mut bytes = [0; 8];
        loop {
            let token = match link.config.tokens {
                Tokens::Counted => {
                    self.last_token += 1;
                    let (bytes, length) = uint_to_bytes(self.last_token);
                    Token::try_from(&bytes[..length])
                }
                Tokens::Random => {
                    link.rng.fill(&mut bytes);
                    Token::try_from(&bytes[..])
                }
            };
            if let Ok(token) = token
                && !self.tokens.contains_key(&token)
            {
                return token;
            }
        }
    }
}
