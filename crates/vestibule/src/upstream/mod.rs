//! Upstreams: the targets of a service, which one is tried next, and how it is dialed.

mod attempt;
mod balance;
mod connect;
mod destination;
mod dial;
mod header;
mod health;
mod lookup;
mod own;
mod resolve;
mod server;
mod target;
mod tunnel;

pub(crate) use destination::Destination;
pub(crate) use dial::{Dialed, dial, dial_for_request};
pub(crate) use header::KnownTls;
pub(crate) use health::watch;
pub(crate) use lookup::Lookups;
pub(crate) use own::OwnAddresses;
pub(crate) use resolve::keep_resolved;
pub(crate) use server::reach_server;
pub(crate) use target::{Active, Target};
pub(crate) use tunnel::Hop;
