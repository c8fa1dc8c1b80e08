//! An observation, a virtual clock, and bodies as texts.

mod delivery;
mod hostile;
mod model;

mod polling;
mod register;
mod upstream;

use super::*;

/// A body with content and one with the same counts and nothing else.
const NEWS: &str = r#"{"next_batch":"b","rooms":{"join":{"!r":{}}}}"#;
const MORE_NEWS: &str = r#"{"next_batch":"c","rooms":{"join":{"!r":{"timeline":{}}}}}"#;
const SILENCE: &str = r#"{"next_batch":"b","rooms":{"join":{}}}"#;

struct Lab {
    observation: Observation,
    now: Instant,
}

impl Lab {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        Self {
            observation: Observation::new(settings, 7),
            now: Instant::now(),
        }
    }

    /// Registered with this `since`, where nothing is new, and polled for the first time.
    fn polling(since: &str) -> (Self, Poll) {
        let mut lab = Self::new();
        let poll = lab.register(&[&format!("since={since}")]);
        lab.answers(&poll, &format!(r#"{{"next_batch":"{since}"}}"#));
        assert!(matches!(
            lab.action(),
            Some(Action::AnswerRegister { delivery: None, .. })
        ));
        let poll = lab.next_poll();
        (lab, poll)
    }

    /// Registered at `a`, with [`NEWS`] under way.
    fn pushing() -> (Self, DeliveryId) {
        let (mut lab, poll) = Self::polling("a");
        lab.answers(&poll, NEWS);
        let delivery = lab.push(NEWS);
        (lab, delivery)
    }

    fn action(&mut self) -> Option<Action> {
        self.observation.poll_action()
    }

    /// Registers, which polls.
    fn register(&mut self, query: &[&str]) -> Poll {
        self.registers(query);
        match self.action() {
            Some(Action::Poll(poll)) => poll,
            other => panic!("{other:?}"),
        }
    }

    fn registers(&mut self, query: &[&str]) {
        let registration = Registration::from_query(query.iter().copied());
        self.observation.handle_register(self.now, registration);
    }

    /// The homeserver answers with this body.
    fn answers(&mut self, poll: &Poll, body: &str) {
        self.answers_with(poll, 200, None, body);
    }

    fn answers_with(&mut self, poll: &Poll, status: u16, retry_after: Option<u64>, body: &str) {
        let answer = Answer {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            body: body.to_owned().into(),
        };
        self.observation.handle_answer(self.now, poll.id, &answer);
    }

    fn fails(&mut self, poll: &Poll, failure: PollFailure) {
        self.observation.handle_failure(self.now, poll.id, failure);
    }

    fn delivered(&mut self, delivery: DeliveryId) {
        self.observation.handle_delivered(self.now, delivery);
    }

    fn undelivered(&mut self, delivery: DeliveryId) {
        self.observation
            .handle_undelivered(self.now, delivery, Undelivered::TimedOut);
    }

    fn alive(&mut self) {
        self.observation.handle_peer_alive(self.now);
    }

    /// The body is pushed now.
    fn push(&mut self, expected: &str) -> DeliveryId {
        match self.action() {
            Some(Action::Push { delivery, body }) => {
                assert_eq!(text(&body), expected);
                delivery
            }
            other => panic!("{other:?}"),
        }
    }

    /// The register is answered with this content now.
    fn answer(&mut self, expected: &str) -> DeliveryId {
        match self.action() {
            Some(Action::AnswerRegister {
                delivery: Some(delivery),
                body,
            }) => {
                assert_eq!(text(&body), expected);
                delivery
            }
            other => panic!("{other:?}"),
        }
    }

    /// The register is answered with this now, and no acknowledgement is waited for.
    fn answer_without_content(&mut self, expected: &str) {
        match self.action() {
            Some(Action::AnswerRegister {
                delivery: None,
                body,
            }) => assert_eq!(text(&body), expected),
            other => panic!("{other:?}"),
        }
    }

    /// Waits for what is due next. How long that was, in seconds, and the action.
    fn next(&mut self) -> (f64, Option<Action>) {
        let Some(due) = self.observation.poll_timeout() else {
            return (0.0, None);
        };
        let wait = due.saturating_duration_since(self.now);
        self.now += wait;
        self.observation.handle_timeout(self.now);
        (wait.as_secs_f64(), self.action())
    }

    fn next_poll(&mut self) -> Poll {
        match self.next() {
            (_, Some(Action::Poll(poll))) => poll,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for the next push.
    fn next_push(&mut self) -> (f64, DeliveryId) {
        match self.next() {
            (wait, Some(Action::Push { delivery, .. })) => (wait, delivery),
            other => panic!("{other:?}"),
        }
    }

    fn pass(&mut self, seconds: f64) {
        self.now += Duration::from_secs_f64(seconds);
    }
}

fn text(body: &Body) -> &str {
    str::from_utf8(body.as_bytes()).expect("UTF-8")
}

fn status_of(action: Option<Action>) -> (u16, String) {
    match action {
        Some(Action::RefuseRegister(refusal) | Action::EndWith(refusal)) => {
            (refusal.status, text(&refusal.body).to_owned())
        }
        other => panic!("{other:?}"),
    }
}
