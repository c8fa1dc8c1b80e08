//! Sync (Matrix specification, "Syncing").

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Map, Value, json};

use super::{Call, OK, Refusal, filter::Filter, wait::wait};
use crate::{
    server::{Answer, Shared},
    state::{Event, Membership, Room, Session, State},
};

/// Answers at once when there is news, else when there is or the client's time is over.
pub(super) async fn answer(call: &Call, shared: &Shared) -> Result<Answer, Refusal> {
    let (session, filter, since) = {
        let mut state = shared.state();
        let session = call.session(&state)?.clone();
        let filter = Filter::of(call, &session, &state)?;
        let since = match call.parameter("since") {
            Some(since) => Some(position(&since, &state)?),
            None => None,
        };
        if let (Some(since), Some(device)) = (since, state.device_mut(&session)) {
            device.acknowledge(since);
        }
        (session, filter, since)
    };
    let timeout = match since {
        Some(_) => Duration::from_millis(call.number("timeout").unwrap_or(0)),
        None => Duration::ZERO,
    };
    let found = wait(shared, &session.user, timeout, |state, is_last| {
        if state.session(&session.token).is_none() {
            return Err(Refusal::UnknownToken);
        }
        let sync = Sync {
            state,
            session: &session,
            filter: &filter,
            since,
        };
        Ok(sync.look(is_last))
    })
    .await?;
    Ok(Answer::text(OK, found.unwrap_or_default()))
}

/// The position that a token of sync, or of a timeline, stands for.
pub(super) fn position(token: &str, state: &State) -> Result<u64, Refusal> {
    let number = token.strip_prefix(['s', 't']);
    number
        .and_then(|number| number.parse().ok())
        .filter(|position| *position <= state.position())
        .ok_or(Refusal::InvalidParam("the token is none of this server"))
}

/// One look for news.
struct Sync<'a> {
    state: &'a State,
    session: &'a Session,
    filter: &'a Filter,
    /// Absent: from the beginning.
    since: Option<u64>,
}

