//! A client of Matrix that knows nothing of CoAP.

use std::collections::HashMap;
use std::time::Duration;

use http::Method;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::companion::TRIES;
use crate::homeserver::Homeserver;
use crate::notes::{Call, Heard, content, token};
use crate::scenario::{Ask, What};

/// One user. It syncs in a loop, and does what the scenario says.
pub(crate) struct Client {
    user: usize,
    rng: StdRng,
    pub(crate) state: State,
    /// What was on disk, the latest last.
    checkpoints: Vec<State>,
    presence: u32,
    sync: Option<(u64, Duration, Option<String>)>,
    next_sync: Duration,
    /// Those to come, the next one last.
    asks: Vec<Ask>,
    open: HashMap<u64, Open>,
    pub(crate) syncs: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    transactions: Vec<String>,
}

/// What a client keeps.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    since: Option<String>,
    pub(crate) seen: u64,
    pub(crate) count: Option<u64>,
}

#[derive(Clone)]
struct Open {
    ask: Ask,
    begun: Duration,
}

/// How long a client waits for its sync, which asks for half a minute.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long it takes at most when there is something to be told: longer than was asked for, because
/// the companion is patient when it has lost the gateway.
const TOLD: Duration = Duration::from_secs(90);

impl Client {
    /// One that begins at the time given, and asks these, the next one last.
    pub(crate) fn new(user: usize, rng: StdRng, (begin, asks): (Duration, Vec<Ask>)) -> Self {
        Self {
            user,
            rng,
            state: State::default(),
            checkpoints: Vec::new(),
            presence: 0,
            sync: None,
            next_sync: begin,
            asks,
            open: HashMap::new(),
            syncs: 0,
            answered: 0,
            failed: 0,
            transactions: Vec::new(),
        }
    }

    pub(crate) fn next_timer(&self) -> Option<Duration> {
        let sync = match &self.sync {
            Some((_, begun, _)) => *begun + PATIENCE,
            None => self.next_sync,
        };
        let ask = self.asks.last().map(|ask| ask.at);
        [Some(sync), ask].into_iter().flatten().min()
    }

    /// A sync that is given up.
    pub(crate) fn give_up(&mut self, now: Duration) -> Option<u64> {
        let (number, _, since) = self
            .sync
            .take_if(|(_, begun, _)| *begun + PATIENCE <= now)?;
        assert!(since.is_none(), "a sync without an answer");
        Some(number)
    }

    /// A call that is due, under the number that it gets.
    pub(crate) fn call(&mut self, now: Duration, number: u64) -> Option<(Call, Duration)> {
        if self.sync.is_none() && self.next_sync <= now {
            self.sync = Some((number, now, self.state.since.clone()));
            return Some((self.sync_call(), PATIENCE));
        }
        let ask = self.asks.pop_if(|ask| ask.at <= now)?;
        let call = self.begin(&ask, number);
        let deadline = ask.deadline;
        self.open.insert(number, Open { ask, begun: now });
        Some((call, deadline))
    }

    /// A call is answered.
    pub(crate) fn handle_answer(
        &mut self,
        now: Duration,
        number: u64,
        heard: &Heard,
        homeserver: &Homeserver,
        is_healed: bool,
    ) {
        if let Some((_, begun, since)) = self.sync.take_if(|(other, ..)| *other == number) {
            assert!(since.is_none() || now <= begun + TOLD, "a sync took long");
            self.syncs += 1;
            return self.synced(now, since.as_deref(), heard, is_healed);
        }
        let Some(open) = self.open.remove(&number) else {
            return;
        };
        assert!(now <= open.begun + open.ask.deadline * TRIES, "too late");
        let body: Value = serde_json::from_slice(&heard.body).expect("JSON");
        if heard.status == 200 {
            self.answered += 1;
            assert_eq!(Some(&body), homeserver.answered(number), "another answer");
        } else {
            self.failed += 1;
            assert!(body.get("errcode").is_some(), "{body}");
        }
        if let What::Send(transaction) = &open.ask.what {
            if heard.status == 200 {
                let event = homeserver.event_of(self.user, transaction);
                let id = format!("$e{}", event.expect("an event"));
                assert_eq!(body["event_id"], id, "the event of another transaction");
            } else {
                let wait = self.rng.random_range(1_000..10_000);
                self.asks.push(Ask {
                    at: now + Duration::from_millis(wait),
                    ..open.ask
                });
                self.asks.sort_by_key(|ask| std::cmp::Reverse(ask.at));
            }
        }
    }

