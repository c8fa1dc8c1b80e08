//! What belongs to an account.

use serde_json::{Value, json};

use super::{Call, Refusal, Said};
use crate::state::State;

/// Most filters of a user.
const MAX_FILTERS: usize = 1_000;

/// `GET capabilities`.
pub(super) fn capabilities(call: &Call, state: &State) -> Said {
    call.session(state)?;
    Ok(json!({
        "capabilities": {
            "m.change_password": { "enabled": false },
            "m.room_versions": { "default": "10", "available": { "10": "stable" } },
        },
    }))
}

/// `POST user/{}/filter`.
pub(super) fn add_filter(call: &Call, state: &mut State, user: &str) -> Said {
    call.own(state, user)?;
    let filter = Value::Object(call.object()?);
    let filters = state.user_mut(user).map(|user| &mut user.filters);
    let filters = filters.ok_or(Refusal::UnknownToken)?;
    let known = filters.iter().position(|known| *known == filter);
    let id = match known {
        Some(id) => id,
        None if filters.len() == MAX_FILTERS => {
            return Err(Refusal::Forbidden("there are too many filters"));
        }
        None => {
            filters.push(filter);
            filters.len() - 1
        }
    };
    Ok(json!({ "filter_id": id.to_string() }))
}

/// `GET user/{}/filter/{}`.
pub(super) fn filter(call: &Call, state: &State, user: &str, id: &str) -> Said {
    call.own(state, user)?;
    let filters = state.user(user).map(|user| &user.filters);
    let filter = filters.and_then(|filters| filters.get(id.parse::<usize>().ok()?));
    filter
        .cloned()
        .ok_or(Refusal::NotFound("there is no such filter"))
}

/// `GET pushrules/`: there are none.
pub(super) fn push_rules(call: &Call, state: &State) -> Said {
    call.session(state)?;
    Ok(json!({
        "global": { "override": [], "content": [], "room": [], "sender": [], "underride": [] },
    }))
}

/// `GET pushers`: there are none.
pub(super) fn pushers(call: &Call, state: &State) -> Said {
    call.session(state)?;
    Ok(json!({ "pushers": [] }))
}

/// `GET voip/turnServer`: there is none.
pub(super) fn turn_server(call: &Call, state: &State) -> Said {
    call.session(state)?;
    Ok(json!({}))
}

/// `GET user/{}/account_data/{}`, also of a room.
pub(super) fn data(call: &Call, state: &State, [user, room, kind]: [&str; 3]) -> Said {
    call.own(state, user)?;
    let key = (room.to_owned(), kind.to_owned());
    let data = state
        .user(user)
        .and_then(|user| user.account_data.get(&key));
    let data = data.map(|(_, content)| content.clone());
    data.ok_or(Refusal::NotFound("Account data not found"))
}

/// `PUT user/{}/account_data/{}`, also of a room.
pub(super) fn set_data(call: &Call, state: &mut State, [user, room, kind]: [&str; 3]) -> Said {
    call.own(state, user)?;
    let content = Value::Object(call.object()?);
    state.set_account_data(user, room, kind, content);
    Ok(json!({}))
}
