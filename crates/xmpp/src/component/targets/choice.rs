//! Which resource gets a request.

use std::hash::{BuildHasher, RandomState};

use rand::{Rng, rngs::StdRng};

use super::{Resource, Targets};
use crate::{
    component::{Balance, PolicyKey, Settings},
    jid,
};

/// Chooses resources, one request after the other.
#[derive(Debug, Default)]
pub(in crate::component) struct Choice {
    /// The one that was chosen last.
    last: String,
    hash: RandomState,
}

impl Choice {
    /// The resource for a request of `sender`, none of `tried`. Those without a doubt come first; if
    /// `doubtful`, then those that were not seen since the link is there and those that have not
    /// answered in time.
    pub(in crate::component) fn choose<'a>(
        &mut self,
        settings: &Settings,
        random: &mut StdRng,
        targets: &'a Targets,
        sender: &str,
        tried: &[String],
        doubtful: bool,
    ) -> Option<&'a Resource> {
        let all = targets.0.iter().flat_map(|target| &target.resources);
        let free = all.filter(|resource| resource.takes() && !tried.contains(&resource.jid));
        let sure = |resource: &Resource| resource.is_eligible();
        let unseen = |resource: &Resource| !resource.is_confirmed && resource.suspect.is_none();
        let suspect = |resource: &Resource| resource.suspect.is_some();
        let ranks: [&dyn Fn(&Resource) -> bool; 3] = [&sure, &unseen, &suspect];
        for rank in ranks.into_iter().take(if doubtful { 3 } else { 1 }) {
            let fit = free.clone().filter(|resource| rank(resource));
            if let Some(found) = self.among(settings, random, fit, sender) {
                self.last.clone_from(&found.jid);
                return Some(found);
            }
        }
        None
    }

    fn among<'a>(
        &self,
        settings: &Settings,
        random: &mut StdRng,
        fit: impl Iterator<Item = &'a Resource> + Clone,
        sender: &str,
    ) -> Option<&'a Resource> {
        match settings.balance {
            Balance::Random => any(random, fit),
            Balance::RoundRobin => self.next(fit),
            Balance::LeastOutstanding => {
                let least = fit.clone().map(|resource| resource.outstanding).min()?;
                any(random, fit.filter(|resource| resource.outstanding == least))
            }
            Balance::Priority => {
                let highest = fit.clone().map(|resource| resource.priority).max()?;
                self.next(fit.filter(|resource| resource.priority == highest))
            }
            Balance::Sticky => {
                let key = match settings.policy_key {
                    PolicyKey::Bare => jid::bare(sender),
                    PolicyKey::Full => sender,
                };
                // Each requester has an order of its own, from which a resource that comes or goes
                // takes only what was its own.
                fit.max_by_key(|resource| self.hash.hash_one((key, resource.jid.as_str())))
            }
        }
    }

    /// The one behind the one that was chosen last, in the order of addresses.
    fn next<'a>(&self, fit: impl Iterator<Item = &'a Resource> + Clone) -> Option<&'a Resource> {
        let first = |a: &&Resource, b: &&Resource| a.jid.cmp(&b.jid);
        let behind = fit.clone().filter(|resource| resource.jid > self.last);
        behind.min_by(first).or_else(|| fit.min_by(first))
    }
}

fn any<'a>(
    random: &mut StdRng,
    mut fit: impl Iterator<Item = &'a Resource> + Clone,
) -> Option<&'a Resource> {
    let count = fit.clone().count();
    (count > 0)
        .then(|| random.random_range(0..count))
        .and_then(|at| fit.nth(at))
}
