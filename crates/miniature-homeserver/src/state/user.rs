use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::Membership;

/// Somebody with an account.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) password: String,
    /// `displayname`, `avatar_url` and the like.
    pub(crate) profile: Map<String, Value>,
    pub(crate) devices: BTreeMap<String, Device>,
    /// By room (empty: of none) and type, with when it was set.
    pub(crate) account_data: BTreeMap<(String, String), (u64, Value)>,
    pub(crate) filters: Vec<Value>,
    /// What the user says of itself, and when.
    pub(crate) presence: (u64, Value),
    /// What the user is to rooms, and since when.
    pub(crate) rooms: BTreeMap<String, Standing>,
    /// When keys of the user's devices changed.
    pub(crate) keys_changed_at: u64,
    /// Wakes the user's syncs.
    pub(crate) news: Arc<Notify>,
    /// How many syncs wait.
    pub(crate) waiting: usize,
}

/// What a user is to a room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) membership: Membership,
    pub(crate) since: u64,
}

/// A device of a user.
#[derive(Debug, Default)]
pub(crate) struct Device {
    pub(crate) name: Option<String>,
    pub(crate) keys: Option<Value>,
    /// By algorithm and identifier.
    pub(crate) one_time_keys: BTreeMap<String, Value>,
    pub(crate) fallback_keys: BTreeMap<String, Value>,
    /// What was sent to the device and is not known to have come, with when it was sent.
    inbox: VecDeque<(u64, Value)>,
    transactions: Transactions,
}

/// Most messages that wait for a device. The oldest are lost.
const MAX_INBOX: usize = 1_000;

/// Most transactions that are remembered of a device.
const MAX_TRANSACTIONS: usize = 1_000;

/// What was answered to a transaction, by what it was about and its identifier.
#[derive(Debug, Default)]
struct Transactions {
    answers: HashMap<String, String>,
    order: VecDeque<String>,
}

impl User {
    pub(super) fn new(name: &str, password: &str) -> Self {
        let mut profile = Map::new();
        profile.insert("displayname".into(), name.into());
        Self {
            password: password.to_owned(),
            profile,
            devices: BTreeMap::new(),
            account_data: BTreeMap::new(),
            filters: Vec::new(),
            presence: (0, serde_json::json!({ "presence": "offline" })),
            rooms: BTreeMap::new(),
            keys_changed_at: 0,
            news: Arc::new(Notify::new()),
            waiting: 0,
        }
    }

    /// The rooms that the user is joined to.
    pub(crate) fn joined(&self) -> impl Iterator<Item = &str> {
        self.rooms
            .iter()
            .filter(|(_, standing)| standing.membership == Membership::Joined)
            .map(|(room, _)| room.as_str())
    }
}

impl Device {
    /// How many one-time keys there are of each algorithm; 0 of `signed_curve25519` is said too.
    pub(crate) fn key_counts(&self) -> Map<String, Value> {
        let mut counts = BTreeMap::from([("signed_curve25519", 0_u64)]);
        for name in self.one_time_keys.keys() {
            let algorithm = name.split_once(':').map_or(name.as_str(), |(a, _)| a);
            *counts.entry(algorithm).or_default() += 1;
        }
        let own = |(algorithm, count): (&str, u64)| (algorithm.to_owned(), count.into());
        counts.into_iter().map(own).collect()
    }

    /// The algorithms of fallback keys.
    pub(crate) fn fallback_algorithms(&self) -> Vec<&str> {
        let names = self.fallback_keys.keys();
        let mut algorithms: Vec<&str> = names
            .filter_map(|name| name.split_once(':').map(|(algorithm, _)| algorithm))
            .collect();
        algorithms.dedup();
        algorithms
    }

    pub(super) fn deliver(&mut self, position: u64, message: Value) {
        if self.inbox.len() == MAX_INBOX {
            self.inbox.pop_front();
        }
        self.inbox.push_back((position, message));
    }

    /// Forgets messages up to this position: the device has them.
    pub(crate) fn acknowledge(&mut self, position: u64) {
        while self.inbox.front().is_some_and(|(at, _)| *at <= position) {
            self.inbox.pop_front();
        }
    }

    /// Messages that wait.
    pub(crate) fn inbox(&self) -> impl Iterator<Item = &Value> {
        self.inbox.iter().map(|(_, message)| message)
    }

    /// What was answered to a transaction.
    pub(crate) fn answered(&self, transaction: &str) -> Option<&str> {
        let answers = &self.transactions.answers;
        answers.get(transaction).map(String::as_str)
    }

    /// Remembers what was answered to a transaction.
    pub(crate) fn remember(&mut self, transaction: String, answer: String) {
        let transactions = &mut self.transactions;
        if transactions.order.len() == MAX_TRANSACTIONS
            && let Some(oldest) = transactions.order.pop_front()
        {
            transactions.answers.remove(&oldest);
        }
        transactions.order.push_back(transaction.clone());
        transactions.answers.insert(transaction, answer);
    }
}
