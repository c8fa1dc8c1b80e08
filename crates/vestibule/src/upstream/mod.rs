//! Upstreams: the targets of a service, which one is tried next, and how it is dialed.

mod balance;
mod dial;
mod header;
mod health;
mod lookup;
mod resolve;
mod target;

pub(crate) use dial::{Dialed, dial};
pub(crate) use header::KnownTls;
pub(crate) use health::watch;
pub(crate) use lookup::Lookups;
pub(crate) use resolve::keep_resolved;
pub(crate) use target::{Active, Target};
