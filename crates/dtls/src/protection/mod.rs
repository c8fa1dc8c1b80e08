//! What protects records of DTLS 1.3 (RFC 9147 section 4), over AWS-LC.

mod header;
mod keys;
mod secret;
mod window;

pub(crate) use header::Header;
pub(crate) use keys::{Keys, Opened};
pub(crate) use secret::{Secret, Suite};
pub(crate) use window::Window;

#[cfg(test)]
mod tests;
