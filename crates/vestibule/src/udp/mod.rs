//! UDP sockets that many peers talk to: received in batches, answered from the address that a
//! datagram came to.

mod receive;
mod socket;
#[cfg(test)]
mod tests;

pub(crate) use receive::{Batch, Datagram, Receiver};
pub(crate) use socket::{Socket, Unsent};

/// The longest datagram that is received, in bytes. Longer ones are dropped.
pub(crate) const LONGEST: usize = 8192;
