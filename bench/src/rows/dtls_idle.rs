use std::time::{Duration, Instant};

use super::{Row, Sample, Target, Window};
use crate::coaps::{Clients, Handshake};
use crate::error::Error;
use crate::peers::Service;

const ASSOCIATIONS: usize = 2000;

/// So many are there already when memory is read for the first time, and stay: the program's code
/// and whatever it keeps only once are then in memory.
const BEFORE: usize = 200;

/// The time in which memory settles before it is read.
const SETTLE: Duration = Duration::from_millis(500);

/// The memory that an association keeps when nothing happens on it: 2,000 associations, after one
/// exchange on each.
pub(super) struct DtlsIdle {
    id: &'static str,
    title: &'static str,
    handshake: Handshake,
}

impl DtlsIdle {
    pub(super) const DTLS12: Self = Self {
        id: "dtls-idle",
        title: "idle memory, 2,000 DTLS 1.2 associations",
        handshake: Handshake::DTLS12,
    };
    pub(super) const DTLS13: Self = Self {
        id: "dtls13-idle",
        title: "idle memory, 2,000 DTLS 1.3 associations",
        handshake: Handshake::DTLS13,
    };
}

impl Row for DtlsIdle {
    fn measure(&self, target: &Target<'_>, _window: &Window) -> Result<Sample, Error> {
        let process = target.process.ok_or(Error::Stalled)?;
        let mut clients = Clients::new(target.address, self.handshake)?;
        clients.open(BEFORE)?;
        clients.settle(SETTLE)?;
        let before = process.pss()?;
        let started = Instant::now();
        clients.open(ASSOCIATIONS)?;
        let rate = ASSOCIATIONS as f64 / started.elapsed().as_secs_f64();
        clients.settle(SETTLE)?;
        let after = process.pss()?;
        Ok(Sample {
            cost: Some((after as f64 - before as f64) / 1e3 / ASSOCIATIONS as f64),
            beside: rate,
            records: 0,
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
        "PSS kB/association"
    }

    fn beside_unit(&self) -> &'static str {
        "handshakes/s"
    }

    fn has_direct(&self) -> bool {
        false
    }

    fn service(&self) -> Service {
        Service::Coaps(self.handshake)
    }
}
