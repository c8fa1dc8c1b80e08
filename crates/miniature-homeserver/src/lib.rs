//! A small Matrix homeserver in memory, for the demonstration, tests and benchmarks of what stands
//! before a homeserver.
//!
//! It answers as the client-server API of the Matrix specification has it (1.11, by the versions
//! `r0` and `v3`), for one server without federation. It can [fail](Fault) in the ways in which
//! homeservers and the proxies before them do, stop and start again with all that it knows, and
//! keeps a [journal](Record) of the requests that it got.
//!
//! It is no homeserver for people: passwords stand in memory as they are, whoever is joined to a
//! room may do everything in it, and only the last of a room's events are kept
//! ([`MAX_TIMELINE`]).
//!
//! ```
//! use vestibule_miniature_homeserver::{Homeserver, Options};
//!
//! let homeserver = Homeserver::start(Options::default())?;
//! let alice = homeserver.register("alice", "wonderland");
//! let bob = homeserver.register("bob", "builder");
//! let room = homeserver.create_room(&alice, &[&bob]);
//! homeserver.send_text(&room, &alice, "Hello");
//! assert_eq!(homeserver.texts(&room), ["Hello"]);
//!
//! let stopped = homeserver.stop();
//! let homeserver = Homeserver::start_with(stopped)?;
//! assert_eq!(homeserver.texts(&room), ["Hello"]);
//! # Ok::<(), std::io::Error>(())
//! ```

mod api;
mod fault;
mod homeserver;
mod journal;
mod options;
mod server;
mod state;
#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use homeserver::{Homeserver, Stopped};
pub use journal::Record;
pub use options::{Accept, Accepted, Io, Options, Protocol};
pub use server::MAX_BODY;
pub use state::MAX_TIMELINE;
