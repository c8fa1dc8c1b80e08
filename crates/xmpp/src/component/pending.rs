//! Requests that wait for their answers.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
    time::Instant,
};

use slab::Slab;

use super::{Outcome, Settings};
use crate::jid;

/// How many requests are remembered whose answers come too late.
const LATE: usize = 8192;

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    /// Who has asked, a full address.
    pub(super) sender: String,
    /// The address that was asked.
    pub(super) asked: String,
    /// What the requester calls it.
    pub(super) id: String,
    pub(super) is_set: bool,
    pub(super) namespace: String,
    /// The session that it belongs to, as [`Memory`](super::memory::Memory) knows it.
    pub(super) session: Option<String>,
    /// All of it, if it may be asked again.
    pub(super) raw: Option<Box<str>>,
    pub(super) began: Instant,
    /// Until when an answer may take.
    pub(super) due: Instant,
    pub(super) attempts: u32,
    /// Resources that were asked before, and are not asked again.
    pub(super) tried: Vec<String>,
    /// The resource that was asked last.
    pub(super) last: Option<String>,
    pub(super) stage: Stage,
}

/// Where a request is.
#[derive(Debug)]
pub(super) enum Stage {
    /// A resource is asked.
    Asked(Asked),
    /// It waits for a resource to come back.
    Held,
    /// It has failed, which can be told only when the link is there again.
    Owed(Outcome),
}

/// What a resource is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The resource, a full address.
    pub(super) resource: String,
    /// The address that stands for who has asked.
    pub(super) address: String,
    /// What the request is called there.
    pub(super) id: String,
}

/// All of them, within limits.
#[derive(Debug)]
pub(super) struct Pending {
    requests: Slab<Request>,
    /// By the address that stands for who has asked, and the id.
    by_name: HashMap<String, usize>,
    /// Those that each resource is asked.
    by_resource: HashMap<String, HashSet<usize>>,
    /// When to look at each.
    timers: BTreeSet<(Instant, usize)>,
    wake_at: HashMap<usize, Instant>,
    /// How many each requester has, by bare address.
    by_requester: HashMap<String, usize>,
    /// How many bytes their texts take, without what is kept.
    texts: usize,
    /// How many bytes are kept for another attempt.
    kept: usize,
    late: VecDeque<u64>,
    is_late: HashSet<u64>,
    hash: RandomState,
    name: String,
}

impl Request {
    /// The bytes that its requester has chosen, without what is kept for another attempt.
    pub(super) fn size(&self) -> usize {
        let session = self.session.as_ref().map_or(0, String::len);
        self.sender.len() + self.asked.len() + self.id.len() + self.namespace.len() + session
    }

    /// Whether it waits for a resource.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.stage, Stage::Held)
    }

    /// Whether it has failed, which was not told yet.
    pub(super) fn is_owed(&self) -> bool {
        matches!(self.stage, Stage::Owed(_))
    }

    /// Whether it may have had an effect already.
    pub(super) fn may_be_done(&self) -> bool {
        self.is_set && self.attempts > 0
    }

    /// Whether this resource was asked before, or is.
    pub(super) fn has_tried(&self, resource: &String) -> bool {
        self.tried.contains(resource)
            || matches!(&self.stage, Stage::Asked(asked) if asked.resource == *resource)
    }

    /// How it ends when it has waited in vain for a resource.
    pub(super) fn fallback(&self) -> Outcome {
        match self.attempts {
            0 => Outcome::NoResource,
            // The loss of a link forgets who was tried.
            _ if self.tried.is_empty() => Outcome::LinkLost,
            _ => Outcome::ResourceGone,
        }
    }
}

