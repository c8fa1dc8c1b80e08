//! Two logs: events of the process (standard error), and access records of connections.

pub(crate) mod access;
pub(crate) mod event;
