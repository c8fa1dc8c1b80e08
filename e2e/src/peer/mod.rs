//! Other people's programs, each in the foreground with a directory of its own.

mod certificate;
mod haproxy;
mod nginx;
mod prosody;
mod squid;
mod tinyproxy;

pub use certificate::certificate;
pub use haproxy::Haproxy;
pub use nginx::Nginx;
pub use prosody::{Ports as ProsodyPorts, Prosody};
pub use squid::Squid;
pub use tinyproxy::Tinyproxy;
