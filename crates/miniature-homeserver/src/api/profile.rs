//! What users say of themselves.

use serde_json::{Value, json};

use super::{Call, Refusal, Said};
use crate::state::State;

const NO_USER: Refusal = Refusal::NotFound("Profile was not found");

/// `GET profile/{}` and `GET profile/{}/{}`, which need no access token.
pub(super) fn profile(state: &State, user: &str, key: Option<&str>) -> Said {
    let profile = &state.user(user).ok_or(NO_USER)?.profile;
    match key {
        None => Ok(profile.clone().into()),
        Some(key) => match profile.get(key) {
            Some(value) => Ok(json!({ (key): value })),
            None => Err(NO_USER),
        },
    }
}

/// `PUT profile/{}/{}`: rooms are told.
pub(super) fn set(call: &Call, state: &mut State, user: &str, key: &str) -> Said {
    call.own(state, user)?;
    let mut asked = call.object()?;
    let value = asked.remove(key);
    let value = value.ok_or(Refusal::MissingParam("the field of the profile"))?;
    let known = state.user_mut(user).ok_or(NO_USER)?;
    known.profile.insert(key.to_owned(), value);
    let rooms: Vec<_> = known.joined().map(str::to_owned).collect();
    for room in rooms {
        state.tell_profile(&room, user);
    }
    Ok(json!({}))
}

/// `GET presence/{}/status`, of users who share a room.
pub(super) fn presence(call: &Call, state: &State, user: &str) -> Said {
    let own = &call.session(state)?.user;
    let known = state.user(user).ok_or(NO_USER)?;
    let may = own == user
        || state
            .user(own)
            .is_some_and(|own| state.are_neighbours(own, user));
    match may {
        true => Ok(known.presence.1.clone()),
        false => Err(Refusal::Forbidden("you share no room")),
    }
}

/// `PUT presence/{}/status`.
pub(super) fn set_presence(call: &Call, state: &mut State, user: &str) -> Said {
    call.own(state, user)?;
    let asked = call.object()?;
    match asked.get("presence").and_then(Value::as_str) {
        Some("online" | "offline" | "unavailable") => {
            state.set_presence(user, asked.into());
            Ok(json!({}))
        }
        _ => Err(Refusal::BadJson("presence is missing")),
    }
}
