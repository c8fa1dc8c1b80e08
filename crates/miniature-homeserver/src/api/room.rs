//! Rooms and who is in them.

use serde_json::{Map, Value, json};

use super::{Call, Refusal, Said};
use crate::state::{Membership, Room, State};

/// The user who asks, who must be joined to the room.
pub(super) fn member(call: &Call, state: &State, room: &str) -> Result<String, Refusal> {
    let user = call.user(state)?;
    match state.is_joined(room, &user) {
        true => Ok(user),
        false => Err(Refusal::Forbidden("you are not in that room")),
    }
}

/// A room, for a user who is joined to it.
pub(super) fn seen<'s>(call: &Call, state: &'s State, id: &str) -> Result<&'s Room, Refusal> {
    member(call, state, id)?;
    state.room(id).ok_or(Refusal::NotFound("no such room"))
}

/// `POST createRoom`.
pub(super) fn create(call: &Call, state: &mut State) -> Said {
    let user = call.user(state)?;
    let asked = Value::Object(call.object()?);
    if let Some(name) = asked["room_alias_name"].as_str() {
        if name.is_empty() || name.contains([':', '#', ' ']) {
            return Err(Refusal::InvalidParam("that is no name for an alias"));
        }
        let alias = format!("#{name}:{}", state.server_name());
        if state.aliases.contains_key(&alias) {
            return Err(Refusal::RoomInUse);
        }
    }
    Ok(json!({ "room_id": state.create_room(&user, &asked) }))
}

/// `POST join/{}` and `POST rooms/{}/join`.
pub(super) fn join(call: &Call, state: &mut State, name: &str) -> Said {
    let user = call.user(state)?;
    let id = state.resolve(name);
    let id = id.ok_or(Refusal::NotFound("no such room"))?;
    let is_open = state.room(&id).is_some_and(|room| room.open);
    let may = is_open
        || state
            .membership(&id, &user)
            .is_some_and(Membership::is_present);
    if !may {
        return Err(Refusal::Forbidden("You are not invited to this room."));
    }
    state.join(&id, &user);
    Ok(json!({ "room_id": id }))
}

/// `POST rooms/{}/leave`.
pub(super) fn leave(call: &Call, state: &mut State, room: &str) -> Said {
    let user = call.user(state)?;
    if state.room(room).is_none() {
        return Err(Refusal::NotFound("no such room"));
    }
    match state.membership(room, &user) {
        Some(Membership::Joined | Membership::Invited) => {
            state.set_membership(room, &user, &user, Membership::Left);
            Ok(json!({}))
        }
        Some(Membership::Left) => Ok(json!({})),
        None => Err(Refusal::Forbidden("you are not in that room")),
    }
}

/// `POST rooms/{}/forget`.
pub(super) fn forget(call: &Call, state: &mut State, room: &str) -> Said {
    let user = call.user(state)?;
    if state.is_joined(room, &user) {
        return Err(Refusal::InvalidParam("you are in that room"));
    }
    if let Some(user) = state.user_mut(&user) {
        user.rooms.remove(room);
    }
    Ok(json!({}))
}

/// `POST rooms/{}/invite`.
pub(super) fn invite(call: &Call, state: &mut State, room: &str) -> Said {
    let user = member(call, state, room)?;
    let asked = call.object()?;
    let invited = asked.get("user_id").and_then(Value::as_str);
    let invited = invited.ok_or(Refusal::MissingParam("user_id"))?;
    if state.user(invited).is_none() {
        return Err(Refusal::NotFound("no such user"));
    }
    if state.is_joined(room, invited) {
        return Err(Refusal::Forbidden("that user is in the room already"));
    }
    state.set_membership(room, &user, invited, Membership::Invited);
    Ok(json!({}))
}

/// `GET joined_rooms`.
pub(super) fn joined(call: &Call, state: &State) -> Said {
    let session = call.session(state)?;
    let user = state.user(&session.user).ok_or(Refusal::UnknownToken)?;
    let rooms: Vec<_> = user.joined().collect();
    Ok(json!({ "joined_rooms": rooms }))
}

/// `GET rooms/{}/members`.
pub(super) fn members(call: &Call, state: &State, id: &str) -> Said {
    let room = seen(call, state, id)?;
    let wanted = call.parameter("membership");
    let is_wanted = |content: &Value| match &wanted {
        Some(wanted) => content["membership"] == **wanted,
        None => true,
    };
    let members = room.state().filter(|event| event.kind == "m.room.member");
    let members = members.filter(|event| is_wanted(&event.content));
    let chunk: Vec<_> = members.map(|event| event.to_json()).collect();
    Ok(json!({ "chunk": chunk }))
}

/// `GET rooms/{}/joined_members`.
pub(super) fn joined_members(call: &Call, state: &State, id: &str) -> Said {
    let room = seen(call, state, id)?;
    let mut joined = Map::new();
    for id in room.joined() {
        let profile = state.user(id).map(|user| &user.profile);
        let field = |name: &str| profile.and_then(|profile| profile.get(name));
        joined.insert(
            id.to_owned(),
            json!({ "display_name": field("displayname"), "avatar_url": field("avatar_url") }),
        );
    }
    Ok(json!({ "joined": joined }))
}
