//! What is wrong between the parts of a file, although each part is right by itself.

pub(crate) mod addresses;
pub(crate) mod certificates;
pub(crate) mod components;
pub(crate) mod low_bandwidth;
pub(crate) mod never;
pub(crate) mod reach;
pub(crate) mod services;
