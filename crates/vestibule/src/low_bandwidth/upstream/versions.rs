//! Which version of the API the homeserver has.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use tokio::time::sleep;
use vestibule_lowband::mapping::{
    endpoint::Kind, format::Format, paths::Prefix, query::Query, server::HttpRequest,
};

use super::Client;

/// For an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Between two good answers.
const AGAIN: Duration = Duration::from_secs(60 * 60);

/// How long is waited after the first failure, and after many.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What of the answer to `/_matrix/client/versions` counts.
#[derive(Deserialize)]
struct Versions {
    versions: Vec<String>,
}

/// Asks the homeserver for its versions, again each hour, sooner after a failure, and tells `found`
/// what follows from each good answer. What was told holds until the next one. Never ends.
pub(crate) async fn watch_versions(client: Client, found: impl Fn(Prefix)) {
    let mut wait = RETRY.0;
    loop {
        match ask(&client).await {
            Some(prefix) => {
                found(prefix);
                wait = RETRY.0;
                sleep(AGAIN).await;
            }
            None => {
                sleep(wait).await;
                wait = RETRY.1.min(wait * 2);
            }
        }
    }
}

/// What the homeserver says now; `None`: nothing that can be understood.
async fn ask(client: &Client) -> Option<Prefix> {
    let request = HttpRequest {
        method: Method::GET,
        path: "/_matrix/client/versions".to_owned(),
        query: Query::default(),
        token: None,
        body: Vec::new(),
        kind: Kind::Other,
        format: Format::Json,
    };
    let answer = client.send(&request, None, TIMEOUT).await.ok()?;
    match answer.status {
        StatusCode::OK => prefix(&answer.body),
        _ => None,
    }
}

/// What an answer means: all versions since v1.1 have paths of v3, those before are named r0.
pub(super) fn prefix(body: &[u8]) -> Option<Prefix> {
    let Versions { versions } = serde_json::from_slice(body).ok()?;
    Some(match versions.iter().any(|version| is_new(version)) {
        true => Prefix::V3,
        false => Prefix::R0,
    })
}

/// Whether a version is called `v1.`, and a number.
fn is_new(version: &str) -> bool {
    let minor = version.strip_prefix("v1.").unwrap_or_default();
    !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())
}
