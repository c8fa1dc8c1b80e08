use std::time::Duration;

use super::{Row, Sample, Target, Window};
use crate::coaps::{Clients, Handshake};
use crate::error::Error;
use crate::matrix::{self, Companion, Errand};
use crate::peers::Service;
use crate::system;

const ASSOCIATIONS: usize = 2000;

/// So many are there already when memory is read for the first time, and stay: the program's code
/// and whatever it keeps only once are then in memory.
const BEFORE: usize = 200;

/// The time in which memory settles before it is read.
const SETTLE: Duration = Duration::from_millis(500);

/// How often to look whether the homeserver is asked.
const TICK: Duration = Duration::from_millis(50);

/// The memory that an observation keeps while there is nothing to tell: 2,000 associations that observe
/// a sync, each with its own request at the homeserver.
pub(super) struct LowbandObserving {
    id: &'static str,
    title: &'static str,
    handshake: Handshake,
}

impl LowbandObserving {
    pub(super) const DTLS12: Self = Self {
        id: "lowband-observing",
        title: "2,000 syncs observed by DTLS 1.2",
        handshake: Handshake::DTLS12,
    };
    pub(super) const DTLS13: Self = Self {
        id: "lowband13-observing",
        title: "2,000 syncs observed by DTLS 1.3",
        handshake: Handshake::DTLS13,
    };
}

impl Row for LowbandObserving {
    fn measure(&self, target: &Target<'_>, _window: &Window) -> Result<Sample, Error> {
        let process = target.process.ok_or(Error::Stalled)?;
        let homeserver = target.homeserver.ok_or(Error::Stalled)?;
        let users = matrix::users(homeserver, BEFORE + ASSOCIATIONS)?;
        let companion = move |number: usize| {
            Box::new(Companion::new(
                users[number].clone(),
                Errand::Observe,
                number,
            )) as _
        };
        let mut clients = Clients::with(target.address, self.handshake, companion)?;
        let mut observe = |count, present| {
            clients.open(count)?;
            matrix::wait_for_polls(homeserver, present, || clients.settle(TICK))?;
            clients.settle(SETTLE)?;
            Ok::<_, Error>((process.pss()?, system::slab()?))
        };
        let before = observe(BEFORE, BEFORE)?;
        let after = observe(ASSOCIATIONS, BEFORE + ASSOCIATIONS)?;
        let each =
            |after: u64, before: u64| (after as f64 - before as f64) / 1e3 / ASSOCIATIONS as f64;
        Ok(Sample {
            cost: Some(each(after.0, before.0)),
            beside: each(after.1, before.1),
            records: (BEFORE + ASSOCIATIONS) as u64,
            failures: 0,
            foreign: 0.0,
        })
    }

    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn cost_unit(&self) -> &'static str {
        "PSS kB/observation"
    }

    fn beside_unit(&self) -> &'static str {
        "slab kB/observation, all ends"
    }

    fn has_homeserver(&self) -> bool {
        true
    }

    fn has_direct(&self) -> bool {
        false
    }

    fn service(&self) -> Service {
        Service::LowBandwidth
    }
}
