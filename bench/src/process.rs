use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::Error;
use crate::system;

/// How long a proxy may take to end after it was asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a proxy may take to be ready.
const PROXY_START: Duration = Duration::from_secs(5);

/// How long an XMPP server may take to be ready.
pub(crate) const SERVER_START: Duration = Duration::from_secs(60);

/// A proxy's process on its own core. It and its children are ended when this is dropped, and the
/// kernel ends it if this program is killed.
pub(crate) struct Process {
    child: Child,
    /// Its worker processes, once known.
    workers: Vec<u32>,
    errors: PathBuf,
}

impl Process {
    /// Starts `program`; its standard output and error go to files in `directory`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be started.
    pub(crate) fn start(
        program: &Path,
        arguments: &[&str],
        core: usize,
        directory: &Path,
    ) -> Result<Self, Error> {
        let errors = directory.join("stderr.log");
        let output = create(&directory.join("stdout.log"))?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "taskset", "--cpu-list"])
            .arg(core.to_string())
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(create(&errors)?)
            .spawn()
            .map_err(Error::io(format!(
                "run setpriv, taskset and {}",
                program.display()
            )))?;
        Ok(Self {
            child,
            workers: Vec::new(),
            errors,
        })
    }

    /// Asks again and again, with the process id, until `is_ready` gives a value.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when the process ends before, [`Error::NotReady`] after five seconds.
    pub(crate) fn await_ready<T>(
        &mut self,
        is_ready: impl FnMut(u32) -> Option<T>,
    ) -> Result<T, Error> {
        self.await_ready_within(PROXY_START, is_ready)
    }

    /// The same with another time.
    ///
    /// # Errors
    ///
    /// Those of [`await_ready`](Self::await_ready).
    pub(crate) fn await_ready_within<T>(
        &mut self,
        time: Duration,
        mut is_ready: impl FnMut(u32) -> Option<T>,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            if let Some(value) = is_ready(self.child.id()) {
                self.workers = system::children_of(self.child.id())?;
                return Ok(value);
            }
            if let Ok(Some(_)) = self.child.try_wait() {
                return Err(Error::Ended(self.last_words()));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(Error::NotReady(self.last_words()))
    }

    /// Asks the process with `signal` to end after its last connection and waits for it; asks
    /// `again` and again if one signal may be lost.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it does not end in time.
    pub(crate) fn stop(mut self, signal: Signal, again: bool) -> Result<(), Error> {
        self.signal(signal);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            let ended = self
                .child
                .try_wait()
                .map_err(Error::io("wait for the proxy"))?;
            if ended.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
            if again {
                self.signal(signal);
            }
        }
        Err(Error::io("stop the proxy")(
            std::io::ErrorKind::TimedOut.into(),
        ))
    }

    /// The CPU time that it and its workers have used.
    ///
    /// # Errors
    ///
    /// Of [`system::cpu_time`].
    pub(crate) fn cpu_time(&self) -> Result<Duration, Error> {
        self.members().map(system::cpu_time).sum()
    }

    /// The memory that it and its workers have, in bytes.
    ///
    /// # Errors
    ///
    /// Of [`system::pss`].
    pub(crate) fn pss(&self) -> Result<u64, Error> {
        self.members().map(system::pss).sum()
    }

    fn members(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.child.id()).chain(self.workers.iter().copied())
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself, which is as good.
            let _ = kill_process(pid, signal);
        }
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.errors).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join(" / ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // nginx ends its workers itself if it gets the time.
        self.signal(Signal::TERM);
        let deadline = Instant::now() + Duration::from_millis(500);
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        for worker in &self.workers {
            if let Some(pid) = i32::try_from(*worker).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(Error::io(format!("create {}", path.display())))
}
