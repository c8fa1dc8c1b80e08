use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

/// Many requests of one client, one after the other.
#[derive(Clone, Debug)]
pub struct Load {
    to: String,
    count: usize,
    window: usize,
    sets: usize,
    pace: Duration,
    patience: Duration,
}

impl Load {
    /// This many requests to `to`, 16 at a time; half of them are sets.
    pub fn new(to: impl Into<String>, count: usize) -> Self {
        Self {
            to: to.into(),
            count,
            window: 16,
            sets: 2,
            pace: Duration::ZERO,
            patience: Duration::from_secs(60),
        }
    }

    /// How many are unanswered at once.
    pub fn window(mut self, window: usize) -> Self {
        self.window = window;
        self
    }

    /// No sets.
    pub fn gets(mut self) -> Self {
        self.sets = 0;
        self
    }

    /// How long it waits between two requests.
    pub fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// How long each may go without an answer.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub(super) fn order(&self, label: usize) -> Value {
        let Self {
            to,
            count,
            window,
            sets,
            pace,
            patience,
        } = self;
        json!({
            "order": "load",
            "to": to,
            "count": count,
            "window": window,
            "sets": sets,
            "pace": pace.as_secs_f64(),
            "patience": patience.as_secs_f64(),
            "linger": 0.5,
            "label": label,
        })
    }
}

/// How a load went.
#[derive(Clone, Debug, Deserialize)]
pub struct Report {
    /// What became of the gets.
    pub get: Tally,
    /// What became of the sets.
    pub set: Tally,
    /// Who has given results, and how many.
    pub by: BTreeMap<String, usize>,
    /// A text of each kind of error.
    pub texts: BTreeMap<String, String>,
    /// Answers that came twice, from the wrong address or to somebody else's request.
    pub problems: Vec<String>,
    /// The longest time until an answer, in seconds.
    pub slowest: f64,
}

/// What became of requests.
#[derive(Clone, Debug, Deserialize)]
pub struct Tally {
    /// How many were sent.
    pub sent: usize,
    /// How many had a result.
    pub results: usize,
    /// How many had an error, by `type/condition`.
    pub errors: BTreeMap<String, usize>,
    /// How many had no answer.
    pub unanswered: usize,
}

impl Report {
    /// Panics unless every request had exactly one answer, its own, within this time.
    #[track_caller]
    pub fn assert_answered_once(&self, within: Duration) {
        assert!(self.problems.is_empty(), "{self:#?}");
        for tally in [&self.get, &self.set] {
            assert_eq!(tally.unanswered, 0, "{self:#?}");
            assert_eq!(tally.sent, tally.results + tally.failed(), "{self:#?}");
        }
        assert!(self.slowest < within.as_secs_f64(), "{self:#?}");
    }

    /// How many requests had no answer.
    pub fn lost(&self) -> usize {
        self.get.unanswered + self.set.unanswered
    }
}

impl Tally {
    /// How many had an error.
    pub fn failed(&self) -> usize {
        self.errors.values().sum()
    }

    /// Panics unless all errors are this one.
    #[track_caller]
    pub fn assert_only(&self, error: &str) {
        assert!(self.errors.keys().all(|found| found == error), "{self:#?}");
    }
}
