//! XMPP components (XEP-0114): their links to servers. What a component does with stanzas is the core
//! in [`vestibule_xmpp::component`], which has no sockets; here are the sockets.
//!
//! All components live on one thread of their own. Each is a task that connects, shakes hands,
//! carries stanzas between the socket and the core until the link is lost, and begins again.

mod backoff;
mod counts;
mod inbox;
mod keys;
mod link;
mod loss;
mod pump;
mod shared;
mod spec;
mod task;
#[cfg(test)]
mod tests;
mod thread;
mod unsent;
mod view;

pub(crate) use counts::BUCKETS;
pub(crate) use inbox::{Handle, Message};
pub(crate) use keys::create_missing as create_missing_keys;
pub(crate) use spec::Spec;
pub(crate) use thread::start;
pub(crate) use view::ComponentView;
