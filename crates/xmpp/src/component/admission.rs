//! Who may ask, and how often.

use std::time::{Duration, Instant};

use super::{Rate, Requester, Settings, memory::Memory};
use crate::jid;

/// How many requesters' rates are remembered.
const REQUESTERS: usize = 100_000;

/// How often each requester has asked.
#[derive(Debug)]
pub(super) struct Rates {
    rate: Option<Rate>,
    buckets: Memory<Bucket>,
}

/// What a requester may still ask.
#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// Whether `sender`, a full address, may ask.
pub(super) fn is_allowed(settings: &Settings, sender: &str) -> bool {
    let is = |requester: &Requester| match requester {
        Requester::Domain(domain) => jid::domain(sender) == domain,
        Requester::Account(account) => jid::bare(sender) == account,
        Requester::Full(full) => sender == full,
    };
    // Who is in our own domain is a token, and a request of it one that runs in a circle.
    jid::domain(sender) != settings.domain
        && (settings.allow.is_empty() || settings.allow.iter().any(is))
        && !settings.deny.iter().any(is)
}

impl Rates {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        let lifetime = rate.map_or(Duration::ZERO, |rate| rate.per);
        Self {
            rate,
            buckets: Memory::new(lifetime, REQUESTERS),
        }
    }

    /// The rate from now on. Another one begins anew.
    pub(super) fn set(&mut self, rate: Option<Rate>) {
        if self.rate != rate {
            *self = Self::new(rate);
        }
    }

    /// Whether this requester, a bare address, may ask once more; counts it.
    pub(super) fn takes(&mut self, now: Instant, requester: &str) -> bool {
        let Some(rate) = self.rate else { return true };
        let most = f64::from(rate.count);
        let Some(bucket) = self.buckets.value(now, requester) else {
            let left = most - 1.0;
            self.buckets
                .insert(now, requester, Bucket { left, at: now });
            return true;
        };
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.at = now;
        bucket.left = most.min(bucket.left + passed * most / rate.per.as_secs_f64());
        let takes = bucket.left >= 1.0;
        if takes {
            bucket.left -= 1.0;
        }
        takes
    }
}
