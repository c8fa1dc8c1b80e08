//! Events of rooms, and what passes by: typing, receipts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    Call, Refusal, Said,
    room::{member, seen},
    sync::position,
};
use crate::state::{Draft, State};

/// Most bytes of an event's content; the specification allows 65,536 of the event as a whole
/// ("Size limits").
const MAX_CONTENT: usize = 65_000;

/// Longest time of typing.
const MAX_TYPING: u64 = 120_000;

fn content(call: &Call) -> Result<Value, Refusal> {
    match call.body.len() > MAX_CONTENT {
        true => Err(Refusal::TooLarge),
        false => call.object().map(Value::Object),
    }
}

const NO_ROOM: Refusal = Refusal::NotFound("no such room");

/// Does a thing once for a transaction of the device, and says the identifier of its event.
fn once(
    call: &Call,
    state: &mut State,
    [of, txn]: [&str; 2],
    act: impl FnOnce(&mut State, &str, (String, String)) -> Result<String, Refusal>,
) -> Said {
    let session = call.session(state)?.clone();
    let transaction = format!("{of} {txn}");
    let device = state.device_mut(&session).ok_or(Refusal::UnknownToken)?;
    if let Some(known) = device.answered(&transaction) {
        return Ok(json!({ "event_id": known }));
    }
    let id = act(
        state,
        &session.user,
        (session.device.clone(), txn.to_owned()),
    )?;
    if let Some(device) = state.device_mut(&session) {
        device.remember(transaction, id.clone());
    }
    Ok(json!({ "event_id": id }))
}

/// `PUT rooms/{}/send/{}/{txn}`.
pub(super) fn send(call: &Call, state: &mut State, [room, kind, txn]: [&str; 3]) -> Said {
    member(call, state, room)?;
    let content = content(call)?;
    once(call, state, [room, txn], |state, user, transaction| {
        let draft = Draft {
            kind,
            state_key: None,
            content,
        };
        let sent = state.append_as(room, user, draft, Some(transaction));
        sent.ok_or(NO_ROOM)
    })
}

/// `PUT rooms/{}/redact/{}/{txn}`.
pub(super) fn redact(call: &Call, state: &mut State, [room, event, txn]: [&str; 3]) -> Said {
    let known = seen(call, state, room)?;
    if known.event(event).is_none() {
        return Err(Refusal::NotFound("no such event"));
    }
    let mut content = content(call)?;
    content["redacts"] = event.into();
    let of = format!("redact {room}");
    once(call, state, [&of, txn], |state, user, transaction| {
        let redacted = state.redact(room, user, event, content, Some(transaction));
        redacted.ok_or(NO_ROOM)
    })
}

/// `GET rooms/{}/state`.
pub(super) fn all_state(call: &Call, state: &State, room: &str) -> Said {
    let room = seen(call, state, room)?;
    let events: Vec<_> = room.state().map(|event| event.to_json()).collect();
    Ok(events.into())
}

/// `GET rooms/{}/state/{}/{}`: the content.
pub(super) fn state(call: &Call, state: &State, [room, kind, key]: [&str; 3]) -> Said {
    let event = seen(call, state, room)?.state_of(kind, key);
    let event = event.ok_or(Refusal::NotFound("Event not found."))?;
    Ok(event.content.clone())
}

/// `PUT rooms/{}/state/{}/{}`.
pub(super) fn set_state(call: &Call, state: &mut State, [room, kind, key]: [&str; 3]) -> Said {
    let user = member(call, state, room)?;
    if kind == "m.room.member" || kind == "m.room.create" {
        return Err(Refusal::Forbidden("that state has its own ways"));
    }
    let draft = Draft {
        kind,
        state_key: Some(key),
        content: content(call)?,
    };
    let id = state.append(room, &user, draft).ok_or(NO_ROOM)?;
    Ok(json!({ "event_id": id }))
}

