//! Matrix: Synapse as the homeserver, and what tests ask of it over HTTP.

mod http;
mod synapse;

pub use http::{Reply, ask_http};
pub use synapse::{Synapse, User, account, member, segment, unique};