impl Sync<'_> {
    /// What is answered; `None` when there is nothing new, unless it must be said.
    fn look(&self, even_nothing: bool) -> Option<String> {
        let user = self.state.user(&self.session.user)?;
        let device = user.devices.get(&self.session.device)?;
        let mut parts = Map::new();
        if let Some(rooms) = self.rooms() {
            parts.insert("rooms".into(), rooms);
        }
        let data = self.account_data("");
        if !data.is_empty() {
            parts.insert("account_data".into(), json!({ "events": data }));
        }
        let inbox: Vec<_> = device.inbox().collect();
        if !inbox.is_empty() {
            parts.insert("to_device".into(), json!({ "events": inbox }));
        }
        if self.state.people_changed_at() > self.after() {
            self.people(&mut parts);
        }
        if parts.is_empty() && self.since.is_some() && !even_nothing {
            return None;
        }
        let counts = device.key_counts();
        parts.insert("device_one_time_keys_count".into(), counts.into());
        parts.insert(
            "device_unused_fallback_key_types".into(),
            device.fallback_algorithms().into(),
        );
        let next = format!("s{}", self.state.position());
        parts.insert("next_batch".into(), next.into());
        Some(Value::Object(parts).to_string())
    }

    fn after(&self) -> u64 {
        self.since.unwrap_or(0)
    }

    fn rooms(&self) -> Option<Value> {
        let user = self.state.user(&self.session.user)?;
        let mut by_membership = [Map::new(), Map::new(), Map::new()];
        for (id, standing) in &user.rooms {
            let Some(room) = self.state.room(id) else {
                continue;
            };
            let is_new = standing.since > self.after();
            let (place, part) = match standing.membership {
                Membership::Joined => (0, self.joined(id, room, is_new)),
                Membership::Invited if is_new => (1, Some(self.invited(room))),
                Membership::Left if is_new && self.since.is_some() => {
                    (2, Some(self.left(room, standing.since)))
                }
                Membership::Invited | Membership::Left => continue,
            };
            if let Some(part) = part {
                by_membership[place].insert(id.clone(), part);
            }
        }
        let mut rooms = Map::new();
        for (name, part) in ["join", "invite", "leave"].into_iter().zip(by_membership) {
            if !part.is_empty() {
                rooms.insert(name.into(), part.into());
            }
        }
        (!rooms.is_empty()).then(|| rooms.into())
    }

    fn joined(&self, id: &str, room: &Room, is_new: bool) -> Option<Value> {
        let data = self.account_data(id);
        if room.changed_at <= self.after() && !is_new && data.is_empty() {
            return None;
        }
        // A room that the user has just joined is new to it as a whole.
        let after = if is_new { 0 } else { self.after() };
        let (events, is_limited) = self.timeline(room, after);
        let begins = events.first().map_or(u64::MAX, |event| event.position);
        let missed = |event: &&std::sync::Arc<Event>| {
            event.position > after && event.position < begins && (is_new || is_limited)
        };
        let state: Vec<_> = room
            .state()
            .filter(missed)
            .map(|event| self.written(event))
            .collect();
        let ephemeral = self.ephemeral(room, after);
        if events.is_empty() && state.is_empty() && ephemeral.is_empty() && data.is_empty() {
            return None;
        }
        let previous = begins.saturating_sub(1).min(self.state.position());
        let written: Vec<_> = events.iter().map(|event| self.written(event)).collect();
        let mut part = Map::new();
        part.insert(
            "timeline".into(),
            json!({
                "events": written,
                "limited": is_limited,
                "prev_batch": format!("t{previous}"),
            }),
        );
        part.insert("state".into(), json!({ "events": state }));
        part.insert("ephemeral".into(), json!({ "events": ephemeral }));
        part.insert("account_data".into(), json!({ "events": data }));
        part.insert(
            "unread_notifications".into(),
            json!({ "notification_count": 0, "highlight_count": 0 }),
        );
        if is_new {
            let count = room.joined().count();
            part.insert(
                "summary".into(),
                json!({ "m.joined_member_count": count, "m.invited_member_count": 0 }),
            );
        }
        Some(part.into())
    }

    /// The last events that are wanted, oldest first, and whether there are more.
    fn timeline<'r>(&self, room: &'r Room, after: u64) -> (Vec<&'r Event>, bool) {
        let wanted = &self.filter.timeline;
        let mut newest = room.after(after).rev().filter(|e| wanted.wants(&e.kind));
        let mut events: Vec<_> = newest
            .by_ref()
            .take(wanted.limit)
            .map(AsRef::as_ref)
            .collect();
        events.reverse();
        (events, newest.next().is_some())
    }

    fn written(&self, event: &Event) -> Value {
        let is_own = event.sender == self.session.user;
        event.to_sync_json(if is_own { &self.session.device } else { "" })
    }

    fn ephemeral(&self, room: &Room, after: u64) -> Vec<Value> {
        let mut events = Vec::new();
        let wanted = &self.filter.ephemeral;
        if room.typing_at > after && wanted.wants("m.typing") {
            let users: Vec<_> = room.typing().collect();
            events.push(json!({ "type": "m.typing", "content": { "user_ids": users } }));
        }
        let mut content = Map::new();
        for ((kind, user), receipt) in &room.receipts {
            let is_for_all = kind != "m.read.private" || *user == self.session.user;
            if receipt.position > after && is_for_all {
                let of_event = content.entry(&receipt.event).or_insert_with(|| json!({}));
                of_event[kind][user] = json!({ "ts": receipt.read_at });
            }
        }
        if !content.is_empty() && wanted.wants("m.receipt") {
            events.push(json!({ "type": "m.receipt", "content": content }));
        }
        events
    }

    fn account_data(&self, room: &str) -> Vec<Value> {
        let Some(user) = self.state.user(&self.session.user) else {
            return Vec::new();
        };
        let data = user.account_data.iter();
        data.filter(|((of, kind), (at, _))| {
            of == room && *at > self.after() && self.filter.account_data.wants(kind)
        })
        .map(|((_, kind), (_, content))| json!({ "type": kind, "content": content }))
        .collect()
    }

    fn invited(&self, room: &Room) -> Value {
        json!({ "invite_state": { "events": stripped(room, &self.session.user) } })
    }

    fn left(&self, room: &Room, at: u64) -> Value {
        let limit = self.filter.timeline.limit;
        let newest = room.until(at).rev();
        let missed = newest.take_while(|event| event.position > self.after());
        let mut events: Vec<_> = missed.take(limit).map(|e| self.written(e)).collect();
        events.reverse();
        json!({
            "timeline": { "events": events, "limited": false, "prev_batch": format!("t{at}") },
            "state": { "events": [] },
        })
    }

    /// Presence and changed keys of those who share a room with the user.
    fn people(&self, parts: &mut Map<String, Value>) {
        let Some(user) = self.state.user(&self.session.user) else {
            return;
        };
        let rooms = user.joined().filter_map(|room| self.state.room(room));
        let mut people: BTreeSet<&str> = rooms.flat_map(Room::joined).collect();
        people.insert(&self.session.user);
        let (mut presence, mut changed) = (Vec::new(), Vec::new());
        for id in people {
            let Some(known) = self.state.user(id) else {
                continue;
            };
            if known.presence.0 > self.after() && self.filter.presence.wants("m.presence") {
                let content = &known.presence.1;
                presence.push(json!({ "type": "m.presence", "sender": id, "content": content }));
            }
            if known.keys_changed_at > self.after() && self.since.is_some() {
                changed.push(id);
            }
        }
        if !presence.is_empty() {
            parts.insert("presence".into(), json!({ "events": presence }));
        }
        if !changed.is_empty() {
            parts.insert(
                "device_lists".into(),
                json!({ "changed": changed, "left": [] }),
            );
        }
    }
}

/// What somebody who is invited is shown of a room.
pub(super) fn stripped(room: &Room, user: &str) -> Vec<Value> {
    const SHOWN: [&str; 5] = [
        "m.room.create",
        "m.room.name",
        "m.room.join_rules",
        "m.room.canonical_alias",
        "m.room.encryption",
    ];
    let is_shown = |event: &&std::sync::Arc<Event>| {
        SHOWN.contains(&event.kind.as_str())
            || event.kind == "m.room.member" && event.state_key.as_deref() == Some(user)
    };
    let shown = room.state().filter(is_shown);
    shown.map(|event| event.to_stripped_json()).collect()
}
