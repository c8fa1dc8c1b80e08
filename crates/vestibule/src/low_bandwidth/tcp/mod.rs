//! What the TCP side of a gateway makes of requests and answers. It carries what CoAP does not, such as
//! media, for the clients of the gateway, and so keeps to the same rules: what may be asked for, what the
//! homeserver is told of the client, and where clients are told that it is.
//!
//! HTTP itself is the business of [`http`](crate::http), which asks a [`Side`] where a service has one.

mod answer;
mod location;
mod refusal;
mod request;
mod side;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use answer::{MOST, Revision, Unrevised, forget_body};
pub(crate) use refusal::{Errcode, Refusal};
pub(crate) use request::is_removed;
pub(crate) use side::Side;
