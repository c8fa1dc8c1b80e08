//! A coarse timer wheel: one per worker, a tick each 100 ms, an entry per connection.
//!
//! Moving a deadline later costs one store, because an entry that comes up before its deadline is
//! simply filed again. That is what idle timeouts need, which move with every byte.

use std::{
    cell::{Cell, RefCell},
    task::{Context, Poll, Waker},
    time::Duration,
};

use slab::Slab;

/// Length of one tick.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Ticks until the wheel has turned once.
const SLOTS: u32 = 512;

/// A point in time, in ticks since the wheel was made. Good for 13 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u32);

impl Tick {
    /// Later than any other.
    pub(crate) const NEVER: Self = Self(u32::MAX);

    /// This point in time and then `duration`, rounded up so that a deadline is never early.
    pub(crate) fn after(self, duration: Duration) -> Self {
        let ticks = duration.as_millis().div_ceil(TICK.as_millis()) + 1;
        Self(
            self.0
                .saturating_add(u32::try_from(ticks).unwrap_or(u32::MAX)),
        )
    }
}

/// The wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    now: Cell<Tick>,
    entries: RefCell<Slab<Entry>>,
    slots: RefCell<Vec<Vec<TimerKey>>>,
}

/// Names an entry of the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey(u32);

#[derive(Debug)]
struct Entry {
    deadline: Tick,
    /// The tick in whose slot the entry is to be found; `None`: in no slot. An older mention of it
    /// in another slot is stale.
    filed: Option<Tick>,
    waker: Option<Waker>,
}

impl Wheel {
    /// An empty wheel at tick 0.
    pub(crate) fn new() -> Self {
        Self {
            now: Cell::new(Tick(0)),
            entries: RefCell::default(),
            slots: RefCell::new(vec![Vec::new(); SLOTS as usize]),
        }
    }

    /// The current tick.
    pub(crate) fn now(&self) -> Tick {
        self.now.get()
    }

    /// Whether there is no entry, so that nobody needs ticks.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }

    /// A new entry, without a deadline.
    pub(crate) fn insert(&self) -> TimerKey {
        let key = self.entries.borrow_mut().insert(Entry {
            deadline: Tick::NEVER,
            filed: None,
            waker: None,
        });
        TimerKey(u32::try_from(key).unwrap_or(u32::MAX))
    }

    /// Takes an entry out.
    pub(crate) fn remove(&self, key: TimerKey) {
        self.entries.borrow_mut().try_remove(key.0 as usize);
    }

    /// Sets the entry's deadline; [`Tick::NEVER`] clears it.
    pub(crate) fn set(&self, key: TimerKey, deadline: Tick) {
        if let Some(entry) = self.entries.borrow_mut().get_mut(key.0 as usize) {
            entry.deadline = deadline;
            if deadline != Tick::NEVER && entry.filed.is_none_or(|filed| filed > deadline) {
                self.file(key, entry);
            }
        }
    }

