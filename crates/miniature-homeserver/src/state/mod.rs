//! What the homeserver knows.

mod event;
mod member;
pub(crate) mod random;
mod room;
mod user;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Instant,
};

use bytes::Bytes;
use hyper::header::HeaderValue;
use serde_json::Value;

pub(crate) use event::{Draft, Event, now};
pub use room::MAX_TIMELINE;
pub(crate) use room::{Membership, Receipt, Room};
pub(crate) use user::{Device, User};

/// All that a homeserver knows. Whatever happens has a position in one stream, by which syncs
/// continue.
#[derive(Debug)]
pub(crate) struct State {
    server_name: String,
    position: u64,
    users: BTreeMap<String, User>,
    sessions: HashMap<String, Session>,
    rooms: BTreeMap<String, Room>,
    pub(crate) aliases: BTreeMap<String, String>,
    /// Registrations that have begun.
    pub(crate) registrations: HashSet<String>,
    media: HashMap<String, Medium>,
    media_len: usize,
    /// When somebody's keys or presence changed.
    people_changed_at: u64,
}

/// Whom an access token stands for.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) token: String,
    pub(crate) user: String,
    pub(crate) device: String,
}

impl std::fmt::Debug for Session {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.device, self.user)
    }
}

/// What somebody uploaded.
#[derive(Clone, Debug)]
pub(crate) struct Medium {
    pub(crate) content_type: HeaderValue,
    pub(crate) bytes: Bytes,
}

/// Most bytes of all media.
const MAX_MEDIA: usize = 256 << 20;

impl State {
    /// Of a homeserver that knows nobody.
    pub(crate) fn new(server_name: &str) -> Self {
        Self {
            server_name: server_name.to_owned(),
            position: 0,
            users: BTreeMap::new(),
            sessions: HashMap::new(),
            rooms: BTreeMap::new(),
            aliases: BTreeMap::new(),
            registrations: HashSet::new(),
            media: HashMap::new(),
            media_len: 0,
            people_changed_at: 0,
        }
    }

    /// What stands behind the colon of identifiers.
    pub(crate) fn server_name(&self) -> &str {
        &self.server_name
    }

    /// Where the stream of all that happens is.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Where it was when somebody's keys or presence changed.
    pub(crate) fn people_changed_at(&self) -> u64 {
        self.people_changed_at
    }

    fn step(&mut self) -> u64 {
        self.position += 1;
        self.position
    }

