//! What a request is for, as far as it matters on the way.

use std::time::Duration;

use http::Method;

use super::query::Query;

/// The longest time for which a sync may ask the homeserver to wait.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `POST login`: its answer may say where the homeserver is.
    Login,
    /// `POST logout` and `logout/all`: when it succeeds, the token is worth nothing any more.
    Logout,
    /// Anything else.
    Other,
    /// `POST register`: its answer may say where the homeserver is.
    Register,
    /// A sliding sync (MSC4186), a POST that waits for news.
    SlidingSync {
        /// How long the homeserver may wait, at most [`MAX_TIMEOUT`].
        timeout: Duration,
    },
    /// `GET sync`, however it was named: the one resource that can be observed.
    Sync {
        /// How long the homeserver may wait, at most [`MAX_TIMEOUT`].
        timeout: Duration,
    },
    /// `GET versions`.
    Versions,
    /// `GET /.well-known/matrix/client`.
    WellKnown,
}

/// Whether a request makes sense without an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// It is one that comes before there is a token.
    None,
    /// The homeserver decides.
    Perhaps,
    /// The homeserver would refuse it.
    Token,
}

/// What a request for this `path` is for. The path is whole, not as the table shortens it.
pub fn kind(method: &Method, path: &[&str], query: &Query) -> Kind {
    let timeout = || {
        let value = query.value("timeout");
        value
            .and_then(milliseconds)
            .unwrap_or_default()
            .min(MAX_TIMEOUT)
    };
    match (method, without_slash(path)) {
        (&Method::GET, [".well-known", "matrix", "client"]) => Kind::WellKnown,
        (&Method::GET, ["_matrix", "client", "versions"]) => Kind::Versions,
        (&Method::GET, ["_matrix", "client", "r0" | "v3", "sync"]) => {
            Kind::Sync { timeout: timeout() }
        }
        (&Method::POST, ["_matrix", "client", "v4", "sync"])
        | (
            &Method::POST,
            [
                "_matrix",
                "client",
                "unstable",
                "org.matrix.simplified_msc3575",
                "sync",
            ],
        ) => Kind::SlidingSync { timeout: timeout() },
        (&Method::POST, ["_matrix", "client", "r0" | "v3", below @ ..]) => match below {
            ["login"] => Kind::Login,
            ["register"] => Kind::Register,
            ["logout"] | ["logout", "all"] => Kind::Logout,
            _ => Kind::Other,
        },
        _ => Kind::Other,
    }
}

/// Whether a request for this `path` needs a token, as far as the specification of Matrix says.
pub fn need(method: &Method, path: &[&str]) -> Need {
    let below = match without_slash(path) {
        ["_matrix", "client", "versions"] | [".well-known", ..] => return Need::None,
        ["_matrix", "client", _, below @ ..] => below,
        _ => return Need::Perhaps,
    };
    match below {
        ["login", "get_token"] => Need::Token,
        ["login" | "register" | "refresh" | "auth_metadata", ..] => Need::None,
        ["account", "password" | "3pid", _, "requestToken"] => Need::None,
        // These help who has forgotten everything, or do without a session.
        ["account", "password" | "deactivate"] => Need::Perhaps,
        ["publicRooms" | "profile" | "directory", ..] if method == Method::GET => Need::Perhaps,
        [
            "account" | "capabilities" | "createRoom" | "delete_devices" | "devices" | "directory"
            | "join" | "joined_rooms" | "keys" | "knock" | "logout" | "notifications" | "presence"
            | "profile" | "publicRooms" | "pushers" | "pushrules" | "room_keys" | "rooms"
            | "search" | "sendToDevice" | "sync" | "user" | "user_directory" | "voip",
            ..,
        ] => Need::Token,
        _ => Need::Perhaps,
    }
}

/// Puts [`MAX_TIMEOUT`] for a longer timeout of a sync. All else in the query stays.
pub(super) fn limit_timeout(query: &mut Query) {
    query.revise("timeout", |value| {
        let is_longer = milliseconds(value).is_some_and(|timeout| timeout > MAX_TIMEOUT);
        is_longer.then(|| MAX_TIMEOUT.as_millis().to_string())
    });
}

/// A number of milliseconds, however large; `None` if it is none.
fn milliseconds(text: &str) -> Option<Duration> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_millis(digits.parse().unwrap_or(u64::MAX)))
}

fn without_slash<'a, 'b>(path: &'a [&'b str]) -> &'a [&'b str] {
    path.strip_suffix(&[""]).unwrap_or(path)
}

#[cfg(test)]
mod tests;
