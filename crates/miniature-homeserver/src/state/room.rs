use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use serde_json::Value;

use super::Event;

/// Most events of a room that are kept, beside its state.
pub const MAX_TIMELINE: usize = 10_000;

/// A room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Whether anybody may join.
    pub(crate) open: bool,
    /// Whether it stands in the directory.
    pub(crate) listed: bool,
    /// Everybody who was ever concerned.
    pub(crate) members: BTreeMap<String, Membership>,
    timeline: VecDeque<Arc<Event>>,
    state: BTreeMap<(String, String), Arc<Event>>,
    typing: Vec<(String, Instant)>,
    /// When somebody began or ceased to type.
    pub(crate) typing_at: u64,
    /// By kind and user.
    pub(crate) receipts: BTreeMap<(String, String), Receipt>,
    /// When the last of the above changed.
    pub(crate) changed_at: u64,
}

/// What a user is to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    Invited,
    Joined,
    Left,
}

impl Membership {
    /// Whether the room is of concern to the user.
    pub(crate) fn is_present(self) -> bool {
        self != Self::Left
    }

    /// As `m.room.member` has it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invite",
            Self::Joined => "join",
            Self::Left => "leave",
        }
    }
}

/// How far somebody has read.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) event: String,
    /// In milliseconds since 1970.
    pub(crate) read_at: u64,
    pub(crate) position: u64,
}

impl Room {
    /// A room of nobody, which anybody may join when it is `open`, and which stands in the
    /// directory when it is `listed`.
    pub(super) fn new(open: bool, listed: bool) -> Self {
        Self {
            open,
            listed,
            ..Self::default()
        }
    }

    /// The events that are kept, oldest first.
    pub(crate) fn timeline(&self) -> impl DoubleEndedIterator<Item = &Arc<Event>> {
        self.timeline.iter()
    }

    /// Those after this position, oldest first.
    pub(crate) fn after(
        &self,
        position: u64,
    ) -> impl DoubleEndedIterator<Item = &Arc<Event>> + ExactSizeIterator {
        let from = self.timeline.partition_point(|e| e.position <= position);
        self.timeline.range(from..)
    }

    /// Those before this position and with it, oldest first.
    pub(crate) fn until(&self, position: u64) -> impl DoubleEndedIterator<Item = &Arc<Event>> {
        let to = self.timeline.partition_point(|e| e.position <= position);
        self.timeline.range(..to)
    }

    /// An event that is kept.
    pub(crate) fn event(&self, id: &str) -> Option<&Arc<Event>> {
        let of_timeline = self.timeline.iter().rev().find(|event| event.id == id);
        of_timeline.or_else(|| self.state.values().find(|event| event.id == id))
    }

    /// All that is state now.
    pub(crate) fn state(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.state.values()
    }

    /// A piece of state.
    pub(crate) fn state_of(&self, kind: &str, key: &str) -> Option<&Arc<Event>> {
        self.state.get(&(kind.to_owned(), key.to_owned()))
    }

    /// A text of the state, such as the name of `m.room.name`.
    pub(crate) fn text_of(&self, kind: &str, field: &str) -> Option<&str> {
        self.state_of(kind, "")?.content.get(field)?.as_str()
    }

    /// Appends an event, and forgets the oldest when there are too many.
    pub(super) fn push(&mut self, event: Event) -> Arc<Event> {
        let event = Arc::new(event);
        self.changed_at = event.position;
        if let Some(key) = &event.state_key {
            let key = (event.kind.clone(), key.clone());
            self.state.insert(key, Arc::clone(&event));
        }
        if self.timeline.len() == MAX_TIMELINE {
            self.timeline.pop_front();
        }
        self.timeline.push_back(Arc::clone(&event));
        event
    }

    /// Takes away what an event says.
    pub(super) fn redact(&mut self, id: &str, by: &Value) {
        let strip = |event: &mut Arc<Event>| {
            if event.id == id {
                let event = Arc::make_mut(event);
                event.content = Value::Object(serde_json::Map::new());
                event.redacted_by = Some(by.clone());
            }
        };
        self.timeline.iter_mut().rev().for_each(strip);
        self.state.values_mut().for_each(strip);
    }

    /// Those who are joined.
    pub(crate) fn joined(&self) -> impl Iterator<Item = &str> {
        let joined = |(_, membership): &(&String, &Membership)| **membership == Membership::Joined;
        self.members
            .iter()
            .filter(joined)
            .map(|(user, _)| user.as_str())
    }

    /// Notes that somebody types until then, or no more.
    pub(super) fn set_typing(&mut self, user: &str, until: Option<Instant>, position: u64) {
        self.typing.retain(|(known, _)| known != user);
        self.typing
            .extend(until.map(|until| (user.to_owned(), until)));
        self.typing_at = position;
        self.changed_at = position;
    }

    /// Those who type.
    pub(crate) fn typing(&self) -> impl Iterator<Item = &str> {
        let now = Instant::now();
        self.typing
            .iter()
            .filter(move |(_, until)| *until > now)
            .map(|(user, _)| user.as_str())
    }

    /// When the first of those who type ceases to.
    pub(crate) fn typing_until(&self) -> Option<Instant> {
        self.typing.iter().map(|(_, until)| *until).min()
    }

    /// Forgets those who do not type any more; whether there were any.
    pub(super) fn expire_typing(&mut self, position: u64) -> bool {
        let now = Instant::now();
        let before = self.typing.len();
        self.typing.retain(|(_, until)| *until > now);
        let changed = self.typing.len() != before;
        if changed {
            self.typing_at = position;
            self.changed_at = position;
        }
        changed
    }
}
