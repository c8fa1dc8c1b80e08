use std::thread;
use std::time::{Duration, Instant};

use super::{Sample, Target};
use crate::error::Error;
use crate::load::{Done, Load};
use crate::system;

/// Long enough for buffers to reach their size and for connections to be made.
const WARM_UP: Duration = Duration::from_millis(300);

/// The time in which a steady load is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) length: Duration,
    pub(crate) proxy_core: usize,
}

/// What was seen in a window.
pub(super) struct Observed {
    /// The proxy's CPU time in seconds; none without a proxy.
    cpu: Option<f64>,
    /// What was done from the load's start to its end.
    pub(super) done: Done,
    foreign: f64,
    seconds: f64,
    /// Units of work in the window.
    units: f64,
}

impl Window {
    /// Lets the load warm up, watches it and ends it.
    ///
    /// # Errors
    ///
    /// Those of the load and of reading the kernel's figures.
    pub(super) fn observe(&self, load: Load, target: &Target<'_>) -> Result<Observed, Error> {
        thread::sleep(WARM_UP);
        let before = Snapshot::take(self, &load, target)?;
        thread::sleep(self.length);
        let after = Snapshot::take(self, &load, target)?;
        let done = load.stop()?;

        let seconds = (after.time - before.time).as_secs_f64();
        let cpu = after.cpu.saturating_sub(before.cpu);
        let busy = after.busy.saturating_sub(before.busy);
        let units = after.units - before.units;
        if units == 0 {
            return Err(Error::Stalled);
        }
        Ok(Observed {
            cpu: target.process.map(|_| cpu.as_secs_f64()),
            done,
            foreign: busy.saturating_sub(cpu).as_secs_f64() / seconds,
            seconds,
            units: units as f64,
        })
    }
}

impl Observed {
    /// The cost in `cost_scale` per second and unit, the rate in `rate_scale` per unit and second.
    /// `records`: see [`Sample::records`].
    pub(super) fn sample(&self, cost_scale: f64, rate_scale: f64, records: u64) -> Sample {
        Sample {
            cost: self.cpu.map(|cpu| cpu * cost_scale / self.units),
            beside: self.units * rate_scale / self.seconds,
            records,
            failures: self.done.failures,
            foreign: self.foreign,
        }
    }
}

struct Snapshot {
    busy: Duration,
    cpu: Duration,
    time: Instant,
    units: u64,
}

impl Snapshot {
    fn take(window: &Window, load: &Load, target: &Target<'_>) -> Result<Self, Error> {
        Ok(Self {
            busy: system::core_busy(window.proxy_core)?,
            cpu: target
                .process
                .map_or(Ok(Duration::ZERO), crate::process::Process::cpu_time)?,
            time: Instant::now(),
            units: load.units(),
        })
    }
}
