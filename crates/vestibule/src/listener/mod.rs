//! Listeners: from a socket that waits to a connection that is carried.

mod accept;
mod connection;
mod farewell;
mod header;
mod peeked;
mod understand;

pub(crate) use accept::Binding;
pub(crate) use farewell::farewell;
pub(crate) use peeked::Peeked;
