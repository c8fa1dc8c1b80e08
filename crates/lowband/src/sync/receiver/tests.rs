//! A receiver, a virtual clock, and bodies as texts.

mod calls;
mod chain;
mod registering;

use super::*;

const B: &str = r#"{"next_batch":"b","rooms":{"join":{"!r":{}}}}"#;
const C: &str = r#"{"next_batch":"c","rooms":{"join":{"!r":{}}}}"#;

struct Lab {
    receiver: Receiver,
    now: Instant,
}

impl Lab {
    fn new() -> Self {
        Self {
            receiver: Receiver::new(ReceiverSettings::default(), 7),
            now: Instant::now(),
        }
    }

    /// Registered at `since`, where nothing was new, and no call waits.
    fn registered(since: &str) -> (Self, RegistrationId) {
        let mut lab = Self::new();
        let call = lab.call(&[&format!("since={since}")], 0);
        let (id, _) = lab.register();
        assert_eq!(lab.body(id, &nothing(since)), Receipt::Acknowledge);
        lab.pass(20);
        assert_eq!(lab.action(), answer(call, &nothing(since)));
        (lab, id)
    }

    /// A call that is content to wait for so many seconds.
    fn call(&mut self, query: &[&str], timeout: u64) -> CallId {
        let registration = Registration::from_query(query.iter().copied());
        let timeout = Duration::from_secs(timeout);
        self.receiver.handle_call(self.now, registration, timeout)
    }

    fn body(&mut self, id: RegistrationId, body: &str) -> Receipt {
        self.receiver
            .handle_body(self.now, id, body.to_owned().into())
    }

    fn action(&mut self) -> Option<ReceiverAction> {
        self.receiver.poll_action()
    }

    /// A register is sent now, with this query.
    fn register(&mut self) -> (RegistrationId, Vec<String>) {
        match self.action() {
            Some(ReceiverAction::Register { id, registration }) => (id, registration.query()),
            other => panic!("{other:?}"),
        }
    }

    /// So many seconds pass; what is due is done in time.
    fn pass(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(due) = self.receiver.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.receiver.handle_timeout(self.now);
        }
        self.now = until;
    }
}

fn answer(call: CallId, body: &str) -> Option<ReceiverAction> {
    Some(ReceiverAction::Answer {
        call,
        body: body.to_owned().into(),
    })
}

fn nothing(since: &str) -> String {
    format!(r#"{{"next_batch":"{since}"}}"#)
}
