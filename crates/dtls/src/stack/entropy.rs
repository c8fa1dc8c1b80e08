//! Where the stack's random bytes come from.

use std::sync::atomic::{AtomicBool, Ordering};

use purecrypto::{rng::OsRng, tls::EntropySource};

use crate::wire::DOWNGRADE;

/// Draws from aws-lc-rs.
pub(super) struct Entropy;

impl EntropySource for Entropy {
    fn fill(&self, dest: &mut [u8]) {
        // aws-lc-rs ends the process when it has no entropy, so that this is for the sake of the types.
        if aws_lc_rs::rand::fill(dest).is_err() {
            EntropySource::fill(&OsRng, dest);
        }
    }
}

/// Draws from aws-lc-rs for one session of version 1.2, and puts into the random of its ServerHello that the server has
/// 1.3 too (RFC 8446 section 4.1.3).
///
/// The stack's first draw for a session is that random. This is how it is written, not what it promises: whoever makes
/// a session with this must look whether the mark is where it belongs, and drop the session if it is not, because then
/// eight bytes of something else are known to all.
pub(super) struct MarkingEntropy {
    drawn: AtomicBool,
}

impl MarkingEntropy {
    pub(super) fn new() -> Self {
        Self {
            drawn: AtomicBool::new(false),
        }
    }
}

impl EntropySource for MarkingEntropy {
    fn fill(&self, dest: &mut [u8]) {
        Entropy.fill(dest);
        if !self.drawn.swap(true, Ordering::Relaxed)
            && dest.len() == 32
            && let Some(end) = dest.last_chunk_mut()
        {
            *end = DOWNGRADE;
        }
    }
}
