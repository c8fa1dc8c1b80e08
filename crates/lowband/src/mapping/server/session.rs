//! What the gateway remembers of an association with a client.

use std::time::Instant;

use vestibule_coap::endpoint::EXCHANGE_LIFETIME;

use super::CborKeys;
use crate::keys::Keys;
use crate::mapping::token::Token;

/// What the gateway remembers of one association: the access token and the version of the key table
/// that its requests need not repeat.
///
/// # Order
///
/// Datagrams overtake each other, and a lost one is repeated behind newer ones. The token that holds
/// is that of the request that was *sent* last. Message ids tell, because all known peers count them
/// up: a request whose id is up to 255 before that of the request which last changed the token is
/// an older one. The token that it carries is used for it alone, and if it carries none, it gets the
/// token before the change. Where ids say nothing (0, or peers that choose them at random, but for
/// one case in 256) the order of arrival counts.
#[derive(Debug, Default)]
pub struct Session {
    token: Option<Token>,
    before: Option<Token>,
    change: Option<Change>,
    table: Option<u64>,
    has_sent_integers: bool,
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

/// The request that has changed the token.
#[derive(Debug)]
struct Change {
    message_id: u16,
    at: Instant,
}

/// How far behind a message is that has been overtaken.
const OVERTAKEN: u16 = 255;

impl Session {
    /// An association that is new.
    pub fn new() -> Self {
        Self::default()
    }

    /// The token of requests that do not say.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// The token of a request, which is remembered unless the request is an older one.
    pub(super) fn carry(
        &mut self,
        carried: Carried,
        message_id: u16,
        now: Instant,
    ) -> Option<Token> {
        let is_recent =
            |change: &mut Change| now.saturating_duration_since(change.at) < EXCHANGE_LIFETIME;
        if self.change.take_if(|change| !is_recent(change)).is_some() {
            self.before = None;
        }
        let behind = |change: &Change| change.message_id.wrapping_sub(message_id);
        let is_late = message_id != 0
            && self
                .change
                .as_ref()
                .is_some_and(|change| (1..=OVERTAKEN).contains(&behind(change)));
        let token = match carried {
            Carried::Nothing if is_late && self.before.is_some() => return self.before.clone(),
            Carried::Nothing => return self.token.clone(),
            Carried::Anonymous => None,
            Carried::Token(token) => Some(token),
        };
        if !is_late && token != self.token {
            self.before = std::mem::replace(&mut self.token, token.clone());
            self.change = (message_id != 0).then_some(Change {
                message_id,
                at: now,
            });
        }
        token
    }

    /// Forgets a token that is worth nothing any more.
    pub(super) fn forget(&mut self, token: &Token) {
        for kept in [&mut self.token, &mut self.before] {
            kept.take_if(|kept| kept == token);
        }
    }

    /// Notes the highest version of the key table that the client understands.
    pub(super) fn set_table(&mut self, version: u64) {
        self.table = Some(version);
    }

    /// Notes that the client has written integers for keys itself.
    pub(super) fn note_integers(&mut self) {
        self.has_sent_integers = true;
    }

    /// Whether it is not known yet if the client understands integers for keys.
    pub(super) fn is_undecided(&self) -> bool {
        self.table.is_none() && !self.has_sent_integers
    }

    /// The table for what the client gets.
    pub(super) fn keys(&self, mode: CborKeys) -> Keys {
        match (self.table, mode) {
            (Some(0), _) => Keys::None,
            (Some(_), _) | (None, CborKeys::Always) => Keys::V1,
            (None, CborKeys::Negotiated) if self.has_sent_integers => Keys::V1,
            (None, CborKeys::Negotiated) => Keys::None,
        }
    }
}