    /// The identifier of a user by its name.
    pub(crate) fn user_id(&self, name: &str) -> String {
        match name.starts_with('@') {
            true => name.to_owned(),
            false => format!("@{name}:{}", self.server_name),
        }
    }

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.get(id)
    }

    pub(crate) fn user_mut(&mut self, id: &str) -> Option<&mut User> {
        self.users.get_mut(id)
    }

    /// All who have an account.
    pub(crate) fn users(&self) -> impl Iterator<Item = (&String, &User)> {
        self.users.iter()
    }

    pub(crate) fn room(&self, id: &str) -> Option<&Room> {
        self.rooms.get(id)
    }

    pub(crate) fn rooms(&self) -> impl Iterator<Item = (&String, &Room)> {
        self.rooms.iter()
    }

    /// Makes an account, or changes its password, and says the user's identifier.
    pub(crate) fn register(&mut self, name: &str, password: &str) -> String {
        let id = self.user_id(name);
        match self.users.get_mut(&id) {
            Some(user) => password.clone_into(&mut user.password),
            None => {
                self.users.insert(id.clone(), User::new(name, password));
            }
        }
        id
    }

    /// A new access token of a device, which takes the place of the device's others. Without a
    /// name the device is new.
    pub(crate) fn log_in(
        &mut self,
        user: &str,
        device: Option<&str>,
        display_name: Option<&str>,
    ) -> Option<Session> {
        let id = device.map_or_else(random::device, str::to_owned);
        let known = self.users.get_mut(user)?;
        let entry = known.devices.entry(id.clone()).or_default();
        if let Some(name) = display_name {
            entry.name = Some(name.to_owned());
        }
        self.sessions
            .retain(|_, session| session.device != id || session.user != user);
        let session = Session {
            token: random::token(),
            user: user.to_owned(),
            device: id,
        };
        self.sessions.insert(session.token.clone(), session.clone());
        Some(session)
    }

    /// Whom an access token stands for.
    pub(crate) fn session(&self, token: &str) -> Option<&Session> {
        self.sessions.get(token)
    }

    /// Forgets a device and its token; the user's syncs look whether they still may.
    pub(crate) fn log_out(&mut self, session: &Session) {
        self.sessions.remove(&session.token);
        if let Some(user) = self.users.get_mut(&session.user) {
            user.devices.remove(&session.device);
            user.news.notify_waiters();
        }
    }

    /// The same for all devices of a user.
    pub(crate) fn log_out_all(&mut self, user: &str) {
        self.sessions.retain(|_, session| session.user != user);
        if let Some(user) = self.users.get_mut(user) {
            user.devices.clear();
            user.news.notify_waiters();
        }
    }

    pub(crate) fn device_mut(&mut self, session: &Session) -> Option<&mut Device> {
        let user = self.users.get_mut(&session.user)?;
        user.devices.get_mut(&session.device)
    }

    /// Notes an event and tells the members. `None` when there is no such room.
    pub(crate) fn append(&mut self, room: &str, sender: &str, draft: Draft<'_>) -> Option<String> {
        self.append_as(room, sender, draft, None)
    }

    /// The same, by a transaction of a device.
    pub(crate) fn append_as(
        &mut self,
        room: &str,
        sender: &str,
        draft: Draft<'_>,
        transaction: Option<(String, String)>,
    ) -> Option<String> {
        let position = self.position + 1;
        let id = format!("${}", random::event());
        self.rooms.get_mut(room)?.push(Event {
            position,
            id: id.clone(),
            kind: draft.kind.to_owned(),
            room: room.to_owned(),
            sender: sender.to_owned(),
            state_key: draft.state_key.map(str::to_owned),
            content: draft.content,
            sent_at: now(),
            redacted_by: None,
            transaction,
        });
        self.position = position;
        self.tell_room(room);
        Some(id)
    }

    /// Takes away what an event says; the identifier of the event that tells of it.
    pub(crate) fn redact(
        &mut self,
        room: &str,
        sender: &str,
        event: &str,
        content: Value,
        transaction: Option<(String, String)>,
    ) -> Option<String> {
        let draft = Draft {
            kind: "m.room.redaction",
            state_key: None,
            content,
        };
        let id = self.append_as(room, sender, draft, transaction)?;
        let room = self.rooms.get_mut(room)?;
        let by = room.event(&id)?.to_json();
        room.redact(event, &by);
        Some(id)
    }

    /// Notes that somebody types until then, or no more.
    pub(crate) fn set_typing(&mut self, room: &str, user: &str, until: Option<Instant>) {
        let position = self.step();
        if let Some(known) = self.rooms.get_mut(room) {
            known.set_typing(user, until, position);
            self.tell_room(room);
        }
    }

    /// Forgets those of a room who do not type any more.
    pub(crate) fn expire_typing(&mut self, room: &str) {
        let position = self.position + 1;
        let known = self.rooms.get_mut(room);
        if known.is_some_and(|room| room.expire_typing(position)) {
            self.position = position;
            self.tell_room(room);
        }
    }

    /// Notes how far somebody has read.
    pub(crate) fn set_receipt(&mut self, room: &str, kind: &str, user: &str, event: &str) {
        let position = self.step();
        if let Some(known) = self.rooms.get_mut(room) {
            let receipt = Receipt {
                event: event.to_owned(),
                read_at: now(),
                position,
            };
            let key = (kind.to_owned(), user.to_owned());
            known.receipts.insert(key, receipt);
            known.changed_at = position;
            self.tell_room(room);
        }
    }

    /// Notes what a user wants to be kept, of a room or (empty) of none.
    pub(crate) fn set_account_data(&mut self, user: &str, room: &str, kind: &str, data: Value) {
        let position = self.step();
        if let Some(user) = self.users.get_mut(user) {
            let key = (room.to_owned(), kind.to_owned());
            user.account_data.insert(key, (position, data));
            user.news.notify_waiters();
        }
    }

    /// Notes what a user says of itself, and tells those who share a room.
    pub(crate) fn set_presence(&mut self, user: &str, presence: Value) {
        let position = self.step();
        self.people_changed_at = position;
        if let Some(known) = self.users.get_mut(user) {
            known.presence = (position, presence);
            self.tell_neighbours(user);
        }
    }

    /// Notes that a user's keys have changed, and tells those who share a room.
    pub(crate) fn keys_changed(&mut self, user: &str) {
        let position = self.step();
        self.people_changed_at = position;
        if let Some(known) = self.users.get_mut(user) {
            known.keys_changed_at = position;
            self.tell_neighbours(user);
        }
    }

    /// Sends to a device of a user, or to all (`*`).
    pub(crate) fn deliver(&mut self, user: &str, device: &str, message: &Value) {
        let position = self.step();
        if let Some(user) = self.users.get_mut(user) {
            for (id, known) in &mut user.devices {
                if device == "*" || device == id {
                    known.deliver(position, message.clone());
                }
            }
            user.news.notify_waiters();
        }
    }

    /// Keeps what somebody uploaded and says by what name; `None` when there is no room.
    pub(crate) fn keep_medium(&mut self, medium: Medium) -> Option<String> {
        let len = self.media_len + medium.bytes.len();
        if len > MAX_MEDIA {
            return None;
        }
        self.media_len = len;
        let name = random::name();
        self.media.insert(name.clone(), medium);
        Some(name)
    }

    /// What was uploaded by this name.
    pub(crate) fn medium(&self, name: &str) -> Option<&Medium> {
        self.media.get(name)
    }

    fn tell_room(&self, room: &str) {
        let Some(room) = self.rooms.get(room) else {
            return;
        };
        for user in room.members.keys() {
            if let Some(user) = self.users.get(user) {
                user.news.notify_waiters();
            }
        }
    }

    fn tell_neighbours(&self, user: &str) {
        let Some(known) = self.users.get(user) else {
            return;
        };
        known.news.notify_waiters();
        for room in known.joined() {
            self.tell_room(room);
        }
    }

    /// Whether two users share a room.
    pub(crate) fn are_neighbours(&self, one: &User, other: &str) -> bool {
        one.joined().any(|room| self.is_joined(room, other))
    }
}
