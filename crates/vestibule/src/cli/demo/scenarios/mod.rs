//! The scenarios, in groups. Each is a function that plays on the stage and answers its row.

pub(super) mod explicit;
pub(super) mod http;
pub(super) mod layer4;
pub(super) mod low_bandwidth;
pub(super) mod operation;
pub(super) mod tls;
pub(super) mod xmpp;
