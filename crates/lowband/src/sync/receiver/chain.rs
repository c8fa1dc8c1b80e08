//! Bodies that were pushed and wait for who has asked for them.

use std::collections::VecDeque;

use crate::sync::{
    action::Body,
    body::{Counts, Summary},
};

/// Bodies, each of which goes on where the one before ends.
#[derive(Debug, Default)]
pub(super) struct Chain {
    links: VecDeque<Link>,
    /// Where the next body goes on.
    end: Place,
    /// As of the end.
    counts: Counts<'static>,
    /// Whether they have changed where no body says so.
    has_new_counts: bool,
    bytes: usize,
}

/// A body, and where it goes on.
#[derive(Debug)]
struct Link {
    from: Place,
    body: Body,
    /// Whether it ends where it begins.
    is_still: bool,
}

/// A position. It has two names where the server has said that nothing lies between them.
#[derive(Debug, Default)]
struct Place {
    first: Option<Box<str>>,
    second: Option<Box<str>>,
}

impl Chain {
    /// Nothing, from `since` on. What is known of counts holds where `is_known`.
    pub(super) fn restart(&mut self, since: Option<&str>, is_known: bool) {
        let counts = std::mem::take(&mut self.counts);
        *self = Self {
            end: Place::at(since),
            counts: if is_known { counts } else { Counts::default() },
            ..Self::default()
        };
    }

    /// Takes a body that has come. `is_first` says that it is the first one since the restart.
    pub(super) fn take(&mut self, body: Body, summary: &Summary<'_>, is_first: bool) {
        let next_batch = Some(&*summary.next_batch);
        if is_first && !summary.has_news && summary.counts == Counts::default() {
            // There was nothing to say, of counts neither.
            self.end.second = next_batch.map(Box::from);
            return;
        }
        let is_repeated = !is_first && self.end.is(next_batch);
        if is_repeated {
            self.has_new_counts |= self.counts != summary.counts;
        }
        self.counts = summary.counts.to_owned();
        if !is_repeated {
            self.has_new_counts = false;
            self.bytes += body.len();
            let from = std::mem::replace(&mut self.end, Place::at(next_batch));
            self.links.push_back(Link {
                is_still: from.is(next_batch),
                from,
                body,
            });
        }
    }

    /// Whether `since` is a place from which the chain goes on, or will.
    pub(super) fn has(&self, since: Option<&str>) -> bool {
        self.is_end(since) || self.links.iter().any(|link| link.from.is(since))
    }

    /// Whether the next body goes on from `since`.
    pub(super) fn is_end(&self, since: Option<&str>) -> bool {
        self.end.is(since)
    }

    /// Drops what lies before `since`: it was taken.
    pub(super) fn confirm(&mut self, since: Option<&str>) {
        let at = self.links.iter().position(|link| link.from.is(since));
        let taken = at.unwrap_or(self.links.len());
        for link in self.links.drain(..taken) {
            self.bytes -= link.body.len();
        }
    }

    /// The body that goes on from `since`. It is kept: only who goes on behind it has taken it.
    pub(super) fn body(&mut self, since: Option<&str>) -> Option<Body> {
        let at = self.links.iter().position(|link| link.from.is(since))?;
        if !self.links[at].is_still {
            return Some(self.links[at].body.clone());
        }
        // Who has taken one that ends where it begins cannot say so.
        let link = self.links.remove(at)?;
        self.bytes -= link.body.len();
        Some(link.body)
    }

    /// What is said when there is nothing behind `since`. It has the counts that are known: a client
    /// takes those that are missing for zero. `None`: who has nothing yet waits for something.
    pub(super) fn silence(&mut self, since: Option<&str>) -> Option<Body> {
        let is_end = self.is_end(since);
        let next_batch = match is_end {
            true => self.end.second.as_deref().or(since)?,
            false => since?,
        };
        let next_batch = serde_json::Value::from(next_batch);
        let mut json = format!(r#"{{"next_batch":{next_batch}"#);
        if is_end {
            self.has_new_counts = false;
            self.counts.write_members(&mut json);
        }
        json.push('}');
        Some(json.into())
    }

    /// Whether who is at the end has to be told counts.
    pub(super) fn has_new_counts(&self) -> bool {
        self.has_new_counts
    }

    /// How many bodies there are.
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// How long they are, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Place {
    fn at(since: Option<&str>) -> Self {
        Self {
            first: since.map(Box::from),
            second: None,
        }
    }

    fn is(&self, since: Option<&str>) -> bool {
        since == self.first.as_deref() || (since.is_some() && since == self.second.as_deref())
    }
}
