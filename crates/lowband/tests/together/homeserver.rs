//! A homeserver: one room that both users are in, and whatever else they ask.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use http::Method;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use vestibule_lowband::sync::PollFailure;

use crate::notes::{Call, Heard, content, item, number, timeout, token};

/// A log of events, answers that may take long, and errors until all is well.
pub(crate) struct Homeserver {
    rng: StdRng,
    /// How often it has trouble.
    trouble: f64,
    heals: Duration,
    log: Vec<Entry>,
    pub(crate) events: u64,
    /// The keys that each user has left.
    pub(crate) counts: [u64; 2],
    waiting: BTreeMap<u64, Waiting>,
    last_id: u64,
    /// The event of each transaction.
    sent: HashMap<(String, String), u64>,
    /// How often each call has come.
    arrivals: HashMap<u64, u32>,
    /// What each call was answered, if well.
    answers: HashMap<u64, Value>,
}

enum Entry {
    Event(Value),
    /// What is nobody's business, but moves the position.
    Hidden,
}

/// A request without an answer.
struct Waiting {
    call: Call,
    /// When it can be answered.
    ready: Duration,
    /// When it is answered in any case.
    until: Duration,
    answer: Planned,
}

enum Planned {
    /// What is new then.
    Sync,
    Heard(Heard),
    Failure(PollFailure),
}

impl Homeserver {
    pub(crate) fn new(rng: StdRng, trouble: f64, heals: Duration) -> Self {
        Self {
            rng,
            trouble,
            heals,
            log: Vec::new(),
            events: 0,
            counts: [0; 2],
            waiting: BTreeMap::new(),
            last_id: 0,
            sent: HashMap::new(),
            arrivals: HashMap::new(),
            answers: HashMap::new(),
        }
    }

    /// Something happens in the room, or elsewhere.
    pub(crate) fn happen(&mut self, size: usize) {
        match self.rng.random_range(0..8) {
            0..5 => drop(self.say(size)),
            5..7 => self.log.push(Entry::Hidden),
            _ => self.counts[self.rng.random_range(0..2)] += 1,
        }
    }

    /// An event, and its number.
    pub(crate) fn say(&mut self, size: usize) -> u64 {
        let number = self.events;
        self.events += 1;
        self.log.push(Entry::Event(json!({
            "type": "m.room.message",
            "event_id": format!("$e{number}"),
            "content": content(number, size),
            "size": size,
        })));
        number
    }

    /// A request has come. It is answered later.
    pub(crate) fn ask(&mut self, now: Duration, call: Call) -> u64 {
        check_token(&call);
        self.last_id += 1;
        let wait = match self.rng.random_range(0..10) {
            _ if now >= self.heals => 50,
            0 => self.rng.random_range(0..20_000),
            1..4 => self.rng.random_range(0..3_000),
            _ => self.rng.random_range(0..200),
        };
        let ready = now + Duration::from_millis(wait);
        let is_sync = call.target.split('?').next() == Some("/_matrix/client/v3/sync");
        let has_trouble = now < self.heals && self.rng.random_bool(self.trouble);
        let answer = match (has_trouble, is_sync) {
            (false, true) => Planned::Sync,
            (false, false) => Planned::Heard(self.execute(&call)),
            (true, _) => {
                // It may have been done all the same.
                if !is_sync && self.rng.random() {
                    self.execute(&call);
                }
                self.trouble()
            }
        };
        let until = match answer {
            Planned::Sync => ready.max(now + timeout(&call.target)),
            _ => ready,
        };
        let waiting = Waiting {
            call,
            ready,
            until,
            answer,
        };
        self.waiting.insert(self.last_id, waiting);
        self.last_id
    }

    /// The answer is not needed any more.
    pub(crate) fn cancel(&mut self, id: u64) {
        self.waiting.remove(&id);
    }

    /// All that waits has no answer.
    pub(crate) fn restart(&mut self, now: Duration) {
        for waiting in self.waiting.values_mut() {
            waiting.answer = Planned::Failure(PollFailure::Unreachable);
            waiting.until = now;
        }
    }

    pub(crate) fn next_timer(&self) -> Option<Duration> {
        self.waiting.values().map(|it| self.due(it)).min()
    }

