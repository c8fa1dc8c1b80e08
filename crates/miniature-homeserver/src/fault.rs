use std::time::Duration;

/// How a [`Homeserver`](crate::Homeserver) answers instead of what it should. Nothing is done of
/// what such a request asks for, except by [`Fault::Slow`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// As it should.
    #[default]
    None,
    /// Status 502 with a page of HTML, as a proxy answers whose homeserver is down.
    BadGateway,
    /// Status 200 with a page of HTML, as a captive portal.
    Html,
    /// Status 200, `application/json`, no body.
    Empty,
    /// Never, on a connection that stays open.
    Silent,
    /// As it should, but so much later.
    Slow(Duration),
    /// Status 200 and an object of JSON of so many bytes, whose length is not announced.
    Oversized(usize),
    /// Status 429, `M_LIMIT_EXCEEDED`.
    RateLimited {
        /// How long the client should wait, in milliseconds.
        retry_after_ms: u64,
    },
    /// Status 302 to `/redirected` on the homeserver itself.
    Redirect,
    /// Status 200 and half of the body that it announces, then the end of the connection.
    Cut,
    /// The connection ends without an answer.
    Closed,
    /// An error as the Matrix specification has them.
    Error {
        /// Status, 500 when it is none.
        status: u16,
        /// `errcode`.
        code: &'static str,
    },
}

/// Which fault applies where.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    everywhere: Fault,
    /// By the beginning of the path.
    below: Vec<(String, Fault)>,
}

impl Faults {
    /// Applies a fault to all paths, instead of all others before.
    pub(crate) fn set(&mut self, fault: Fault) {
        self.everywhere = fault;
        self.below.clear();
    }

    /// Applies a fault to paths with this beginning.
    pub(crate) fn set_below(&mut self, prefix: &str, fault: Fault) {
        self.below.retain(|(known, _)| known != prefix);
        self.below.push((prefix.to_owned(), fault));
    }

    /// What applies to a path: what was set for its longest beginning.
    pub(crate) fn of(&self, path: &str) -> &Fault {
        self.below
            .iter()
            .filter(|(prefix, _)| path.starts_with(prefix.as_str()))
            .max_by_key(|(prefix, _)| prefix.len())
            .map_or(&self.everywhere, |(_, fault)| fault)
    }
}
