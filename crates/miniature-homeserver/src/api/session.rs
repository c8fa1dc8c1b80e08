//! Who somebody is: login, registration, logout.

use serde_json::{Map, Value, json};

use super::{Call, Refusal, Said};
use crate::state::{Session, State, random};

/// `POST login`, by password.
pub(super) fn log_in(call: &Call, state: &mut State, base_url: &str) -> Said {
    let asked = Value::Object(call.object()?);
    if asked["type"] != "m.login.password" {
        return Err(Refusal::Forbidden("there is login by password only"));
    }
    let name = asked["identifier"]["user"].as_str();
    let name = name.or(asked["user"].as_str());
    let name = name.ok_or(Refusal::MissingParam("identifier"))?;
    let password = asked["password"].as_str();
    let password = password.ok_or(Refusal::MissingParam("password"))?;
    let user = state.user_id(name);
    let is_right = state
        .user(&user)
        .is_some_and(|user| user.password == password);
    let session = match is_right {
        true => begin(state, &user, &asked),
        false => None,
    };
    let session = session.ok_or(Refusal::Forbidden("Invalid username or password"))?;
    let mut said = said(state, &session);
    said.insert(
        "well_known".into(),
        json!({ "m.homeserver": { "base_url": base_url } }),
    );
    Ok(said.into())
}

/// `POST register`, with a step that asks for nothing (`m.login.dummy`).
pub(super) fn register(call: &Call, state: &mut State) -> Said {
    let asked = Value::Object(call.object()?);
    if call.parameter("kind").is_some_and(|kind| kind == "guest") {
        return Err(Refusal::Forbidden("there are no guests"));
    }
    let name = asked["username"].as_str();
    let name = name.map_or_else(|| random::name().to_lowercase(), str::to_owned);
    may_be_registered(state, &name)?;
    let auth = &asked["auth"];
    let session = auth["session"].as_str();
    let is_known = session.is_none_or(|session| state.registrations.contains(session));
    if auth["type"] != "m.login.dummy" || !is_known {
        return Err(Refusal::Interactive {
            session: interactive(state),
        });
    }
    let password = asked["password"].as_str();
    let password = password.ok_or(Refusal::MissingParam("password"))?;
    if let Some(session) = session {
        state.registrations.remove(session);
    }
    let user = state.register(&name, password);
    if asked["inhibit_login"] == true {
        return Ok(json!({ "user_id": user, "home_server": state.server_name() }));
    }
    match begin(state, &user, &asked) {
        Some(session) => Ok(said(state, &session).into()),
        None => Err(Refusal::NotFound("there is no such user")),
    }
}

/// Most registrations that have begun and not ended.
const MAX_REGISTRATIONS: usize = 1_000;

fn interactive(state: &mut State) -> String {
    if state.registrations.len() >= MAX_REGISTRATIONS {
        state.registrations.clear();
    }
    let session = random::name();
    state.registrations.insert(session.clone());
    session
}

fn may_be_registered(state: &State, name: &str) -> Result<(), Refusal> {
    let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._=-/+".contains(c);
    if name.is_empty() || name.len() > 200 || !name.chars().all(is_fine) {
        return Err(Refusal::InvalidUsername);
    }
    match state.user(&state.user_id(name)) {
        Some(_) => Err(Refusal::UserInUse),
        None => Ok(()),
    }
}

fn begin(state: &mut State, user: &str, asked: &Value) -> Option<Session> {
    let device = asked["device_id"].as_str();
    state.log_in(user, device, asked["initial_device_display_name"].as_str())
}

fn said(state: &State, session: &Session) -> Map<String, Value> {
    let mut said = Map::new();
    said.insert("user_id".into(), session.user.as_str().into());
    said.insert("access_token".into(), session.token.as_str().into());
    said.insert("device_id".into(), session.device.as_str().into());
    said.insert("home_server".into(), state.server_name().into());
    said
}

/// `GET register/available`.
pub(super) fn available(call: &Call, state: &State) -> Said {
    let name = call.parameter("username");
    let name = name.ok_or(Refusal::MissingParam("username"))?;
    may_be_registered(state, &name)?;
    Ok(json!({ "available": true }))
}

/// `POST logout`.
pub(super) fn log_out(call: &Call, state: &mut State) -> Said {
    let session = call.session(state)?.clone();
    state.log_out(&session);
    Ok(json!({}))
}

/// `POST logout/all`.
pub(super) fn log_out_all(call: &Call, state: &mut State) -> Said {
    let user = call.user(state)?;
    state.log_out_all(&user);
    Ok(json!({}))
}

/// `GET account/whoami`.
pub(super) fn who_am_i(call: &Call, state: &State) -> Said {
    let session = call.session(state)?;
    Ok(json!({ "user_id": session.user, "device_id": session.device, "is_guest": false }))
}