    /// The client begins again from something that was on disk.
    pub(crate) fn restart(&mut self, now: Duration) -> Option<u64> {
        let kept = self.rng.random_range(0..=self.checkpoints.len());
        self.checkpoints.truncate(kept);
        self.state = self.checkpoints.last().cloned().unwrap_or_default();
        self.presence += u32::from(self.rng.random_ratio(1, 2));
        self.next_sync = self.next_sync.max(now);
        self.sync.take().map(|(number, ..)| number)
    }

    /// The companion is gone, and with it the sync that waits.
    pub(crate) fn hang_up(&mut self, now: Duration) {
        if self.sync.take().is_some() {
            self.next_sync = now + Duration::from_secs(1);
        }
    }

    /// Whether all was seen and said.
    pub(crate) fn is_whole(&self, homeserver: &Homeserver) -> bool {
        self.state.seen == homeserver.events
            && self.state.count == Some(homeserver.counts[self.user])
            && self.asks.is_empty()
            && self.open.is_empty()
    }

    /// The transactions that were sent, each of which has one event.
    pub(crate) fn check(&self, homeserver: &Homeserver) {
        for transaction in &self.transactions {
            assert!(homeserver.event_of(self.user, transaction).is_some());
        }
    }

    fn synced(&mut self, now: Duration, since: Option<&str>, heard: &Heard, is_healed: bool) {
        if heard.status != 200 {
            self.next_sync = now + Duration::from_secs(5);
            return;
        }
        let wait = match self.rng.random_range(0..12) {
            0 if !is_healed => self.rng.random_range(0..100_000),
            _ => self.rng.random_range(0..1_000),
        };
        self.next_sync = now + Duration::from_millis(wait);
        if !is_healed && self.rng.random_ratio(1, 16) {
            // The answer is lost, as far as the client can tell.
            return;
        }
        assert_eq!(since, self.state.since.as_deref());
        let body: Value = serde_json::from_slice(&heard.body).expect("JSON");
        let next_batch = body["next_batch"].as_str().expect("a position");
        let events = &body["rooms"]["join"]["!r:hs"]["timeline"]["events"];
        for event in events.as_array().into_iter().flatten() {
            let number = self.state.seen;
            assert_eq!(event["event_id"], format!("$e{number}"), "the next event");
            let size = event["size"].as_u64().expect("a size") as usize;
            assert_eq!(event["content"], content(number, size), "another event");
            self.state.seen += 1;
        }
        let count = &body["device_one_time_keys_count"]["signed_curve25519"];
        self.state.count = count.as_u64().or(self.state.count);
        self.state.since = Some(next_batch.to_owned());
        self.checkpoints.push(self.state.clone());
    }

    fn sync_call(&self) -> Call {
        let Self { user, presence, .. } = self;
        let since = self.state.since.as_ref();
        let since = since.map_or(String::new(), |since| format!("&since={since}"));
        Call {
            method: Method::GET,
            target: format!(
                "/_matrix/client/v3/sync?filter={user}&set_presence=p{presence}&timeout=30000{since}"
            ),
            token: Some(token(*user)),
            body: Vec::new(),
        }
    }

    fn begin(&mut self, ask: &Ask, number: u64) -> Call {
        let (method, path) = match &ask.what {
            What::Send(transaction) => {
                if !self.transactions.contains(transaction) {
                    self.transactions.push(transaction.clone());
                }
                let path =
                    format!("/_matrix/client/v3/rooms/!r:hs/send/m.room.message/{transaction}");
                (Method::PUT, path)
            }
            What::Upload => (Method::POST, "/_matrix/client/v3/keys/upload".to_owned()),
            What::Messages => (
                Method::GET,
                "/_matrix/client/v3/rooms/!r:hs/messages".to_owned(),
            ),
            What::Profile => (Method::GET, "/_matrix/client/v3/profile/@a:hs".to_owned()),
        };
        let user = self.user;
        let is_anonymous = matches!(ask.what, What::Profile);
        let filter = match is_anonymous {
            true => String::new(),
            false => format!("&filter={user}"),
        };
        let body = match method {
            Method::GET => Vec::new(),
            _ => content(number, ask.size).to_string().into_bytes(),
        };
        Call {
            method,
            target: format!("{path}?call={number}&size={}{filter}", ask.size),
            token: (!is_anonymous).then(|| token(user)),
            body,
        }
    }
}
