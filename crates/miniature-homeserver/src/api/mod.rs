//! The client-server API.

mod account;
mod call;
mod directory;
mod endpoint;
mod filter;
mod keys;
mod media;
mod profile;
mod refusal;
mod room;
mod session;
mod sliding;
mod sync;
mod timeline;
mod wait;

use hyper::Method;
use serde_json::{Value, json};

use crate::server::{Answer, Shared};

pub(crate) use call::Call;
pub(crate) use refusal::Refusal;

use endpoint::Endpoint;

/// What most endpoints say: a document, or why not.
type Said = Result<Value, Refusal>;

/// Answers a request.
pub(crate) async fn answer(call: Call, shared: &Shared) -> Result<Answer, Refusal> {
    let segments = call.segments()?;
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let endpoint = Endpoint::of(&segments).ok_or(Refusal::Unrecognized)?;
    match (endpoint, &call.method) {
        (Endpoint::Sync, &Method::GET) => sync::answer(&call, shared).await,
        (Endpoint::SlidingSync, &Method::POST) => sliding::answer(&call, shared).await,
        (Endpoint::Upload, &Method::POST) => media::upload(&call, shared),
        (Endpoint::Download { server, id }, &Method::GET) => {
            media::download(&call, shared, server, id)
        }
        (endpoint, _) => said(endpoint, &call, shared).map(|value| Answer::json(OK, &value)),
    }
}

const OK: hyper::StatusCode = hyper::StatusCode::OK;

/// Answers by a document, at once.
fn said(endpoint: Endpoint<'_>, call: &Call, shared: &Shared) -> Said {
    use Endpoint as E;

    let state = &mut *shared.state();
    match (endpoint, call.method.as_str()) {
        (E::WellKnown, "GET") => Ok(json!({
            "m.homeserver": { "base_url": shared.base_url() }
        })),
        (E::Versions, "GET") => Ok(versions()),
        (E::Capabilities, "GET") => account::capabilities(call, state),
        (E::Foreign, _) => Ok(json!({ "leaked": true })),

        (E::Login, "GET") => Ok(json!({ "flows": [{ "type": "m.login.password" }] })),
        (E::Login, "POST") => session::log_in(call, state, shared.base_url()),
        (E::Register, "POST") => session::register(call, state),
        (E::Available, "GET") => session::available(call, state),
        (E::Logout, "POST") => session::log_out(call, state),
        (E::LogoutAll, "POST") => session::log_out_all(call, state),
        (E::WhoAmI, "GET") => session::who_am_i(call, state),

        (E::CreateRoom, "POST") => room::create(call, state),
        (E::Join(room), "POST") => room::join(call, state, room),
        (E::Leave(room), "POST") => room::leave(call, state, room),
        (E::Forget(room), "POST") => room::forget(call, state, room),
        (E::Invite(room), "POST") => room::invite(call, state, room),
        (E::JoinedRooms, "GET") => room::joined(call, state),
        (E::Members(room), "GET") => room::members(call, state, room),
        (E::JoinedMembers(room), "GET") => room::joined_members(call, state, room),

        (E::Send { room, kind, txn }, "PUT") => timeline::send(call, state, [room, kind, txn]),
        (E::Redact { room, event, txn }, "PUT") => {
            timeline::redact(call, state, [room, event, txn])
        }
        (E::State { room }, "GET") => timeline::all_state(call, state, room),
        (E::StateOf { room, kind, key }, "GET") => timeline::state(call, state, [room, kind, key]),
        (E::StateOf { room, kind, key }, "PUT") => {
            timeline::set_state(call, state, [room, kind, key])
        }
        (E::Messages(room), "GET") => timeline::messages(call, state, room),
        (E::Event { room, event }, "GET") => timeline::event(call, state, room, event),
        (E::Typing { room, user }, "PUT") => timeline::typing(call, state, room, user),
        (E::Receipt { room, kind, event }, "POST") => {
            timeline::receipt(call, state, [room, kind, event])
        }
        (E::ReadMarkers(room), "POST") => timeline::read_markers(call, state, room),

        (E::Profile { user, key }, "GET") => profile::profile(state, user, key),
        (
            E::Profile {
                user,
                key: Some(key),
            },
            "PUT",
        ) => profile::set(call, state, user, key),
        (E::Presence(user), "GET") => profile::presence(call, state, user),
        (E::Presence(user), "PUT") => profile::set_presence(call, state, user),

        (E::KeysUpload, "POST") => keys::upload(call, state),
        (E::KeysQuery, "POST") => keys::query(call, state),
        (E::KeysClaim, "POST") => keys::claim(call, state),
        (E::KeysChanges, "GET") => keys::changes(call, state),
        (E::SendToDevice { kind, txn }, "PUT") => keys::send_to_device(call, state, kind, txn),
        (E::Devices, "GET") => keys::devices(call, state),
        (E::Device(id), "GET") => keys::device(call, state, id),
        (E::Device(id), "PUT") => keys::set_device(call, state, id),

        (E::Filters(user), "POST") => account::add_filter(call, state, user),
        (E::Filter { user, id }, "GET") => account::filter(call, state, user, id),
        (E::PushRules, "GET") => account::push_rules(call, state),
        (E::Pushers, "GET") => account::pushers(call, state),
        (E::AccountData { user, room, kind }, "GET") => {
            account::data(call, state, [user, room, kind])
        }
        (E::AccountData { user, room, kind }, "PUT") => {
            account::set_data(call, state, [user, room, kind])
        }
        (E::TurnServer, "GET") => account::turn_server(call, state),

        (E::Alias(alias), "GET") => directory::resolve(state, alias),
        (E::Alias(alias), "PUT") => directory::set(call, state, alias),
        (E::Alias(alias), "DELETE") => directory::remove(call, state, alias),
        (E::PublicRooms, "GET" | "POST") => directory::public_rooms(call, state),
        (E::UserSearch, "POST") => directory::search_users(call, state),
        (E::MediaConfig, "GET") => media::config(call, state),
        _ => Err(Refusal::WrongMethod),
    }
}

fn versions() -> Value {
    json!({
        "versions": ["r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.11"],
        "unstable_features": { "org.matrix.simplified_msc3575": true },
    })
}
