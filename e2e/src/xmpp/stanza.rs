use std::collections::BTreeMap;

use serde::Deserialize;

/// A stanza that a client has received.
#[derive(Clone, Debug, Deserialize)]
pub struct Stanza {
    /// `iq`, `message` or `presence`.
    pub name: String,
    /// Its `type`; empty where there is none, as are the other attributes.
    pub kind: String,
    /// Its `id`.
    pub id: String,
    /// Who it says that it is from.
    pub from: String,
    /// Whom it is addressed to.
    pub to: String,
    /// What it carries, without the error.
    pub children: Vec<Child>,
    /// The error that it reports.
    pub error: Option<StanzaError>,
    /// All of it, serialised anew.
    pub xml: String,
}

/// A child element of a stanza.
#[derive(Clone, Debug, Deserialize)]
pub struct Child {
    /// Its namespace.
    pub namespace: String,
    /// Its local name.
    pub name: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

/// An error (RFC 6120 section 8.3).
#[derive(Clone, Debug, Deserialize)]
pub struct StanzaError {
    /// `cancel`, `wait` and so on.
    pub kind: String,
    /// The defined condition.
    pub condition: String,
    /// What it says to people; may be empty.
    pub text: String,
}

impl Stanza {
    /// The error as `type/condition`; empty where there is none.
    pub fn error(&self) -> String {
        let error = self.error.as_ref();
        error.map_or_else(String::new, |error| {
            format!("{}/{}", error.kind, error.condition)
        })
    }

    /// Panics unless this is an error of `from` with this `type/condition` and a text.
    #[track_caller]
    pub fn assert_error(&self, from: &str, error: &str) {
        assert_eq!(
            (self.kind.as_str(), self.from.as_str(), self.error()),
            ("error", from, error.to_owned()),
            "{}",
            self.xml
        );
        let text = self.error.as_ref().map_or("", |error| &error.text);
        assert!(!text.is_empty(), "no text: {}", self.xml);
    }

    /// Panics unless this is a result of `from`.
    #[track_caller]
    pub fn assert_result(&self, from: &str) {
        assert_eq!(
            (self.kind.as_str(), self.from.as_str()),
            ("result", from),
            "{}",
            self.xml
        );
    }

    /// An attribute of the first child; empty where it is not there.
    pub fn attribute(&self, name: &str) -> &str {
        let child = self.children.first();
        let value = child.and_then(|child| child.attributes.get(name));
        value.map_or("", String::as_str)
    }
}