impl Pending {
    pub(super) fn new() -> Self {
        Self {
            requests: Slab::new(),
            by_name: HashMap::new(),
            by_resource: HashMap::new(),
            timers: BTreeSet::new(),
            wake_at: HashMap::new(),
            by_requester: HashMap::new(),
            texts: 0,
            kept: 0,
            late: VecDeque::new(),
            is_late: HashSet::new(),
            hash: RandomState::new(),
            name: String::new(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether nothing is left of any.
    #[cfg(test)]
    pub(super) fn is_clean(&self) -> bool {
        let maps = self.by_name.len() + self.by_resource.len() + self.by_requester.len();
        let timers = self.timers.len() + self.wake_at.len();
        self.requests.is_empty() && maps + timers + self.texts + self.kept == 0
    }

    /// Whether `sender` may have one more.
    pub(super) fn has_place(&self, settings: &Settings, sender: &str) -> bool {
        let of_sender = self.by_requester.get(jid::bare(sender)).copied();
        self.requests.len() < settings.max_pending
            && of_sender.unwrap_or(0) < settings.max_pending_per_requester
    }

    /// Whether there is room for one more, whose [size](Request::size) this is.
    pub(super) fn has_room(&self, settings: &Settings, size: usize) -> bool {
        self.texts + size <= settings.max_pending_bytes
    }

    /// Whether this much more may be kept for another attempt. Who fills that up takes nobody's place.
    pub(super) fn may_keep(&self, settings: &Settings, bytes: usize) -> bool {
        self.kept + bytes <= settings.max_pending_bytes
    }

    /// Takes a request in.
    pub(super) fn insert(&mut self, request: Request) -> usize {
        *self
            .by_requester
            .entry(jid::bare(&request.sender).to_owned())
            .or_default() += 1;
        self.texts += request.size();
        self.requests.insert(request)
    }

    /// The request with this key.
    pub(super) fn request(&mut self, key: usize) -> Option<&mut Request> {
        self.requests.get_mut(key)
    }

    /// All of them that `which` chooses.
    pub(super) fn keys(&self, which: impl Fn(&Request) -> bool) -> Vec<usize> {
        let chosen = self.requests.iter().filter(|(_, request)| which(request));
        chosen.map(|(key, _)| key).collect()
    }

    /// Those that this resource is asked.
    pub(super) fn of_resource(&self, jid: &str) -> Vec<usize> {
        let keys = self.by_resource.get(jid);
        keys.map_or_else(Vec::new, |keys| keys.iter().copied().collect())
    }

    /// The request that is called so at the address that stands for who has asked.
    pub(super) fn named(&mut self, address: &str, id: &str) -> Option<usize> {
        set_name(&mut self.name, address, id);
        self.by_name.get(&self.name).copied()
    }

    /// The request, which is asked of nobody, is asked of somebody from now on.
    pub(super) fn asks(&mut self, key: usize, asked: Asked) {
        set_name(&mut self.name, &asked.address, &asked.id);
        self.by_name.insert(self.name.clone(), key);
        match self.by_resource.get_mut(&asked.resource) {
            Some(keys) => {
                keys.insert(key);
            }
            None => {
                let keys = HashSet::from([key]);
                self.by_resource.insert(asked.resource.clone(), keys);
            }
        }
        if let Some(request) = self.requests.get_mut(key) {
            request.attempts += 1;
            request.stage = Stage::Asked(asked);
        }
    }

    /// The request is asked of nobody any more: who was. What that one answers comes late.
    pub(super) fn rests(&mut self, key: usize) -> Option<Asked> {
        let request = self.requests.get_mut(key)?;
        let stage = std::mem::replace(&mut request.stage, Stage::Held);
        let Stage::Asked(asked) = stage else {
            request.stage = stage;
            return None;
        };
        set_name(&mut self.name, &asked.address, &asked.id);
        self.by_name.remove(&self.name);
        if let Some(keys) = self.by_resource.get_mut(&asked.resource) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_resource.remove(&asked.resource);
            }
        }
        request.tried.push(asked.resource.clone());
        request.last = Some(asked.resource.clone());
        let name = self.late_name(&asked.address, &asked.id, &asked.resource);
        self.remember_late(name);
        Some(asked)
    }

    /// Keeps all of the request for another attempt.
    pub(super) fn keep_raw(&mut self, key: usize, raw: &str) {
        self.forget_raw(key);
        if let Some(request) = self.requests.get_mut(key) {
            self.kept += raw.len();
            request.raw = Some(raw.into());
        }
    }

    /// The request is not asked again.
    pub(super) fn forget_raw(&mut self, key: usize) {
        let raw = self.requests.get_mut(key).and_then(|it| it.raw.take());
        self.kept -= raw.map_or(0, |raw| raw.len());
    }

    /// Looks at the request at this time, and at no other.
    pub(super) fn wake(&mut self, key: usize, at: Instant) {
        self.sleep(key);
        self.timers.insert((at, key));
        self.wake_at.insert(key, at);
    }

    /// The request that is to be looked at now, at most once.
    pub(super) fn woken(&mut self, now: Instant) -> Option<usize> {
        let (_, key) = *self.timers.first().filter(|(at, _)| *at <= now)?;
        self.sleep(key);
        Some(key)
    }

    /// When the first is to be looked at.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Takes a request out, which is asked of nobody.
    pub(super) fn remove(&mut self, key: usize) -> Option<Request> {
        self.forget_raw(key);
        self.sleep(key);
        let request = self.requests.try_remove(key)?;
        self.texts -= request.size();
        let requester = jid::bare(&request.sender);
        if let Some(count) = self.by_requester.get_mut(requester) {
            *count -= 1;
            if *count == 0 {
                self.by_requester.remove(requester);
            }
        }
        self.give_back();
        Some(request)
    }

    /// Whether this was asked of this resource not long ago.
    pub(super) fn was_asked(&self, address: &str, id: &str, resource: &str) -> bool {
        self.is_late
            .contains(&self.late_name(address, id, resource))
    }

    /// Does not look at the request again.
    pub(super) fn sleep(&mut self, key: usize) {
        if let Some(at) = self.wake_at.remove(&key) {
            self.timers.remove(&(at, key));
        }
    }

    fn late_name(&self, address: &str, id: &str, resource: &str) -> u64 {
        self.hash.hash_one((address, id, resource))
    }

    fn remember_late(&mut self, name: u64) {
        if self.is_late.insert(name) {
            self.late.push_back(name);
        }
        if self.late.len() > LATE
            && let Some(oldest) = self.late.pop_front()
        {
            self.is_late.remove(&oldest);
        }
    }

    /// After a rush, memory is given back.
    fn give_back(&mut self) {
        if self.requests.is_empty() && self.requests.capacity() > 1024 {
            self.requests = Slab::new();
            self.by_name = HashMap::new();
            self.by_requester = HashMap::new();
            self.wake_at = HashMap::new();
        }
    }
}

/// No part of an address contains this, nor does an attribute.
fn set_name(name: &mut String, address: &str, id: &str) {
    name.clear();
    name.push_str(address);
    name.push('\0');
    name.push_str(id);
}
