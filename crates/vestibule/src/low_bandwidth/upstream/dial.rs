//! New connections to the homeserver.

use std::{cell::Cell, rc::Rc};

use super::{failure::Failure, homeserver::Homeserver};
use crate::{
    relay::Leg,
    tls::{Buffers, Turns, client_session, shake},
    upstream::{Lookups, reach_server},
};

/// What the new connections of a thread share.
pub(super) struct Dialer {
    lookups: Rc<Lookups>,
    buffers: Rc<Buffers>,
    turns: Turns,
    /// Counts attempts, so that each begins at another address of the homeserver.
    turn: Cell<usize>,
}

impl Dialer {
    pub(super) fn new() -> Self {
        Self {
            lookups: Lookups::new(),
            buffers: Buffers::new(),
            turns: Turns::new(),
            turn: Cell::new(0),
        }
    }

    /// A connection to `homeserver`, TLS included, and whether HTTP/2 was agreed on. Time is not
    /// limited here.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) async fn dial(&self, homeserver: &Homeserver) -> Result<(Leg, bool), Failure> {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        let tcp = homeserver.tcp();
        let reached = reach_server(&homeserver.place, &tcp, &self.lookups, turn).await;
        let leg = Leg::Plain(reached.map_err(Failure::Connect)?);
        let Some(policy) = homeserver.tls() else {
            return Ok((leg, false));
        };
        let session = client_session(&policy, &homeserver.host, None).map_err(Failure::Connect)?;
        let buffers = Rc::clone(&self.buffers);
        let shaken = shake(leg, session, Vec::new(), Vec::new(), buffers, &self.turns).await;
        let mut shaken = shaken.map_err(|(error, _)| Failure::Connect(error.into()))?;
        shaken.stream.unread(shaken.plaintext);
        let is_h2 = shaken.stream.session().alpn() == Some(b"h2");
        Ok((Leg::Tls(shaken.stream), is_h2))
    }
}
