//! What the ServerHello of DTLS 1.2 says of 1.3 (RFC 8446 section 4.1.3).

#[cfg(test)]
mod tests;

use crate::wire::{DOWNGRADE, SERVER_HELLO, messages};

/// Where the mark stands in the body of a ServerHello: behind the version, at the end of the random.
const MARK_AT: std::ops::Range<usize> = 26..34;

/// The ServerHellos that have come in clear. Which of them the stack took is known when the handshake is over, but not
/// to us: they may be forged. So all have to agree.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerHellos {
    marked: bool,
    unmarked: bool,
}

impl ServerHellos {
    /// Looks at a record of any kind. `false`: the stack must not have it. Somebody in between could hide the mark from
    /// us, though not from the stack, by cutting a ServerHello in pieces, as the hash over the handshake does not show
    /// that (RFC 6347 section 4.2.6). Servers do not cut it: it is short.
    pub(super) fn observe(&mut self, record: &[u8]) -> bool {
        let mut seen = *self;
        for message in messages(record).filter(|it| it.kind == SERVER_HELLO) {
            if !message.is_complete() {
                return false;
            }
            match message.body.get(MARK_AT) {
                None => return false,
                Some(end) if end == DOWNGRADE => seen.marked = true,
                Some(_) => seen.unmarked = true,
            }
        }
        *self = seen;
        true
    }

    /// Whether the server said that it can do 1.3, as far as that is sure. To be asked when the handshake is over.
    pub(super) fn offers_13(self) -> Option<bool> {
        match (self.marked, self.unmarked) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }
}
