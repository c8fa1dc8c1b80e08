//! A file, or standard output, that may take any time.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use super::interrupt::Interrupt;

/// Writes on a thread of its own, so that a reader that has stopped reading does not keep the program from ending.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Sender<Vec<u8>>,
    results: Receiver<io::Result<()>>,
}

/// Why something was not written, or not all of it.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The file, or standard output, does not take it.
    Failed(io::Error),
    /// It still has not taken it.
    Stalled(Stall),
}

/// Why it was not waited for any longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stall {
    /// A signal asks for the end.
    Interrupted,
    /// The time is over.
    TimeUp,
}

/// How often it is looked for a signal.
const GLANCE: Duration = Duration::from_millis(20);

impl Writer {
    /// For this file, which is made with the first write, or for standard output.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(super) fn new(path: Option<PathBuf>) -> io::Result<Self> {
        let (jobs, bodies) = channel::<Vec<u8>>();
        let (done, results) = channel();
        let work = move || {
            let mut file = None;
            // It ends with either side.
            for bytes in bodies {
                if done.send(write(&mut file, path.as_ref(), &bytes)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("output".to_owned())
            .spawn(work)?;
        Ok(Self { jobs, results })
    }

    /// Writes all of it. Nothing can be written after an error.
    ///
    /// # Errors
    /// It was not written, or not until a signal came or until `until`.
    pub(super) fn write(
        &mut self,
        bytes: Vec<u8>,
        interrupt: &Interrupt,
        until: Option<Instant>,
    ) -> Result<(), Unwritten> {
        let gone = || Unwritten::Failed(io::ErrorKind::BrokenPipe.into());
        self.jobs.send(bytes).map_err(|_| gone())?;
        loop {
            match self.results.recv_timeout(GLANCE) {
                Ok(result) => return result.map_err(Unwritten::Failed),
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if interrupt.take() {
                return Err(Unwritten::Stalled(Stall::Interrupted));
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Err(Unwritten::Stalled(Stall::TimeUp));
            }
        }
    }
}

fn write(file: &mut Option<File>, path: Option<&PathBuf>, bytes: &[u8]) -> io::Result<()> {
    let file = match file {
        Some(file) => file,
        empty => empty.insert(match path {
            Some(path) => File::create(path)?,
            // Not the handle of the library: whoever ends the program would wait for its lock.
            None => File::from(io::stdout().as_fd().try_clone_to_owned()?),
        }),
    };
    file.write_all(bytes)
}