    /// An answer that is due.
    pub(crate) fn answer(&mut self, now: Duration) -> Option<(u64, Result<Heard, PollFailure>)> {
        let is_due = |waiting: &Waiting| self.due(waiting) <= now;
        let id = *self.waiting.iter().find(|(_, it)| is_due(it))?.0;
        let waiting = self.waiting.remove(&id)?;
        Some((
            id,
            match waiting.answer {
                Planned::Sync => Ok(ok(&self.sync(&waiting.call.target))),
                Planned::Heard(heard) => Ok(heard),
                Planned::Failure(failure) => Err(failure),
            },
        ))
    }

    /// What this call was answered, if well.
    pub(crate) fn answered(&self, call: u64) -> Option<&Value> {
        self.answers.get(&call)
    }

    /// How often this call has come.
    pub(crate) fn arrivals(&self, call: u64) -> u32 {
        self.arrivals.get(&call).copied().unwrap_or_default()
    }

    /// The event of a transaction.
    pub(crate) fn event_of(&self, user: usize, transaction: &str) -> Option<u64> {
        let key = (token(user), transaction.to_owned());
        self.sent.get(&key).copied()
    }

    fn due(&self, waiting: &Waiting) -> Duration {
        let has_news = since(&waiting.call.target) < self.log.len();
        match waiting.answer {
            Planned::Sync if has_news => waiting.ready,
            _ => waiting.until,
        }
    }

    fn sync(&self, target: &str) -> Value {
        let news = self.log[since(target)..].iter();
        let events: Vec<&Value> = news
            .filter_map(|entry| match entry {
                Entry::Event(event) => Some(event),
                Entry::Hidden => None,
            })
            .collect();
        let join = match events.is_empty() {
            true => json!({}),
            false => json!({"!r:hs": {"timeline": {"events": events, "limited": false}}}),
        };
        let user = number(target, "filter").expect("a filter") as usize;
        json!({
            "next_batch": format!("s{}", self.log.len()),
            "rooms": {"join": join},
            "device_one_time_keys_count": {"signed_curve25519": self.counts[user]},
        })
    }

    /// Anything but a sync.
    fn execute(&mut self, call: &Call) -> Heard {
        let target = &call.target;
        let id = number(target, "call").expect("a call");
        let size = number(target, "size").expect("a size") as usize;
        *self.arrivals.entry(id).or_default() += 1;
        let path = target.split('?').next().expect("a path");
        let answer = match call.method {
            Method::GET => content(id + 1, size),
            _ => {
                let body: Value = serde_json::from_slice(&call.body).expect("JSON");
                assert_eq!(body, content(id, size), "the body of another call");
                match path.rsplit_once("/send/m.room.message/") {
                    Some((_, transaction)) => {
                        let user = call.token.clone().expect("a token");
                        let key = (user, transaction.to_owned());
                        let event = match self.sent.get(&key) {
                            Some(event) => *event,
                            None => self.say(size),
                        };
                        self.sent.insert(key, event);
                        json!({"event_id": format!("$e{event}")})
                    }
                    None => json!({"one_time_key_counts": {"signed_curve25519": id}}),
                }
            }
        };
        let heard = ok(&answer);
        self.answers.insert(id, answer);
        heard
    }

    fn trouble(&mut self) -> Planned {
        let (status, body) = match self.rng.random_range(0..9) {
            0 => return Planned::Failure(PollFailure::TimedOut),
            1 => return Planned::Failure(PollFailure::Unreachable),
            2 => (401, r#"{"errcode":"M_UNKNOWN_TOKEN","error":"no"}"#),
            3 => (403, r#"{"errcode":"M_FORBIDDEN","error":"no"}"#),
            4 => (404, r#"{"errcode":"M_NOT_FOUND","error":"no"}"#),
            5 => (
                429,
                r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2000}"#,
            ),
            6 => (500, r#"{"errcode":"M_UNKNOWN","error":"no"}"#),
            7 => (502, "<html>Bad Gateway</html>"),
            _ => (200, "<html>Welcome</html>"),
        };
        Planned::Heard(Heard {
            status,
            retry_after: None,
            body: body.into(),
        })
    }
}

fn since(target: &str) -> usize {
    let since = item(target, "since").and_then(|since| since.strip_prefix('s'));
    since.map_or(0, |since| since.parse().expect("a position"))
}

fn ok(body: &Value) -> Heard {
    Heard {
        status: 200,
        retry_after: None,
        body: body.to_string().into(),
    }
}

/// Each request has the token of the user who sends it, who is named in its query, or none.
fn check_token(call: &Call) {
    let user = number(&call.target, "filter");
    let expected = user.map(|user| token(user as usize));
    assert_eq!(call.token, expected, "the token of {}", call.target);
}
