//! Which access token a request has that does not say.

use std::time::{Duration, Instant};

use vestibule_coap::endpoint::EXCHANGE_LIFETIME;

use crate::mapping::token::Token;

/// How many sayings are kept.
pub(super) const MAX_SAID: usize = 8;

/// What the requests of an association have said of their tokens, in the order in which they were
/// *sent*: a request that says nothing has the token that was said last before it.
///
/// Datagrams overtake each other, and a lost one is repeated behind newer ones. Message ids tell, because
/// all known peers count them up: a request whose id is up to 4,096 before that of another one, within
/// [`EXCHANGE_LIFETIME`], was sent before it. Where ids say nothing (peers that choose them at
/// random, but for one case in 16) the order of arrival counts. A message with the id 0 comes behind
/// the highest id seen so far; what else was on its way then may have been sent before or after it.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    said: Vec<Said>,
    /// The highest message id, and when it came.
    highest: Option<(u16, Instant)>,
    /// Whether sayings had to be dropped from the beginning.
    is_cut: bool,
}

/// What a request says about its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// That it has none: option 256 is empty.
    Anonymous,
    /// Nothing: it is the one of the request before.
    Nothing,
    /// This one.
    Token(Token),
}

/// The request may have been sent with either of two tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doubtful;

/// What one request has said.
#[derive(Debug)]
struct Said {
    what: What,
    place: Place,
    at: Instant,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Anonymous,
    /// A token that is worth nothing any more.
    Forgotten,
    Token(Token),
}

/// Where a saying stands among the other messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the message with this id.
    At(u16),
    /// In a message with the id 0, which came when this was the highest id, if there was one.
    Behind(Option<u16>),
    /// Before everything that can still come.
    Past,
}

/// How far behind a message is that has been overtaken. Blocks have ids too, and there may be many between
/// two requests.
const OVERTAKEN: u16 = 4_096;

/// How long a message may come behind one with the id 0 that was sent after it. Only clients written in Go
/// use that id, and they repeat a message for 36 seconds.
const GO_REPEATS: Duration = Duration::from_secs(60);

impl Tokens {
    /// The token of requests that do not say and are sent now.
    pub(super) fn current(&self) -> Option<&Token> {
        self.said.last()?.token()
    }

    /// The token of a request. What it says is remembered.
    ///
    /// # Errors
    ///
    /// When it says nothing, and two tokens are possible.
    pub(super) fn carry(
        &mut self,
        carried: Carried,
        message_id: u16,
        now: Instant,
    ) -> Result<Option<Token>, Doubtful> {
        self.expire(now);
        let is_overtaken =
            |&(highest, _): &(u16, Instant)| (1..=OVERTAKEN).contains(&ahead(highest, message_id));
        if message_id != 0 && !self.highest.as_ref().is_some_and(is_overtaken) {
            self.highest = Some((message_id, now));
        }
        let (what, token) = match carried {
            Carried::Nothing => return self.find(message_id, now),
            Carried::Anonymous => (What::Anonymous, None),
            Carried::Token(token) => (What::Token(token.clone()), Some(token)),
        };
        let place = match message_id {
            0 => Place::Behind(self.highest.map(|(highest, _)| highest)),
            id => Place::At(id),
        };
        let at = self.behind(message_id);
        self.said.insert(
            at,
            Said {
                what,
                place,
                at: now,
            },
        );
        self.limit();
        Ok(token)
    }

    /// Forgets a token that is worth nothing any more. That it was said stays known.
    pub(super) fn forget(&mut self, token: &Token) {
        for said in &mut self.said {
            if said.token() == Some(token) {
                said.what = What::Forgotten;
            }
        }
    }

    /// The token of a request with this id that says nothing.
    fn find(&self, message_id: u16, now: Instant) -> Result<Option<Token>, Doubtful> {
        let (before, after) = self.said.split_at(self.behind(message_id));
        let next = after.iter().find_map(Said::token);
        match before.last() {
            // It comes before the first token. Clients with several threads may number it before the one
            // that says the token, if there was no other.
            None if self.is_cut || after.iter().any(|said| said.is_other(next)) => Err(Doubtful),
            None => Ok(next.cloned()),
            Some(last) => match &last.what {
                What::Anonymous => Ok(next.cloned()),
                What::Forgotten => Ok(None),
                What::Token(token) if message_id != 0 && is_doubtful(before, token, now) => {
                    Err(Doubtful)
                }
                What::Token(token) => Ok(Some(token.clone())),
            },
        }
    }

    /// The index behind everything that was sent before the message with this id.
    fn behind(&self, message_id: u16) -> usize {
        let last = self
            .said
            .iter()
            .rposition(|said| !said.is_after(message_id));
        last.map_or(0, |last| last + 1)
    }

    /// Drops what is not needed for any message that can still come.
    fn expire(&mut self, now: Instant) {
        let is_past = |at: Instant| now.saturating_duration_since(at) >= EXCHANGE_LIFETIME;
        self.highest.take_if(|(_, at)| is_past(*at));
        for said in &mut self.said {
            if is_past(said.at) {
                said.place = Place::Past;
            }
        }
        while self.said.get(1).is_some_and(Said::is_past) {
            self.said.remove(0);
        }
        self.is_cut &= !self.said.first().is_some_and(Said::is_past);
    }

    /// Drops one saying if there are too many: one between two of the same token, or else the first.
    fn limit(&mut self) {
        if self.said.len() <= MAX_SAID {
            return;
        }
        let mut neighbours = self.said.windows(3);
        let is_between = |three: &[Said]| three.windows(2).all(|two| two[0].what == two[1].what);
        match neighbours.position(is_between) {
            Some(before) => {
                self.said.remove(before + 1);
            }
            None => {
                self.said.remove(0);
                self.is_cut = true;
            }
        }
    }
}

impl Said {
    fn token(&self) -> Option<&Token> {
        match &self.what {
            What::Token(token) => Some(token),
            What::Anonymous | What::Forgotten => None,
        }
    }

    /// Whether it was said after the message with this id was sent.
    fn is_after(&self, message_id: u16) -> bool {
        match self.place {
            _ if message_id == 0 => false,
            Place::At(id) => (1..=OVERTAKEN).contains(&ahead(id, message_id)),
            Place::Behind(Some(id)) => ahead(id, message_id) <= OVERTAKEN,
            Place::Behind(None) | Place::Past => false,
        }
    }

    fn is_past(&self) -> bool {
        self.place == Place::Past
    }

    /// Whether it is of another token than this.
    fn is_other(&self, token: Option<&Token>) -> bool {
        self.what != What::Anonymous && self.token() != token
    }
}

/// Whether another token may have been the last one when the message was sent: this one was
/// said by a message with the id 0, and that is not long ago.
fn is_doubtful(before: &[Said], token: &Token, now: Instant) -> bool {
    let is_certain = |said: &Said| !matches!(said.place, Place::Behind(_));
    let begin = before.iter().rposition(is_certain).unwrap_or_default();
    let is_recent = |said: &Said| now.saturating_duration_since(said.at) < GO_REPEATS;
    let is_other = |said: &Said| said.is_other(Some(token));
    before.last().is_some_and(is_recent) && before[begin..].iter().any(is_other)
}

/// How far one id is ahead of another.
fn ahead(id: u16, other: u16) -> u16 {
    id.wrapping_sub(other)
}
