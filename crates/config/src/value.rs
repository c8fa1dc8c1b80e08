//! The texts that stand as values: from a string to what it means, or what is wrong with it.

pub(crate) mod address;
pub(crate) mod api_path;
pub(crate) mod destination;
pub(crate) mod destination_rule;
pub(crate) mod duration;
pub(crate) mod host;
pub(crate) mod jid;
pub(crate) mod name;
pub(crate) mod namespace;
pub(crate) mod network;
pub(crate) mod path;
pub(crate) mod rate;
pub(crate) mod size;
pub(crate) mod tls;
pub(crate) mod tlv;
pub(crate) mod upstream;
pub(crate) mod url;

#[cfg(test)]
mod tests;
