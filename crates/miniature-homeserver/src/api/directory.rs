//! Finding rooms and people.

use serde_json::{Value, json};

use super::{Call, Refusal, Said, room::member};
use crate::state::{Room, State};

const NO_ALIAS: Refusal = Refusal::NotFound("Room alias not found");

/// `GET directory/room/{}`, which needs no access token.
pub(super) fn resolve(state: &State, alias: &str) -> Said {
    let room = state.aliases.get(alias).ok_or(NO_ALIAS)?;
    Ok(json!({ "room_id": room, "servers": [state.server_name()] }))
}

/// `PUT directory/room/{}`.
pub(super) fn set(call: &Call, state: &mut State, alias: &str) -> Said {
    call.session(state)?;
    let asked = call.object()?;
    let room = asked.get("room_id").and_then(Value::as_str);
    let room = room.ok_or(Refusal::MissingParam("room_id"))?;
    let own = format!(":{}", state.server_name());
    if !alias.starts_with('#') || !alias.ends_with(&own) {
        return Err(Refusal::InvalidParam("that is no alias of this server"));
    }
    if state.aliases.contains_key(alias) {
        return Err(Refusal::AliasInUse);
    }
    member(call, state, room)?;
    state.aliases.insert(alias.to_owned(), room.to_owned());
    Ok(json!({}))
}

/// `DELETE directory/room/{}`.
pub(super) fn remove(call: &Call, state: &mut State, alias: &str) -> Said {
    call.session(state)?;
    let room = state.aliases.get(alias).ok_or(NO_ALIAS)?.clone();
    member(call, state, &room)?;
    state.aliases.remove(alias);
    Ok(json!({}))
}

/// `GET publicRooms` and `POST publicRooms`.
pub(super) fn public_rooms(call: &Call, state: &State) -> Said {
    if call.method == hyper::Method::POST {
        call.session(state)?;
    }
    let listed = state.rooms().filter(|(_, room)| room.listed);
    let chunk: Vec<_> = listed.take(100).map(described).collect();
    Ok(json!({ "total_room_count_estimate": chunk.len(), "chunk": chunk }))
}

fn described((id, room): (&String, &Room)) -> Value {
    json!({
        "room_id": id,
        "name": room.text_of("m.room.name", "name"),
        "topic": room.text_of("m.room.topic", "topic"),
        "canonical_alias": room.text_of("m.room.canonical_alias", "alias"),
        "num_joined_members": room.joined().count(),
        "world_readable": false,
        "guest_can_join": false,
        "join_rule": if room.open { "public" } else { "invite" },
    })
}

/// `POST user_directory/search`.
pub(super) fn search_users(call: &Call, state: &State) -> Said {
    call.session(state)?;
    let asked = call.object()?;
    let term = asked.get("search_term").and_then(Value::as_str);
    let term = term.ok_or(Refusal::MissingParam("search_term"))?;
    let found = state.users().filter(|(id, _)| id.contains(term));
    let results: Vec<_> = found
        .take(10)
        .map(|(id, user)| json!({ "user_id": id, "display_name": user.profile.get("displayname") }))
        .collect();
    Ok(json!({ "results": results, "limited": false }))
}
