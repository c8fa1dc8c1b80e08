//! Devices, their keys, and what is sent to them. Keys are carried, never looked into.

use serde_json::{Map, Value, json};

use super::{Call, Refusal, Said, sync::position};
use crate::state::{Device, State};

const NO_DEVICE: Refusal = Refusal::NotFound("no such device");

/// `POST keys/upload`.
pub(super) fn upload(call: &Call, state: &mut State) -> Said {
    let session = call.session(state)?.clone();
    let mut asked = call.object()?;
    let device = state.device_mut(&session).ok_or(Refusal::UnknownToken)?;
    let keys = asked.remove("device_keys");
    let is_new = keys.is_some();
    if keys.is_some() {
        device.keys = keys;
    }
    if let Some(Value::Object(keys)) = asked.remove("one_time_keys") {
        device.one_time_keys.extend(keys);
    }
    if let Some(Value::Object(keys)) = asked.remove("fallback_keys") {
        device.fallback_keys.extend(keys);
    }
    let counts = device.key_counts();
    if is_new {
        state.keys_changed(&session.user);
    }
    Ok(json!({ "one_time_key_counts": counts }))
}

/// `POST keys/query`.
pub(super) fn query(call: &Call, state: &State) -> Said {
    call.session(state)?;
    let asked = call.object()?;
    let mut found = Map::new();
    let users = asked.get("device_keys").and_then(Value::as_object);
    for (user, wanted) in users.into_iter().flatten() {
        let Some(known) = state.user(user) else {
            continue;
        };
        let wanted = wanted.as_array().filter(|wanted| !wanted.is_empty());
        let is_wanted = |id: &str| wanted.is_none_or(|wanted| wanted.iter().any(|w| w == id));
        let devices = known.devices.iter().filter(|(id, _)| is_wanted(id));
        let keys: Map<_, _> = devices
            .filter_map(|(id, device)| Some((id.clone(), device.keys.clone()?)))
            .collect();
        found.insert(user.clone(), keys.into());
    }
    Ok(json!({ "device_keys": found, "failures": {} }))
}

/// `POST keys/claim`.
pub(super) fn claim(call: &Call, state: &mut State) -> Said {
    call.session(state)?;
    let asked = call.object()?;
    let mut found = Map::new();
    let users = asked.get("one_time_keys").and_then(Value::as_object);
    for (user, devices) in users.into_iter().flatten() {
        let Some(known) = state.user_mut(user) else {
            continue;
        };
        let mut of_user = Map::new();
        for (id, algorithm) in devices.as_object().into_iter().flatten() {
            let device = known.devices.get_mut(id);
            let algorithm = algorithm.as_str().unwrap_or("");
            if let Some((name, key)) = device.and_then(|device| take_key(device, algorithm)) {
                of_user.insert(id.clone(), json!({ (name): key }));
            }
        }
        if !of_user.is_empty() {
            found.insert(user.clone(), of_user.into());
        }
    }
    Ok(json!({ "one_time_keys": found, "failures": {} }))
}

/// A key that goes to one asker only, else the one that all get when there is none.
fn take_key(device: &mut Device, algorithm: &str) -> Option<(String, Value)> {
    let is_of = |name: &&String| name.split_once(':').is_some_and(|(a, _)| a == algorithm);
    if let Some(name) = device.one_time_keys.keys().find(is_of).cloned() {
        return device.one_time_keys.remove_entry(&name);
    }
    let fallback = device.fallback_keys.iter();
    let mut fallback = fallback.filter(|(name, _)| is_of(name));
    fallback
        .next()
        .map(|(name, key)| (name.clone(), key.clone()))
}

/// `GET keys/changes`.
pub(super) fn changes(call: &Call, state: &State) -> Said {
    let own = call.user(state)?;
    let of = |name| match call.parameter(name) {
        Some(token) => position(&token, state),
        None => Err(Refusal::MissingParam("from and to")),
    };
    let (from, to) = (of("from")?, of("to")?);
    let own = state.user(&own).ok_or(Refusal::UnknownToken)?;
    let changed = state.users().filter(|(id, user)| {
        (from + 1..=to).contains(&user.keys_changed_at) && state.are_neighbours(own, id)
    });
    let changed: Vec<_> = changed.map(|(id, _)| id).collect();
    Ok(json!({ "changed": changed, "left": [] }))
}

/// `PUT sendToDevice/{}/{txn}`.
pub(super) fn send_to_device(call: &Call, state: &mut State, kind: &str, txn: &str) -> Said {
    let session = call.session(state)?.clone();
    let asked = call.object()?;
    let transaction = format!("to-device {txn}");
    let own = state.device_mut(&session).ok_or(Refusal::UnknownToken)?;
    if own.answered(&transaction).is_some() {
        return Ok(json!({}));
    }
    own.remember(transaction, String::new());
    let users = asked.get("messages").and_then(Value::as_object);
    for (user, devices) in users.into_iter().flatten() {
        for (device, content) in devices.as_object().into_iter().flatten() {
            let message = json!({ "type": kind, "sender": session.user, "content": content });
            state.deliver(user, device, &message);
        }
    }
    Ok(json!({}))
}

/// `GET devices`.
pub(super) fn devices(call: &Call, state: &State) -> Said {
    let user = call.user(state)?;
    let user = state.user(&user).ok_or(Refusal::UnknownToken)?;
    let devices: Vec<_> = user.devices.iter().map(described).collect();
    Ok(json!({ "devices": devices }))
}

/// `GET devices/{}`.
pub(super) fn device(call: &Call, state: &State, id: &str) -> Said {
    let user = call.user(state)?;
    let device = state.user(&user).and_then(|u| u.devices.get_key_value(id));
    device.map(described).ok_or(NO_DEVICE)
}

/// `PUT devices/{}`.
pub(super) fn set_device(call: &Call, state: &mut State, id: &str) -> Said {
    let user = call.user(state)?;
    let asked = call.object()?;
    let user = state.user_mut(&user).ok_or(Refusal::UnknownToken)?;
    let device = user.devices.get_mut(id).ok_or(NO_DEVICE)?;
    if let Some(name) = asked.get("display_name").and_then(Value::as_str) {
        device.name = Some(name.to_owned());
    }
    Ok(json!({}))
}

fn described((id, device): (&String, &Device)) -> Value {
    json!({ "device_id": id, "display_name": device.name })
}
