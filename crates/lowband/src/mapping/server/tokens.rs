//! Which access token a request has that does not say.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use vestibule_coap::endpoint::{EXCHANGE_LIFETIME, Owner};

use crate::mapping::token::Token;

/// How many sayings are kept.
pub(super) const MAX_SAID: usize = 8;

/// What the requests of an association have said of their tokens, in the order in which they were
/// *sent*: a request that says nothing has the token that was said last before it.
///
/// Datagrams overtake each other, and a lost one is repeated behind newer ones. Message ids tell, because
/// all known peers count them up: a request whose id is up to 4,096 before that of another one, within
/// [`EXCHANGE_LIFETIME`], was sent before it. Where ids say nothing (peers that choose them at
/// random, but for one case in 16) the order of arrival counts. A message with the id 0 may have been
/// sent before or after any other.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    said: Vec<Said>,
    /// Whether another token was said before the first of them, which had to be dropped.
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
    /// In a message with the id 0.
    Unknown,
    /// Before everything that can still come.
    Past,
}

/// How far behind a message is that has been overtaken. Blocks have ids too, and there may be many between
/// two requests.
const OVERTAKEN: u16 = 4_096;

/// How long a message may come behind another one that was sent after it, if one of them has the id 0. Only
/// clients written in Go use that id, and they repeat a message for 36 seconds.
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
        let (what, token) = match carried {
            Carried::Nothing => return self.find(message_id, now),
            Carried::Anonymous => (What::Anonymous, None),
            Carried::Token(token) => (What::Token(token.clone()), Some(token)),
        };
        let place = match message_id {
            0 => Place::Unknown,
            id => Place::At(id),
        };
        let at = self.place_of(message_id);
        match self.said[..at].last_mut() {
            // A first block, and then the whole request.
            Some(last) if last.place == place && last.what == what => last.at = now,
            _ => {
                let said = Said {
                    what,
                    place,
                    at: now,
                };
                self.said.insert(at, said);
                self.limit();
            }
        }
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
        let is_loose = |said: &&Said| message_id != 0 && said.is_loose(now);
        let (loose, placed): (Vec<&Said>, Vec<&Said>) = self.said.iter().partition(is_loose);
        let last = placed.iter().rposition(|said| !said.is_after(message_id));
        let (before, after) = placed.split_at(last.map_or(0, |last| last + 1));
        // What is said at a place holds from there on. What says that there is no token is followed by what
        // says one, which clients with several threads may number behind a request that has it already.
        let next = after.iter().position(|said| said.token().is_some());
        let own = match before {
            [] if self.is_cut => return Err(Doubtful),
            [] => after,
            [.., last] if last.what == What::Anonymous => {
                next.map_or(after, |next| &after[..=next])
            }
            [.., _] => &before[before.len() - 1..],
        };
        let possible = own.iter().chain(&loose).map(|said| &said.what);
        let mut possible = possible.filter(|&what| *what != What::Anonymous);
        let first = possible.next();
        if possible.any(|what| Some(what) != first) {
            return Err(Doubtful);
        }
        Ok(first.and_then(What::token).cloned())
    }

    /// The index at which a saying of this id stands: before those at its end that were said after it.
    fn place_of(&self, message_id: u16) -> usize {
        let is_after = |said: &Said| said.is_after(message_id);
        let is_before = |said: &Said| !is_after(said) && said.has_place();
        let last = self.said.iter().rposition(is_before);
        let end = last.map_or(0, |last| last + 1);
        let first = self.said[end..].iter().position(is_after);
        first.map_or(self.said.len(), |first| end + first)
    }

    /// Drops what is not needed for any message that can still come.
    fn expire(&mut self, now: Instant) {
        let is_past = |at: Instant| now.saturating_duration_since(at) >= EXCHANGE_LIFETIME;
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

    /// Drops one saying if there are too many: the first that has a place, because nobody knows for which
    /// requests another one holds.
    fn limit(&mut self) {
        if self.said.len() <= MAX_SAID {
            return;
        }
        let first = self.said.iter().position(Said::has_place);
        let dropped = self.said.remove(first.unwrap_or_default());
        let next = self.said.iter().find(|said| said.has_place());
        self.is_cut |= next.is_none_or(|next| next.what != dropped.what);
    }
}

impl Carried {
    /// Whose the request is, if it says.
    pub(super) fn owner(&self) -> Option<Owner> {
        match self {
            Self::Anonymous => Some(owner(None)),
            Self::Nothing => None,
            Self::Token(token) => Some(owner(Some(token))),
        }
    }
}

impl Said {
    fn token(&self) -> Option<&Token> {
        self.what.token()
    }

    /// Whether it was said after the message with this id was sent.
    fn is_after(&self, message_id: u16) -> bool {
        match self.place {
            Place::At(id) if message_id != 0 => (1..=OVERTAKEN).contains(&ahead(id, message_id)),
            _ => false,
        }
    }

    /// Whether it may have been said before or after any message that comes now.
    fn is_loose(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.at);
        self.place == Place::Unknown && age < GO_REPEATS
    }

    fn has_place(&self) -> bool {
        self.place != Place::Unknown
    }

    fn is_past(&self) -> bool {
        self.place == Place::Past
    }
}

impl What {
    fn token(&self) -> Option<&Token> {
        match self {
            Self::Token(token) => Some(token),
            Self::Anonymous | Self::Forgotten => None,
        }
    }
}

/// Who has this token, or none. It tells one from another, and is no secret of the token's.
pub(super) fn owner(token: Option<&Token>) -> Owner {
    let mut hasher = DefaultHasher::new();
    token.map(Token::as_str).hash(&mut hasher);
    Owner(hasher.finish())
}

/// How far one id is ahead of another.
fn ahead(id: u16, other: u16) -> u16 {
    id.wrapping_sub(other)
}
