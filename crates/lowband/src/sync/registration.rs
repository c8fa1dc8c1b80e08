//! What a client wants to observe.

use std::time::Duration;

/// The query of a register.
///
/// `since`, `timeout` and `full_state` are understood; all other parameters (`filter`,
/// `set_presence`, …) go with every poll as they are, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    since: Option<String>,
    has_full_state: bool,
    other: Vec<String>,
}

impl Registration {
    /// The registration with this query, of which each item is `key=value`, not percent-encoded.
    ///
    /// Of repeated keys that are understood the first one is meant, as homeservers have it. The
    /// timeout of the client is left out: with a register nothing is waited for, and how long the
    /// homeserver holds later polls is ours to say.
    pub fn from_query<'a>(items: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut since, mut full_state, mut other) = (None, None, Vec::new());
        for item in items {
            match item.split_once('=') {
                Some(("since", value)) => drop(since.get_or_insert_with(|| value.to_owned())),
                Some(("full_state", value)) => drop(full_state.get_or_insert(value)),
                Some(("timeout", _)) => {}
                _ => other.push(item.to_owned()),
            }
        }
        Self {
            since,
            has_full_state: full_state == Some("true"),
            other,
        }
    }

    /// What the client has: the `next_batch` of the last body that it has taken. `None`: nothing.
    pub fn since(&self) -> Option<&str> {
        self.since.as_deref()
    }

    /// Whether the client wants all state, not only what has changed since.
    pub fn has_full_state(&self) -> bool {
        self.has_full_state
    }

    /// The query of this register. It has no timeout, which means nothing to it.
    pub fn query(&self) -> Vec<String> {
        let since = self.since.iter().map(|since| format!("since={since}"));
        let full_state = self.has_full_state.then(|| "full_state=true".to_owned());
        let own = since.chain(full_state);
        own.chain(self.other.iter().cloned()).collect()
    }

    /// Whether `other` differs in where it begins at most.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.has_full_state == other.has_full_state && self.has_same_parameters(other)
    }

    /// Whether `other` differs in where it begins and in the full state at most.
    pub(super) fn has_same_parameters(&self, other: &Self) -> bool {
        self.other == other.other
    }

    /// The query of a poll.
    pub(super) fn poll_query(
        &self,
        since: Option<&str>,
        has_full_state: bool,
        timeout: Duration,
    ) -> Vec<String> {
        let poll = Self {
            since: since.map(str::to_owned),
            has_full_state,
            other: Vec::new(),
        };
        let mut query = poll.query();
        query.push(format!("timeout={}", timeout.as_millis()));
        query.extend_from_slice(&self.other);
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_keep_their_order_and_repetitions() {
        let items = [
            "filter=1",
            "since=a",
            "x",
            "timeout=30000",
            "filter=2",
            "since=b",
            "set_presence=offline",
            "full_state=false",
        ];
        let registration = Registration::from_query(items);
        assert_eq!(registration.since(), Some("a"));
        assert!(!registration.has_full_state());
        assert_eq!(
            registration.poll_query(Some("c=d&e"), false, Duration::from_secs(30)),
            [
                "since=c=d&e",
                "timeout=30000",
                "filter=1",
                "x",
                "filter=2",
                "set_presence=offline"
            ]
        );
    }

    #[test]
    fn without_since_none_is_asked_for() {
        let registration = Registration::from_query(["full_state=true"]);
        assert_eq!(registration.since(), None);
        assert_eq!(
            registration.poll_query(None, true, Duration::ZERO),
            ["full_state=true", "timeout=0"]
        );
    }
}
