use std::{fs, thread};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::Serialize;

use crate::error::Error;

/// The machine a benchmark ran on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// The processor's name as the kernel gives it.
    pub(crate) processor: String,
    /// How many cores this program may use.
    pub(crate) cores: usize,
    /// The release of the kernel.
    pub(crate) kernel: String,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processors
            .lines()
            .filter(|line| line.starts_with("model name"))
            .find_map(|line| line.split_once(':'))
            .map_or("unknown", |(_, name)| name.trim());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: processor.to_owned(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
        }
    }
}

/// Keeps this thread, and the threads it starts from now on, on one core.
///
/// # Errors
///
/// [`Error::Io`] when the kernel refuses.
pub(crate) fn pin_to(core: usize) -> Result<(), Error> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores)
        .map_err(|errno| Error::io(format!("stay on core {core}"))(errno.into()))
}

/// Raises the soft limit of open files to the hard one, for us and for what we start.
///
/// # Errors
///
/// [`Error::Io`] when the kernel refuses.
pub(crate) fn raise_descriptor_limit() -> Result<(), Error> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .map_err(|errno| Error::io("raise the limit of open files")(errno.into()))
}