/// `GET rooms/{}/messages`.
pub(super) fn messages(call: &Call, state: &State, room: &str) -> Said {
    let room = seen(call, state, room)?;
    let limit = call.number("limit").unwrap_or(10).clamp(1, 1_000);
    let limit = usize::try_from(limit).unwrap_or(1_000);
    let is_backwards = match call.parameter("dir").as_deref() {
        Some("b") => true,
        Some("f") => false,
        _ => return Err(Refusal::MissingParam("dir")),
    };
    let from = match call.parameter("from") {
        Some(from) => position(&from, state)?,
        None if is_backwards => state.position(),
        None => 0,
    };
    let to = match call.parameter("to") {
        Some(to) => Some(position(&to, state)?),
        None => None,
    };
    let is_before = |position: u64| to.is_none_or(|to| position <= to);
    let is_after = |position: u64| to.is_none_or(|to| position > to);
    let events: Vec<_> = match is_backwards {
        true => {
            let events = room.until(from).rev();
            let events = events.take_while(|event| is_after(event.position));
            events.take(limit).collect()
        }
        false => {
            let events = room.after(from);
            let events = events.take_while(|event| is_before(event.position));
            events.take(limit).collect()
        }
    };
    let last = events.last().map(|event| match is_backwards {
        true => event.position - 1,
        false => event.position,
    });
    let chunk: Vec<_> = events.iter().map(|event| event.to_json()).collect();
    let mut said = json!({ "start": format!("t{from}"), "chunk": chunk, "state": [] });
    // No end: nothing is left in that direction.
    if let Some(last) = last.filter(|_| events.len() == limit) {
        said["end"] = format!("t{last}").into();
    }
    Ok(said)
}

/// `GET rooms/{}/event/{}`.
pub(super) fn event(call: &Call, state: &State, room: &str, event: &str) -> Said {
    let event = seen(call, state, room)?.event(event);
    let event = event.ok_or(Refusal::NotFound("Could not find event"))?;
    Ok(event.to_json())
}

/// `PUT rooms/{}/typing/{}`.
pub(super) fn typing(call: &Call, state: &mut State, room: &str, user: &str) -> Said {
    call.own(state, user)?;
    member(call, state, room)?;
    let asked = Value::Object(call.object()?);
    let timeout = asked["timeout"].as_u64().unwrap_or(30_000).min(MAX_TYPING);
    let until = match asked["typing"].as_bool() {
        Some(true) => Some(Instant::now() + Duration::from_millis(timeout)),
        Some(false) => None,
        None => return Err(Refusal::BadJson("typing is missing")),
    };
    state.set_typing(room, user, until);
    Ok(json!({}))
}

/// `POST rooms/{}/receipt/{}/{}`.
pub(super) fn receipt(call: &Call, state: &mut State, [room, kind, event]: [&str; 3]) -> Said {
    let user = member(call, state, room)?;
    match kind {
        "m.read" | "m.read.private" => state.set_receipt(room, kind, &user, event),
        "m.fully_read" => set_fully_read(state, room, &user, event),
        _ => return Err(Refusal::InvalidParam("no such kind of receipt")),
    }
    Ok(json!({}))
}

/// `POST rooms/{}/read_markers`.
pub(super) fn read_markers(call: &Call, state: &mut State, room: &str) -> Said {
    let user = member(call, state, room)?;
    let asked = call.object()?;
    let marker = |kind: &str| asked.get(kind).and_then(Value::as_str);
    for kind in ["m.read", "m.read.private"] {
        if let Some(event) = marker(kind) {
            state.set_receipt(room, kind, &user, event);
        }
    }
    if let Some(event) = marker("m.fully_read") {
        set_fully_read(state, room, &user, event);
    }
    Ok(json!({}))
}

fn set_fully_read(state: &mut State, room: &str, user: &str, event: &str) {
    state.set_account_data(user, room, "m.fully_read", json!({ "event_id": event }));
}
