//! HTTP ⇄ CoAP as MSC3079 maps them, for both sides: [`server`] is the gateway in front of a
//! homeserver, [`client`] the companion of a client that speaks HTTP.
//!
//! Requests and responses are translated whole; blocks, acknowledgements and observation are the
//! business of the endpoint. What is translated, and by which rules, is in the other modules.

pub mod client;
pub mod discovery;
pub mod endpoint;
pub mod format;
pub mod method;
mod object;
pub mod paths;
mod percent;
pub mod policy;
pub mod query;
pub mod rewrite;
pub mod server;
pub mod status;
pub mod token;

use vestibule_coap::OptionNumber;

/// The option that carries an access token. The proposal calls it critical, but its number is even:
/// who does not know it ignores it.
pub const ACCESS_TOKEN: OptionNumber = OptionNumber(256);

/// The option that says up to which version its sender knows the table of keys.
pub const TABLE_VERSION: OptionNumber = OptionNumber(257);

/// The version of the table of [keys](crate::keys), as `cbor_enum_version` and [`TABLE_VERSION`] name
/// it.
pub const KEYS_VERSION: u32 = 1;
