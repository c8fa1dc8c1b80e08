//! Why a stream ends.

use std::fmt;

use crate::Malformed;

/// Why a stream cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server sends what is no stream of stanzas.
    Malformed(Malformed),
    /// The server declares another namespace: this is not a port for components, or one of another
    /// kind.
    Namespace(String),
    /// The server's header has no id, without which there is no handshake.
    NoId,
    /// What the server sends is no stream of XMPP.
    NoStream,
    /// The server says why.
    Server {
        /// The name of the condition, such as `not-authorized` (RFC 6120 section 4.9.3).
        condition: String,
        /// What it says to people; may be empty.
        text: String,
    },
    /// The server sends something before it is its turn.
    Unexpected,
}

impl Failure {
    /// What an administrator can do about it; `None`: nothing that we know of.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Namespace(namespace) if namespace == "jabber:client" => Some(
                "this is the port for clients; the one for components is 5347 by default \
                 (`component_ports` in Prosody, a listener `ejabberd_service` in ejabberd)",
            ),
            Self::Namespace(_) | Self::NoId | Self::NoStream => Some(
                "`server` must be a port for components: 5347 by default (`component_ports` in \
                 Prosody, a listener `ejabberd_service` in ejabberd)",
            ),
            Self::Server { condition, .. } => match condition.as_str() {
                "conflict" => Some(
                    "another program is connected as this component; each component needs a \
                     domain of its own",
                ),
                "host-unknown" => Some(
                    "the server has no component of this domain: add it to the server's \
                     configuration, or correct `domain`",
                ),
                "invalid-from" => Some(
                    "the server takes stanzas of the component's own domain only; this is a \
                     mistake of this program, please report it",
                ),
                "not-authorized" => Some(
                    "the secret is not the server's: compare `secret` with `component_secret` in \
                     Prosody, `password` in ejabberd",
                ),
                "policy-violation" => {
                    Some("a stanza was too large for the server: lower `max_stanza`")
                }
                _ => None,
            },
            Self::Malformed(_) | Self::Unexpected => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Namespace(namespace) => {
                write!(
                    f,
                    "the server's stream is for `{}`",
                    namespace.escape_debug()
                )
            }
            Self::NoId => f.write_str("the server's stream has no id"),
            Self::NoStream => f.write_str("the server does not begin an XMPP stream"),
            Self::Server { condition, text } if text.is_empty() => {
                write!(f, "the server says {}", condition.escape_debug())
            }
            Self::Server { condition, text } => {
                let (condition, text) = (condition.escape_debug(), text.escape_debug());
                write!(f, "the server says {condition}: {text}")
            }
            Self::Unexpected => f.write_str("the server sends stanzas before the handshake"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}
