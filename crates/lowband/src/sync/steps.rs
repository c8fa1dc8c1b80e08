//! The steps from one stage of an observation to the next.

use std::time::{Duration, Instant};

use super::{
    Action, Body, DeliveryId, Held, Observation, Poll, PollId, Refusal, Stage, backoff::jitter,
    body::Summary, position::Position, settings::after, upstream::Trouble,
};

/// A poll that has taken less than this part of its time was answered at once.
const AT_ONCE: u32 = 10;

impl Observation {
    /// Whether an answer to this poll is one for a register; `None`: it is not waited for.
    pub(super) fn is_register(&self, poll: PollId) -> Option<bool> {
        match self.stage {
            Stage::Registering(id) if id == poll => Some(true),
            Stage::Polling(id) if id == poll => Some(false),
            _ => None,
        }
    }

    /// The homeserver has answered with a body.
    pub(super) fn take_body(
        &mut self,
        now: Instant,
        is_register: bool,
        body: &Body,
        summary: &Summary<'_>,
    ) {
        self.polls.reset();
        // Where the position has not moved, whatever is there now is there next time as well. Only
        // counts change without it.
        let may_be_news = is_register || self.position.moves(&summary.next_batch);
        if summary.counts != self.counts || (summary.has_news && may_be_news) {
            self.held = Some(Held {
                body: body.clone(),
                counts: summary.counts.to_owned(),
                has_full_state: self.wants_full_state,
                next_batch: summary.next_batch.as_ref().into(),
            });
            self.spacing.reset();
            return self.deliver(is_register);
        }
        self.wants_full_state = false;
        match is_register {
            true => {
                self.position.tell(&summary.next_batch);
                self.action = Some(Action::AnswerRegister {
                    delivery: None,
                    body: nothing_new(&summary.next_batch),
                });
                self.rest(now, self.settings.spacing);
            }
            false => {
                self.position.go_on(&summary.next_batch);
                let spacing = self.spacing_after_silence(now);
                self.rest(now, spacing);
            }
        }
    }

    /// The homeserver has not answered with a body.
    pub(super) fn take_trouble(&mut self, now: Instant, is_register: bool, trouble: Trouble) {
        if is_register || trouble.is_final {
            return self.give_up(is_register, trouble.refusal);
        }
        let wait = self.polls.next(&mut self.random);
        let asked = trouble.refusal.retry_after.unwrap_or_default();
        let asked = asked + jitter(asked, &mut self.random);
        self.stage = Stage::Resting(after(now, wait.max(asked)));
    }

    /// Asks the homeserver for what comes behind the position.
    pub(super) fn poll(&mut self, now: Instant, timeout: Duration) -> PollId {
        let id = PollId(self.next_id());
        let since = self.position.cursor();
        let query = self
            .registration
            .poll_query(since, self.wants_full_state, timeout);
        self.action = Some(Action::Poll(Poll { id, query, timeout }));
        self.last_poll = Some(now);
        id
    }

    /// Delivers the body that is held.
    pub(super) fn deliver(&mut self, is_answer: bool) {
        let delivery = DeliveryId(self.next_id());
        let Some(held) = &self.held else { return };
        let body = held.body.clone();
        self.action = Some(match is_answer {
            true => Action::AnswerRegister {
                delivery: Some(delivery),
                body,
            },
            false => Action::Push { delivery, body },
        });
        self.stage = Stage::Delivering {
            id: delivery,
            is_answer,
        };
    }

    /// The time between the beginnings of the poll that has just brought nothing and of the next one.
    fn spacing_after_silence(&mut self, now: Instant) -> Duration {
        let took = self
            .last_poll
            .map_or(Duration::ZERO, |poll| now.saturating_duration_since(poll));
        if took < self.settings.long_poll / AT_ONCE {
            return self.spacing.next(&mut self.random);
        }
        self.spacing.reset();
        self.settings.spacing
    }

    /// Waits until the homeserver may be polled again, `spacing` after the last poll has begun.
    pub(super) fn rest(&mut self, now: Instant, spacing: Duration) {
        let spaced = self.last_poll.map(|poll| after(poll, spacing));
        self.stage = Stage::Resting(spaced.map_or(now, |spaced| spaced.max(now)));
    }

    /// The client is told why nothing is observed (any more).
    pub(super) fn give_up(&mut self, is_register: bool, refusal: Refusal) {
        self.end(match is_register {
            true => Action::RefuseRegister(refusal),
            false => Action::EndWith(refusal),
        });
    }

    /// Nothing is observed any more.
    pub(super) fn end(&mut self, action: Action) {
        self.action = Some(action);
        self.held = None;
        self.position = Position::default();
        self.silent_since = None;
        self.stage = Stage::Over;
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}

/// The body of an answer that has nothing new.
fn nothing_new(next_batch: &str) -> Body {
    let next_batch = serde_json::Value::from(next_batch);
    format!(r#"{{"next_batch":{next_batch}}}"#).into()
}
