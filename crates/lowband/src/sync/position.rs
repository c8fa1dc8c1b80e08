//! How far a client is.

/// How far a client is, by `next_batch`. `None`: it has nothing yet.
#[derive(Debug, Default)]
pub(super) struct Position {
    /// What the client has for certain: what it has said itself, or acknowledged.
    acknowledged: Option<Box<str>>,
    /// What it was told in an answer that was not acknowledged. Nothing lies between.
    told: Option<Box<str>>,
    /// Where polls go on. Nothing lies between either.
    cursor: Option<Box<str>>,
}

impl Position {
    /// The client is at `since` for certain.
    pub(super) fn reported(since: Option<&str>) -> Self {
        let since = since.map(Box::from);
        Self {
            acknowledged: since.clone(),
            told: None,
            cursor: since,
        }
    }

    /// Whether a client says `since` that has all that was delivered, and no more.
    pub(super) fn is_known_to_client(&self, since: Option<&str>) -> bool {
        since == self.acknowledged.as_deref() || (since.is_some() && since == self.told.as_deref())
    }

    /// Where polls go on.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Whether `next_batch` is another place than where polls go on.
    pub(super) fn moves(&self, next_batch: &str) -> bool {
        self.cursor.as_deref() != Some(next_batch)
    }

    /// Nothing lies before `next_batch`.
    pub(super) fn go_on(&mut self, next_batch: &str) {
        if self.moves(next_batch) {
            self.cursor = Some(next_batch.into());
        }
    }

    /// Nothing lies before `next_batch`, and the client is told so.
    pub(super) fn tell(&mut self, next_batch: &str) {
        self.go_on(next_batch);
        self.told = Some(next_batch.into());
    }
}
