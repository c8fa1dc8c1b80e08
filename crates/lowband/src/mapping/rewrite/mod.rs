//! Answers that tell a client where its homeserver is. Over low bandwidth that is the gateway, or
//! the companion at the client's side.

use http::StatusCode;

use super::endpoint::Kind;
use super::object::{self, Object};

/// The body of an answer that names `base_url` as the homeserver's address; `None` if it stays as it
/// is: when the answer is not one of those that do, has another status than 200, or names none.
/// Everything else in it stays as it is written.
pub fn base_url(kind: Kind, status: StatusCode, body: &[u8], base_url: &str) -> Option<String> {
    if status != StatusCode::OK {
        return None;
    }
    match kind {
        Kind::WellKnown => well_known(body, base_url),
        Kind::Login | Kind::Register => {
            let mut answer = Object::parse(body)?;
            let inner = well_known(answer.member("well_known")?.as_bytes(), base_url)?;
            answer.set("well_known", inner);
            Some(answer.to_json())
        }
        _ => None,
    }
}

fn well_known(json: &[u8], base_url: &str) -> Option<String> {
    let mut well_known = Object::parse(json)?;
    let mut homeserver = Object::parse(well_known.member("m.homeserver")?.as_bytes())?;
    homeserver.member("base_url")?;
    homeserver.set("base_url", object::string(base_url));
    let homeserver = homeserver.to_json();
    well_known.set("m.homeserver", homeserver);
    Some(well_known.to_json())
}

#[cfg(test)]
mod tests;
