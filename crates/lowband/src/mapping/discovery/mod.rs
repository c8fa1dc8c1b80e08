//! How clients learn that a homeserver speaks low bandwidth: by a member of `/versions`. And how we
//! learn what the homeserver speaks.

use serde::Deserialize;

use super::KEYS_VERSION;
use super::object::Object;
use super::paths::{self, Prefix};

/// The member's name as long as MSC3079 is not accepted.
pub const UNSTABLE_NAME: &str = "org.matrix.msc3079.low_bandwidth";
/// The name that it will have then.
pub const STABLE_NAME: &str = "m.low_bandwidth";
/// The name of the member that says what this gateway can beyond MSC3079.
pub const EXTENSIONS_NAME: &str = "io.github.vestibule_proxy.low_bandwidth";

/// What is said about low bandwidth. What is missing is not supported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct LowBandwidth {
    /// The UDP port for DTLS.
    pub dtls: Option<u16>,
    /// The version of the table of [keys](crate::keys).
    pub cbor_enum_version: Option<u32>,
    /// The version of the table of [paths](super::paths::table).
    pub coap_enum_version: Option<u32>,
}

/// What a gateway can beyond MSC3079. What is missing it cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Extensions {
    /// It finds a body by the token of its first block, and that of a notification by its path: requests
    /// for further blocks may leave the query out.
    pub short_follow_ups: bool,
}

/// What is put into `/versions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// The UDP port for DTLS, as clients see it.
    pub port: u16,
    /// Whether it stands under the stable name as well.
    pub is_stable: bool,
}

impl LowBandwidth {
    /// What this answer to `/versions` says; the stable name counts more. `None` when it says
    /// nothing about it, which does not mean that there is no low bandwidth.
    pub fn parse(versions: &[u8]) -> Option<Self> {
        let versions = Object::parse(versions)?;
        [STABLE_NAME, UNSTABLE_NAME]
            .into_iter()
            .filter_map(|name| versions.member(name))
            .find_map(|json| serde_json::from_str(json).ok())
    }
}

impl Extensions {
    /// What this answer to `/versions` says. Nothing, when it says nothing about it.
    pub fn parse(versions: &[u8]) -> Self {
        let versions = Object::parse(versions);
        let json = versions.and_then(|versions| Some(versions.member(EXTENSIONS_NAME)?.to_owned()));
        json.and_then(|json| serde_json::from_str(&json).ok())
            .unwrap_or_default()
    }
}

impl Advertisement {
    /// The answer to `/versions` with this in it. Every other member keeps its place and its value as it is
    /// written; white space between members goes, and escapes in their names that need not be. `None`
    /// when the answer is no JSON object.
    pub fn add(&self, versions: &[u8]) -> Option<String> {
        let mut versions = Object::parse(versions)?;
        let json = format!(
            r#"{{"dtls":{},"cbor_enum_version":{},"coap_enum_version":{}}}"#,
            self.port,
            KEYS_VERSION,
            paths::table::VERSION,
        );
        if self.is_stable {
            versions.set(STABLE_NAME, json.clone());
        }
        versions.set(UNSTABLE_NAME, json);
        versions.set(EXTENSIONS_NAME, r#"{"short_follow_ups":true}"#.to_owned());
        Some(versions.to_json())
    }
}

impl Prefix {
    /// The prefix for a homeserver that answers to `/versions` like this: v3 if it has any version of
    /// Matrix from 1.1 on, else r0. `None` when that is no such answer.
    pub fn from_versions(versions: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Versions {
            versions: Vec<String>,
        }
        let versions: Versions = serde_json::from_slice(versions).ok()?;
        match versions.versions.iter().any(|v| v.starts_with("v1.")) {
            true => Some(Self::V3),
            false => Some(Self::R0),
        }
    }
}

#[cfg(test)]
mod tests;
