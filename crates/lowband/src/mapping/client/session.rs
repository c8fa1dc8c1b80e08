//! What the companion remembers of an association with a gateway.

use std::time::Instant;

use vestibule_coap::endpoint::EXCHANGE_LIFETIME;

use crate::mapping::token::Token;

/// What the companion remembers of one association: what the gateway knows already, so that requests
/// need not repeat it.
///
/// A token is repeated until a request with it has succeeded. After a change it is repeated for
/// as long as a message with another token can be under way, so that no gateway, by whatever order it
/// goes, takes one token for the other.
#[derive(Debug, Default)]
pub struct Session {
    token: Option<Token>,
    is_known: bool,
    has_carried: bool,
    repeat_until: Option<Instant>,
    table: Table,
}

/// Whether the gateway knows the version of the key table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Table {
    #[default]
    Untold,
    Told,
    /// It does not understand the option.
    Refused,
}

impl Session {
    /// An association that is new.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a request with this token, or without one, has to say so. One without says so once
    /// there was a token; before that it does if the gateway would wait for one. One in blocks does,
    /// because requests with other tokens may come between them.
    pub(super) fn carry(
        &mut self,
        token: Option<&Token>,
        is_awaited: bool,
        is_long: bool,
        now: Instant,
    ) -> bool {
        if token != self.token.as_ref() {
            if self.has_carried {
                self.repeat_until = Some(now + EXCHANGE_LIFETIME);
            }
            self.token = token.cloned();
            self.is_known = false;
        }
        self.repeat_until.take_if(|until| *until <= now);
        let has_to = token.is_some() || self.has_carried || is_awaited;
        let carries = has_to && (!self.is_known || is_long || self.repeat_until.is_some());
        self.has_carried |= carries;
        carries
    }

    /// Notes that a request that carried this token has been answered. Only a success proves that the
    /// gateway has it. If it is not the token that was said last, the gateway may take it for that.
    pub(super) fn confirm(&mut self, token: Option<&Token>, is_success: bool) {
        let is_last = token == self.token.as_ref();
        self.is_known = is_last && (is_success || self.is_known);
    }

    /// Notes that the gateway does not have this token, or not any more.
    pub(super) fn forget(&mut self, token: Option<&Token>) {
        if token == self.token.as_ref() {
            self.is_known = false;
        }
    }

    /// Whether a request has to say which version of the key table we understand.
    pub(super) fn tells_table(&self) -> bool {
        self.table == Table::Untold
    }

    /// Notes that a request that said so has succeeded.
    pub(super) fn confirm_table(&mut self) {
        if self.table == Table::Untold {
            self.table = Table::Told;
        }
    }

    /// Notes that the gateway does not understand the option.
    pub(super) fn refuse_table(&mut self) {
        self.table = Table::Refused;
    }
}