    /// Whether the deadline has come; otherwise the task is woken when it does, or when somebody
    /// calls [`Self::wake`].
    pub(crate) fn poll_expired(&self, key: TimerKey, cx: &mut Context<'_>) -> Poll<()> {
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.get_mut(key.0 as usize) else {
            return Poll::Ready(());
        };
        if entry.deadline <= self.now.get() {
            return Poll::Ready(());
        }
        match &mut entry.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Wakes the task that polls the entry.
    pub(crate) fn wake(&self, key: TimerKey) {
        let entries = self.entries.borrow();
        if let Some(waker) = entries.get(key.0 as usize).and_then(|e| e.waker.as_ref()) {
            waker.wake_by_ref();
        }
    }

    /// Moves time on to `elapsed` since the wheel was made, and wakes the tasks whose deadline has
    /// come.
    pub(crate) fn advance(&self, elapsed: Duration) {
        let target = u32::try_from(elapsed.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX - 1);
        let behind = target.saturating_sub(self.now.get().0);
        if behind > 0 && self.is_empty() {
            // What the slots still mention is gone.
            self.slots.borrow_mut().iter_mut().for_each(Vec::clear);
            self.now.set(Tick(target));
        }
        if behind > SLOTS {
            // Every slot comes up; none need come up twice.
            self.now.set(Tick(target - SLOTS));
        }
        while self.now.get().0 < target {
            self.now.set(Tick(self.now.get().0 + 1));
            self.turn();
        }
    }

    fn turn(&self) {
        let now = self.now.get();
        let slot = (now.0 % SLOTS) as usize;
        let due = std::mem::take(&mut self.slots.borrow_mut()[slot]);
        let mut entries = self.entries.borrow_mut();
        for key in due {
            let Some(entry) = entries.get_mut(key.0 as usize) else {
                continue;
            };
            // After a jump over more than a whole turn, entries come up later than they were filed.
            if entry.filed.is_none_or(|filed| filed > now) {
                continue;
            }
            entry.filed = None;
            if entry.deadline > now {
                if entry.deadline != Tick::NEVER {
                    self.file(key, entry);
                }
            } else if let Some(waker) = &entry.waker {
                waker.wake_by_ref();
            }
        }
    }

    fn file(&self, key: TimerKey, entry: &mut Entry) {
        let now = self.now.get().0;
        let at = entry.deadline.0.clamp(now + 1, now + SLOTS - 1);
        entry.filed = Some(Tick(at));
        self.slots.borrow_mut()[(at % SLOTS) as usize].push(key);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, sync::atomic::AtomicUsize, sync::atomic::Ordering, task::Wake};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Harness {
        wheel: Wheel,
        count: Arc<Count>,
        elapsed: Duration,
    }

    impl Harness {
        fn new() -> Self {
            Self {
                wheel: Wheel::new(),
                count: Arc::default(),
                elapsed: Duration::ZERO,
            }
        }

        fn expired(&self, key: TimerKey) -> bool {
            let waker = Waker::from(self.count.clone());
            self.wheel
                .poll_expired(key, &mut Context::from_waker(&waker))
                .is_ready()
        }

        fn pass(&mut self, duration: Duration) {
            self.elapsed += duration;
            self.wheel.advance(self.elapsed);
        }

        fn woken(&self) -> usize {
            self.count.0.swap(0, Ordering::Relaxed)
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn expires_never_early_and_at_most_two_ticks_late() {
        for millis in [0, 1, 99, 100, 101, 3_000, 51_200, 60_000, 200_000] {
            let mut h = Harness::new();
            h.pass(SECOND * 7);
            let key = h.wheel.insert();
            let timeout = Duration::from_millis(millis);
            h.wheel.set(key, h.wheel.now().after(timeout));
            assert!(!h.expired(key));
            let mut waited = Duration::ZERO;
            while h.woken() == 0 {
                h.pass(TICK);
                waited += TICK;
                assert!(waited < timeout + TICK * 3, "{millis} ms: late");
            }
            assert!(h.expired(key));
            assert!(waited >= timeout, "{millis} ms: early by {waited:?}");
        }
    }

    #[test]
    fn a_later_deadline_is_kept() {
        let mut h = Harness::new();
        let key = h.wheel.insert();
        h.wheel.set(key, h.wheel.now().after(SECOND));
        assert!(!h.expired(key));
        h.pass(SECOND / 2);
        h.wheel.set(key, h.wheel.now().after(SECOND));
        h.pass(SECOND * 8 / 10);
        assert_eq!(h.woken(), 0);
        assert!(!h.expired(key));
        h.pass(SECOND);
        assert_eq!(h.woken(), 1);
    }

    #[test]
    fn an_earlier_deadline_is_kept() {
        let mut h = Harness::new();
        let key = h.wheel.insert();
        h.wheel.set(key, h.wheel.now().after(SECOND * 3600));
        assert!(!h.expired(key));
        h.wheel.set(key, h.wheel.now().after(SECOND));
        h.pass(SECOND * 2);
        assert_eq!(h.woken(), 1);
        assert!(h.expired(key));
    }

    #[test]
    fn removed_and_cleared_entries_wake_nobody() {
        let mut h = Harness::new();
        let (gone, cleared) = (h.wheel.insert(), h.wheel.insert());
        for key in [gone, cleared] {
            h.wheel.set(key, h.wheel.now().after(SECOND));
            assert!(!h.expired(key));
        }
        h.wheel.remove(gone);
        h.wheel.set(cleared, Tick::NEVER);
        h.pass(SECOND * 100);
        assert_eq!(h.woken(), 0);
        assert!(!h.wheel.is_empty());
        h.wheel.remove(cleared);
        assert!(h.wheel.is_empty());
    }

    #[test]
    fn a_jump_over_several_turns_loses_no_entry() {
        let mut h = Harness::new();
        let keys: Vec<_> = (1..100)
            .map(|n| {
                let key = h.wheel.insert();
                h.wheel.set(key, h.wheel.now().after(SECOND * n));
                assert!(!h.expired(key));
                key
            })
            .collect();
        h.pass(SECOND * 1000);
        assert_eq!(h.woken(), keys.len());
    }

    #[test]
    fn an_empty_wheel_jumps_to_the_present() {
        let mut h = Harness::new();
        let gone = h.wheel.insert();
        h.wheel.set(gone, h.wheel.now().after(SECOND));
        h.wheel.remove(gone);
        h.pass(SECOND * 3600);
        let key = h.wheel.insert();
        h.wheel.set(key, h.wheel.now().after(SECOND));
        assert!(!h.expired(key));
        h.pass(SECOND * 2);
        assert_eq!(h.woken(), 1);
    }

    #[test]
    fn wake_reaches_the_task_without_a_deadline() {
        let h = Harness::new();
        let key = h.wheel.insert();
        assert!(!h.expired(key));
        h.wheel.wake(key);
        assert_eq!(h.woken(), 1);
    }
}
