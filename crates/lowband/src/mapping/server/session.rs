//! What the gateway remembers of an association with a client.

use std::time::Instant;

use super::CborKeys;
use super::fields::Fields;
use super::tokens::{Carried, Doubtful, Tokens};
use crate::keys::Keys;
use crate::mapping::token::Token;

/// What the gateway remembers of one association: the access token and the version of the key table
/// that its requests need not repeat.
#[derive(Debug, Default)]
pub struct Session {
    tokens: Tokens,
    has_new_token: bool,
    forgotten: Option<Token>,
    table: Option<u64>,
    has_sent_integers: bool,
}

impl Session {
    /// An association that is new.
    pub fn new() -> Self {
        Self::default()
    }

    /// The token of requests that do not say and are sent now.
    pub fn token(&self) -> Option<&Token> {
        self.tokens.current()
    }

    /// Whether a request has said a token since this was asked last. Who holds requests opens them
    /// again then, and only then: at most once each, because what has been said decides all of them.
    pub fn take_new_token(&mut self) -> bool {
        std::mem::take(&mut self.has_new_token)
    }

    /// The token that an answer has shown to be worth nothing any more, after a logout or because the
    /// homeserver does not know it. It is said once; what is observed with it is to be ended.
    pub fn take_forgotten_token(&mut self) -> Option<Token> {
        self.forgotten.take()
    }

    /// The token of a request with these options. What they say is remembered.
    ///
    /// # Errors
    ///
    /// When it says nothing of its token, and two are possible.
    pub(super) fn note(
        &mut self,
        fields: &Fields<'_>,
        message_id: u16,
        now: Instant,
    ) -> Result<Option<Token>, Doubtful> {
        self.table = fields.table.or(self.table);
        self.has_new_token |= matches!(fields.carried, Carried::Token(_));
        self.tokens.carry(fields.carried.clone(), message_id, now)
    }

    /// Forgets a token that is worth nothing any more.
    pub(super) fn forget(&mut self, token: &Token) {
        self.tokens.forget(token);
        self.forgotten = Some(token.clone());
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
