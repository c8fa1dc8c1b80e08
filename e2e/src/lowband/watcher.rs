use std::time::{Duration, Instant};

use serde_json::Value;
use vestibule_coap::Code;
use vestibule_coap::endpoint::{Acknowledge, RequestId};

use super::{Answer, MatrixClient};

/// A client that gets what is new, by observation or by asking, and remembers each message that it
/// was given. It must be given each once, in order.
#[derive(Debug)]
pub struct Watcher {
    client: MatrixClient,
    observation: RequestId,
    next_batch: String,
    texts: Vec<String>,
}

impl Watcher {
    /// Registers from where the homeserver is now.
    #[track_caller]
    pub fn new(client: MatrixClient) -> Self {
        Self::from(client, None, Vec::new())
    }

    /// Registers from there, where these messages are known already.
    #[track_caller]
    pub fn from(mut client: MatrixClient, since: Option<&str>, texts: Vec<String>) -> Self {
        let (observation, first) = client.observe(since, Acknowledge::AtOnce);
        let mut watcher = Self {
            client,
            observation,
            next_batch: since.unwrap_or_default().to_owned(),
            texts,
        };
        watcher.take(&first);
        watcher
    }

    /// The messages so far.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Where it is.
    pub fn next_batch(&self) -> &str {
        &self.next_batch
    }

    /// What it speaks by.
    pub fn client(&mut self) -> &mut MatrixClient {
        &mut self.client
    }

    /// Takes what comes until it has so many messages.
    #[track_caller]
    pub fn wait_for(&mut self, count: usize, within: Duration) {
        let start = Instant::now();
        while self.texts.len() < count {
            let left = within.saturating_sub(start.elapsed());
            assert!(!left.is_zero(), "only {:?} of {count}", self.texts);
            self.take_one(left);
        }
    }

    /// Takes what comes for this long.
    #[track_caller]
    pub fn run_for(&mut self, time: Duration) {
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()) {
            self.take_one(left);
        }
    }

    /// Its process ends, and says nothing. What it knew: where it was, and the messages.
    pub fn die(self) -> (String, Vec<String>) {
        (self.next_batch, self.texts)
    }

    #[track_caller]
    fn take_one(&mut self, within: Duration) {
        let coaps = self.client.coaps();
        if let Some(response) = coaps.notification_within(self.observation, within) {
            self.take(&Answer::of(&response));
        }
    }

    /// A body that it has already it drops, as it says what it goes on behind.
    #[track_caller]
    fn take(&mut self, answer: &Answer) {
        assert_eq!(answer.code, Code::CONTENT, "{answer:?}");
        let (next_batch, texts) = read_sync(&answer.body);
        if next_batch != self.next_batch {
            self.next_batch = next_batch;
            self.texts.extend(texts);
        }
    }
}

/// What a sync says: where it ends, and the texts of the messages of all rooms.
#[track_caller]
pub fn read_sync(body: &Value) -> (String, Vec<String>) {
    let next_batch = body["next_batch"].as_str();
    let next_batch = next_batch.unwrap_or_else(|| panic!("no sync: {body}"));
    let mut texts = Vec::new();
    let rooms = body["rooms"]["join"].as_object();
    for room in rooms.into_iter().flat_map(|rooms| rooms.values()) {
        let events = room["timeline"]["events"].as_array();
        for event in events.into_iter().flatten() {
            if event["type"] == "m.room.message" {
                texts.extend(event["content"]["body"].as_str().map(str::to_owned));
            }
        }
    }
    (next_batch.to_owned(), texts)
}
