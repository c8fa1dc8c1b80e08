//! Simplified sliding sync (MSC4186), without required state by list: rooms are told as a whole.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Call, OK, Refusal, sync, wait::wait};
use crate::{
    server::{Answer, Shared},
    state::{Event, Room, Session, State},
};

/// Most rooms of an answer, and most events of a room.
const MOST: usize = 100;

/// Answers at once when there is news, else when there is or the client's time is over.
pub(super) async fn answer(call: &Call, shared: &Shared) -> Result<Answer, Refusal> {
    let asked = Value::Object(call.object()?);
    let (session, since) = {
        let mut state = shared.state();
        let session = call.session(&state)?.clone();
        let since = match call.parameter("pos") {
            Some(token) => Some(sync::position(&token, &state)?),
            None => None,
        };
        let acknowledged = asked["extensions"]["to_device"]["since"].as_str();
        if let Some(token) = acknowledged {
            let position = sync::position(token, &state)?;
            if let Some(device) = state.device_mut(&session) {
                device.acknowledge(position);
            }
        }
        (session, since)
    };
    let timeout = match since {
        Some(_) => Duration::from_millis(call.number("timeout").unwrap_or(0)),
        None => Duration::ZERO,
    };
    let found = wait(shared, &session.user, timeout, |state, is_last| {
        if state.session(&session.token).is_none() {
            return Err(Refusal::UnknownToken);
        }
        Ok(look(state, &session, &asked, since, is_last))
    })
    .await?;
    Ok(Answer::text(OK, found.unwrap_or_default()))
}

/// What is answered; `None` when there is nothing new, unless it must be said.
fn look(
    state: &State,
    session: &Session,
    asked: &Value,
    since: Option<u64>,
    even_nothing: bool,
) -> Option<String> {
    let user = state.user(&session.user)?;
    let after = since.unwrap_or(0);
    let limit = timeline_limit(asked);
    let mut rooms = Map::new();
    for (id, standing) in user.rooms.iter().take(MOST) {
        let Some(room) = state.room(id).filter(|_| standing.membership.is_present()) else {
            continue;
        };
        let is_new = since.is_none() || standing.since > after;
        if is_new || room.after(after).len() > 0 {
            let after = if is_new { 0 } else { after };
            let joined = state.is_joined(id, &session.user);
            let part = match joined {
                true => told(room, &session.device, after, limit, is_new),
                false => {
                    json!({ "initial": true, "invite_state": sync::stripped(room, &session.user) })
                }
            };
            rooms.insert(id.clone(), part);
        }
    }
    let device = user.devices.get(&session.device)?;
    let inbox: Vec<_> = match asked["extensions"]["to_device"]["enabled"] == true {
        true => device.inbox().collect(),
        false => Vec::new(),
    };
    if rooms.is_empty() && inbox.is_empty() && since.is_some() && !even_nothing {
        return None;
    }
    let here = format!("s{}", state.position());
    let lists = asked["lists"].as_object().into_iter().flatten();
    let count = user.rooms.len();
    let lists: Map<_, _> = lists
        .map(|(name, _)| (name.clone(), json!({ "count": count })))
        .collect();
    let answer = json!({
        "pos": here,
        "lists": lists,
        "rooms": rooms,
        "extensions": {
            "to_device": { "next_batch": here, "events": inbox },
            "e2ee": { "device_one_time_keys_count": device.key_counts() },
        },
    });
    Some(answer.to_string())
}

/// The largest limit of any list or room.
fn timeline_limit(asked: &Value) -> usize {
    let of = |name: &str| asked[name].as_object().into_iter().flatten();
    let limits = of("lists").chain(of("room_subscriptions"));
    let limits = limits.filter_map(|(_, list)| list["timeline_limit"].as_u64());
    let limit = limits.max().and_then(|limit| usize::try_from(limit).ok());
    limit.unwrap_or(1).clamp(1, MOST)
}

fn told(room: &Room, device: &str, after: u64, limit: usize, is_new: bool) -> Value {
    let mut newest = room.after(after).rev();
    let mut events: Vec<&Event> = newest.by_ref().take(limit).map(AsRef::as_ref).collect();
    events.reverse();
    let is_limited = newest.next().is_some();
    let begins = events.first().map_or(0, |event| event.position - 1);
    let written = |event: &&Event| event.to_sync_json(device);
    let mut part = Map::new();
    let timeline: Vec<_> = events.iter().map(written).collect();
    part.insert("timeline".into(), timeline.into());
    part.insert("limited".into(), is_limited.into());
    part.insert("prev_batch".into(), format!("t{begins}").into());
    part.insert("joined_count".into(), room.joined().count().into());
    part.insert("notification_count".into(), 0.into());
    part.insert("bump_stamp".into(), room.changed_at.into());
    if let Some(name) = room.text_of("m.room.name", "name") {
        part.insert("name".into(), name.into());
    }
    if is_new {
        let state: Vec<_> = room.state().map(|e| e.to_sync_json(device)).collect();
        part.insert("initial".into(), true.into());
        part.insert("required_state".into(), state.into());
    }
    part.into()
}
