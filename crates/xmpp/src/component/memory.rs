//! What is remembered for a while.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// Values by name. Each is forgotten when it was not used for some time, or when there are too many:
/// then the one goes first that was not used for the longest time, as far as is known.
#[derive(Debug)]
pub(super) struct Memory<V> {
    values: HashMap<String, (V, Instant)>,
    /// Each name once, with the time at which it was looked at last.
    order: VecDeque<(Instant, String)>,
    lifetime: Duration,
    capacity: usize,
}

impl<V> Memory<V> {
    /// Of values that are kept for `lifetime` after their last use, `capacity` at most.
    pub(super) fn new(lifetime: Duration, capacity: usize) -> Self {
        Self {
            values: HashMap::new(),
            order: VecDeque::new(),
            lifetime,
            capacity,
        }
    }

    /// The value of this name, which is used now.
    pub(super) fn value(&mut self, now: Instant, name: &str) -> Option<&mut V> {
        let (value, used) = self.values.get_mut(name)?;
        if *used + self.lifetime <= now {
            return None;
        }
        *used = now;
        Some(value)
    }

    /// Remembers a value.
    pub(super) fn insert(&mut self, now: Instant, name: &str, value: V) {
        self.forget_old(now);
        if self.values.insert(name.to_owned(), (value, now)).is_none() {
            self.order.push_back((now, name.to_owned()));
        }
        while self.values.len() > self.capacity && self.pass(now) {}
    }

    /// Forgets values whose time is over.
    fn forget_old(&mut self, now: Instant) {
        // Two for each new one are enough to catch up.
        for _ in 0..2 {
            let is_old = |(seen, _): &(Instant, String)| *seen + self.lifetime <= now;
            if !self.order.front().is_some_and(is_old) {
                return;
            }
            self.pass(now);
        }
    }

    /// Looks at the first in the order: it is forgotten, unless it was used since it was looked at.
    /// False when there is none.
    fn pass(&mut self, now: Instant) -> bool {
        let Some((seen, name)) = self.order.pop_front() else {
            return false;
        };
        match self.values.get(&name) {
            Some((_, used)) if *used > seen && *used + self.lifetime > now => {
                self.order.push_back((*used, name));
            }
            _ => {
                self.values.remove(&name);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_used_is_forgotten() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut memory = Memory::new(Duration::from_secs(10), 3);
        memory.insert(at(0), "a", 1);
        memory.insert(at(1), "b", 2);
        assert_eq!(memory.value(at(9), "a"), Some(&mut 1));
        assert_eq!(memory.value(at(11), "b"), None);
        assert_eq!(memory.value(at(18), "a"), Some(&mut 1));
        memory.insert(at(19), "c", 3);
        memory.insert(at(20), "d", 4);
        memory.insert(at(21), "e", 5);
        // Now there are too many; "b" had gone before.
        memory.insert(at(22), "f", 6);
        assert_eq!(memory.values.len(), 3);
        assert_eq!(memory.value(at(22), "b"), None);
        assert_eq!(memory.value(at(22), "f"), Some(&mut 6));
        for second in 40..60 {
            memory.insert(at(second), "g", 7);
        }
        assert_eq!(memory.values.len(), 1);
    }

    #[test]
    fn never_more_than_allowed() {
        let start = Instant::now();
        let mut memory = Memory::new(Duration::from_secs(1000), 10);
        for i in 0..1000 {
            let now = start + Duration::from_millis(i);
            memory.insert(now, &i.to_string(), i);
            memory.value(now, "0");
            assert!(memory.values.len() <= 10 && memory.order.len() <= 10);
        }
    }
}
