//! Listeners: from a socket that waits to a connection that is carried.

mod accept;
mod connection;
mod header;

pub(crate) use accept::Binding;
