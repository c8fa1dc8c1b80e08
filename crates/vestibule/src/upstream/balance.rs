//! Which target is tried next.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, atomic::Ordering},
};

use vestibule_config::Balance;

use super::Target;
use crate::{addr::ClientAddr, plan::Service};

/// The attempts of one connection: which targets were tried, and in which order others come.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// This connection's turn.
    turn: usize,
    tried: Vec<usize>,
}

impl Attempts {
    /// No attempt yet. Takes a turn of the service's.
    pub(crate) fn new(service: &Service) -> Self {
        Self {
            turn: service.turn.fetch_add(1, Ordering::Relaxed),
            tried: Vec::new(),
        }
    }

    /// The target for the next attempt: the first in the order of the service's policy that is up
    /// and untried; when none is, one that is untried; when none is, all over again.
    pub(crate) fn next<'s>(
        &mut self,
        service: &'s Service,
        client: ClientAddr,
    ) -> Option<&'s Arc<Target>> {
        let targets = &service.targets;
        if self.tried.len() >= targets.len() {
            self.tried.clear();
        }
        let untried = |up: bool| {
            (0..targets.len())
                .filter(|i| !self.tried.contains(i))
                .filter(move |i| !up || targets[*i].is_up())
        };
        let pick = |up| pick(service, client, self.turn, || untried(up));
        let chosen = pick(true).or_else(|| pick(false))?;
        if targets.len() > 1 {
            self.tried.push(chosen);
        }
        Some(&targets[chosen])
    }
}

/// One of `candidates`. Turns are shared out among the candidates only, so that the share of a
/// target that is down goes to all others alike.
fn pick<I: Iterator<Item = usize>>(
    service: &Service,
    client: ClientAddr,
    turn: usize,
    candidates: impl Fn() -> I,
) -> Option<usize> {
    let nth = |mut chosen: I, count: usize, n: usize| match count {
        0 => None,
        count => chosen.nth(n % count),
    };
    match service.config.balance {
        Balance::RoundRobin => nth(candidates(), candidates().count(), turn),
        Balance::LeastConnections => {
            let active = |i: &usize| service.targets[*i].active();
            let least = candidates().map(|i| active(&i)).min()?;
            let ties = || candidates().filter(|i| active(i) <= least);
            match ties().count() {
                // Others were faster.
                0 => candidates().next(),
                count => ties().nth(turn % count),
            }
        }
        Balance::Random => nth(
            candidates(),
            candidates().count(),
            rand::random_range(0..usize::MAX),
        ),
        // Rendezvous hashing: when a target goes, only its own clients move.
        Balance::SourceHash => candidates().max_by_key(|i| affinity(client, &service.targets[*i])),
    }
}

/// How much this client belongs to this target. The same in every process and on every machine.
fn affinity(client: ClientAddr, target: &Target) -> u64 {
    let mut hasher = DefaultHasher::new();
    client
        .0
        .socket_addr()
        .map(|address| address.ip())
        .hash(&mut hasher);
    target.label.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::{addr::Endpoint, plan::Plan, upstream::Active};

    fn service(balance: &str, targets: usize) -> Arc<Service> {
        let upstreams: Vec<_> = (1..=targets)
            .map(|port| format!("\"127.0.0.1:{port}\""))
            .collect();
        let text = format!(
            "[[listener]]\nname = \"l\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
             [service.s]\nbalance = \"{balance}\"\nupstreams = [{}]\n",
            upstreams.join(", ")
        );
        let loaded = vestibule_config::parse("test.toml", &text);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{}", loaded.report.render(false)));
        Arc::clone(Plan::first(config, 1).service("s").unwrap())
    }

    fn client(last: u8) -> ClientAddr {
        ClientAddr(Endpoint::ip(([192, 0, 2, last], 40_000).into()))
    }

    fn first(service: &Service, client: ClientAddr) -> String {
        let target = Attempts::new(service).next(service, client).unwrap();
        target.label.clone()
    }

    #[test]
    fn round_robin_takes_turns() {
        let service = service("round_robin", 3);
        let order: Vec<_> = (0..6).map(|_| first(&service, client(1))).collect();
        assert_eq!(order[..3], order[3..]);
        assert_eq!(order[..3].iter().collect::<HashSet<_>>().len(), 3);
    }

    #[test]
    fn the_share_of_a_target_that_is_down_goes_to_all_others_alike() {
        for policy in ["round_robin", "least_connections"] {
            let service = service(policy, 4);
            service.targets[1].set_healthy(false);
            let mut shares = HashMap::new();
            for _ in 0..300 {
                *shares.entry(first(&service, client(1))).or_insert(0) += 1;
            }
            assert_eq!(
                shares.into_values().collect::<Vec<_>>(),
                [100; 3],
                "{policy}"
            );
        }
    }

    #[test]
    fn least_connections_counts_live_ones() {
        let service = service("least_connections", 3);
        let _busy: Vec<_> = [0, 0, 2]
            .iter()
            .map(|i| Active::new(&service.targets[*i]))
            .collect();
        for _ in 0..3 {
            assert_eq!(first(&service, client(1)), service.targets[1].label);
        }
    }

    #[test]
    fn random_reaches_every_target() {
        let service = service("random", 3);
        let seen: HashSet<_> = (0..200).map(|_| first(&service, client(1))).collect();
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn source_hash_is_stable_and_moves_only_whom_it_must() {
        let service = service("source_hash", 4);
        let before: HashMap<_, _> = (0..=255).map(|c| (c, first(&service, client(c)))).collect();
        assert_eq!(before.values().collect::<HashSet<_>>().len(), 4);
        service.targets[0].set_healthy(false);
        for (c, target) in before {
            let now = first(&service, client(c));
            if target == service.targets[0].label {
                assert_ne!(now, target);
            } else {
                assert_eq!(now, target);
            }
        }
    }

    #[test]
    fn every_target_is_tried_before_any_is_tried_again() {
        for policy in ["round_robin", "least_connections", "random", "source_hash"] {
            let service = service(policy, 3);
            let mut attempts = Attempts::new(&service);
            let mut labels = || {
                (0..3)
                    .map(|_| attempts.next(&service, client(1)).unwrap().label.clone())
                    .collect::<HashSet<_>>()
            };
            assert_eq!(labels().len(), 3, "{policy}");
            assert_eq!(labels().len(), 3, "{policy}");
        }
    }

    #[test]
    fn targets_that_are_down_come_last_and_are_tried_all_the_same() {
        for policy in ["round_robin", "least_connections", "random", "source_hash"] {
            let service = service(policy, 3);
            service.targets[0].failed();
            service.targets[1].set_healthy(false);
            for _ in 0..5 {
                let mut attempts = Attempts::new(&service);
                let up = attempts.next(&service, client(1)).unwrap();
                assert_eq!(up.label, service.targets[2].label, "{policy}");
                assert!(attempts.next(&service, client(1)).is_some());
            }
            service.targets[2].failed();
            assert!(Attempts::new(&service).next(&service, client(1)).is_some());
        }
    }
}
