//! Media: kept as they come.

use hyper::header::HeaderValue;
use serde_json::json;

use super::{Call, OK, Refusal, Said};
use crate::{
    server::{Answer, MAX_BODY, Shared},
    state::{Medium, State},
};

const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// `POST upload`.
pub(super) fn upload(call: &Call, shared: &Shared) -> Result<Answer, Refusal> {
    let mut state = shared.state();
    call.session(&state)?;
    let medium = Medium {
        content_type: call.content_type.clone().unwrap_or(UNKNOWN),
        bytes: call.body.clone(),
    };
    let name = state.keep_medium(medium).ok_or(Refusal::TooLarge)?;
    let uri = format!("mxc://{}/{name}", state.server_name());
    Ok(Answer::json(OK, &json!({ "content_uri": uri })))
}

/// `GET download/{}/{}` and `GET thumbnail/{}/{}`, which is the same.
pub(super) fn download(
    call: &Call,
    shared: &Shared,
    server: &str,
    id: &str,
) -> Result<Answer, Refusal> {
    let state = shared.state();
    call.session(&state)?;
    let medium = match server == state.server_name() {
        true => state.medium(id),
        false => None,
    };
    let medium = medium.ok_or(Refusal::NotFound("Not found"))?.clone();
    Ok(Answer::media(medium.content_type, medium.bytes))
}

/// `GET config`.
pub(super) fn config(call: &Call, state: &State) -> Said {
    call.session(state)?;
    Ok(json!({ "m.upload.size": MAX_BODY }))
}
