//! The clients: threads that keep a proxy busy and count what they did.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::Error;

/// After this long without progress a load gives up.
pub(crate) const STALL: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 5 });

/// After so many failed connections a load gives up.
const TOLERATED_FAILURES: u64 = 100;

/// What a client sends and what the origin answers: this many bytes.
pub(crate) const MESSAGE: usize = 64;

/// The bytes a client sends. None of them can begin a PROXY header.
pub(crate) const REQUEST: [u8; MESSAGE] = [b'q'; MESSAGE];

/// What a load did in all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Connections that failed, which are no units.
    pub(crate) failures: u64,
    pub(crate) units: u64,
}

/// A load that runs in threads of its own until it is stopped.
pub(crate) struct Load {
    meter: Meter,
    threads: Vec<JoinHandle<Result<(), Error>>>,
}

impl Load {
    /// Starts `threads` threads that each do `work` until their meter says stop.
    pub(crate) fn start(
        threads: usize,
        work: impl Fn(&Meter) -> Result<(), Error> + Clone + Send + 'static,
    ) -> Self {
        let meter = Meter::default();
        let threads = (0..threads)
            .map(|_| {
                let (meter, work) = (meter.clone(), work.clone());
                thread::spawn(move || work(&meter))
            })
            .collect();
        Self { meter, threads }
    }

    /// Ends the load and returns what it did.
    ///
    /// # Errors
    ///
    /// The first one that a thread met, and [`Error::Stalled`] if nothing was done.
    pub(crate) fn stop(self) -> Result<Done, Error> {
        self.meter.stopped.store(true, Ordering::Relaxed);
        for thread in self.threads {
            match thread.join() {
                Ok(outcome) => outcome?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        match self.meter.units.load(Ordering::Relaxed) {
            0 => Err(Error::Stalled),
            units => Ok(Done {
                failures: self.meter.failures.load(Ordering::Relaxed),
                units,
            }),
        }
    }

    /// How many units have been done so far.
    pub(crate) fn units(&self) -> u64 {
        self.meter.units.load(Ordering::Relaxed)
    }
}

/// Shared between a load's threads and whoever measures them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    failures: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
    units: Arc<AtomicU64>,
}

impl Meter {
    pub(crate) fn add(&self, units: u64) {
        self.units.fetch_add(units, Ordering::Relaxed);
    }

    /// Counts a connection that failed.
    ///
    /// # Errors
    ///
    /// The cause, once there have been too many.
    pub(crate) fn tolerate(&self, cause: Error) -> Result<(), Error> {
        if self.failures.fetch_add(1, Ordering::Relaxed) < TOLERATED_FAILURES {
            Ok(())
        } else {
            Err(cause)
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Says when a load has not moved for [`STALL`].
#[derive(Debug)]
pub(crate) struct Progress(Instant);

impl Progress {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// # Errors
    ///
    /// [`Error::Stalled`] if `moved` has been false for too long.
    pub(crate) fn check(&mut self, moved: bool) -> Result<(), Error> {
        if moved {
            self.0 = Instant::now();
        } else if self.0.elapsed() > STALL {
            return Err(Error::Stalled);
        }
        Ok(())
    }
}

/// What an error on a client's connection means.
pub(crate) fn client_error(source: io::Error) -> Error {
    match source.kind() {
        // What a read says that met its timeout.
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Error::Stalled,
        io::ErrorKind::UnexpectedEof => Error::Truncated,
        _ => Error::Io {
            what: "use a client's connection".into(),
            source,
        },
    }
}
