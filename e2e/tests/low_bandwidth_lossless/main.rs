//! A message is never lost, and never twice there, whatever fails: the homeserver, what stands
//! before it, the gateway, the path, the client.
//!
//! In each test somebody sends, through the gateway, as clients do: what is not known to have
//! arrived is sent again with the same transaction. Two others listen: one observes, the other one
//! asks again and again. In the end all of them must know the same.

mod client;
mod gateway;
mod homeserver;
mod stage;
