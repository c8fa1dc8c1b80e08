//! From workers to the file.

use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use vestibule_config::{AccessLog, LogFormat};

use super::{AssociationRecord, ComponentRecord, ExchangeRecord, Record, RequestRecord};

/// A worker hands its buffer over when it holds this much, and at each tick.
const FULL: usize = 16 * 1024;

/// Buffers that may wait for the writer. What comes beyond is lost and counted.
const QUEUE: usize = 1024;

enum Job {
    /// Records, and how many.
    Records(Vec<u8>, u64),
    /// Look at the flag.
    Reopen,
    Flush(SyncSender<()>),
}

/// How long the end of the process waits for a log that is not taken.
const PATIENCE: Duration = Duration::from_secs(2);

/// The end that the process keeps: the thread that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    format: LogFormat,
    sender: Option<SyncSender<Job>>,
    lost: Arc<AtomicU64>,
    reopen: Arc<AtomicBool>,
}

/// The end that a worker keeps.
#[derive(Debug)]
pub(crate) struct Buffer {
    format: LogFormat,
    records: RefCell<(Vec<u8>, u64)>,
    sender: Option<SyncSender<Job>>,
    lost: Arc<AtomicU64>,
}

impl Writer {
    /// Opens the log and starts its thread.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or the thread not started.
    pub(crate) fn start(target: &AccessLog, format: LogFormat) -> io::Result<Self> {
        let mut writer = Self {
            format,
            sender: None,
            lost: Arc::default(),
            reopen: Arc::default(),
        };
        let output = match target {
            AccessLog::Off => return Ok(writer),
            AccessLog::Stdout => Output::Stdout,
            AccessLog::File(path) => Output::File(open(path)?, path.clone()),
        };
        let (sender, jobs) = sync_channel(QUEUE);
        let (lost, reopen) = (Arc::clone(&writer.lost), Arc::clone(&writer.reopen));
        std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write(output, &jobs, &lost, &reopen))?;
        writer.sender = Some(sender);
        Ok(writer)
    }

    /// A worker's end.
    pub(crate) fn buffer(&self) -> Buffer {
        Buffer {
            format: self.format,
            records: RefCell::default(),
            sender: self.sender.clone(),
            lost: Arc::clone(&self.lost),
        }
    }

    /// Records that were lost because the log could not be written as fast as they came.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Opens the file again, for whoever rotates it.
    pub(crate) fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
        if let Some(sender) = &self.sender {
            // A full queue will have the writer look at the flag soon enough.
            let _ = sender.try_send(Job::Reopen);
        }
    }

    /// Waits until all that was handed over is written, but not for long where nobody takes it.
    pub(crate) fn finish(self) {
        let Some(sender) = self.sender else {
            return;
        };
        let (done, wait) = sync_channel(1);
        let deadline = Instant::now() + PATIENCE;
        let mut flush = Job::Flush(done);
        while let Err(TrySendError::Full(again)) = sender.try_send(flush) {
            if Instant::now() >= deadline {
                return;
            }
            flush = again;
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = wait.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

impl Buffer {
    /// The end that another worker keeps.
    pub(crate) fn another(&self) -> Self {
        Self {
            format: self.format,
            records: RefCell::default(),
            sender: self.sender.clone(),
            lost: Arc::clone(&self.lost),
        }
    }

    /// Whether records go anywhere.
    pub(crate) fn enabled(&self) -> bool {
        self.sender.is_some()
    }

    /// Adds a record.
    pub(crate) fn write(&self, record: &Record<'_>) {
        self.add(|out| record.write(Timestamp::now(), self.format, out));
    }

    /// Adds a record of a request.
    pub(crate) fn write_request(&self, record: &RequestRecord<'_>) {
        self.add(|out| record.write(Timestamp::now(), self.format, out));
    }

    /// Adds a record of a request of a component.
    pub(crate) fn write_component(&self, record: &ComponentRecord<'_>) {
        self.add(|out| record.write(Timestamp::now(), self.format, out));
    }

    /// Adds a record of an exchange of a low bandwidth gateway.
    pub(crate) fn write_exchange(&self, record: &ExchangeRecord<'_>) {
        self.add(|out| record.write(Timestamp::now(), self.format, out));
    }

    /// Adds a record of an association of a low bandwidth gateway.
    pub(crate) fn write_association(&self, record: &AssociationRecord<'_>) {
        self.add(|out| record.write(Timestamp::now(), self.format, out));
    }

    fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut records = self.records.borrow_mut();
        write(&mut records.0);
        records.1 += 1;
        if records.0.len() >= FULL {
            drop(records);
            self.flush();
        }
    }

    /// Hands the records over to be written. Never waits.
    pub(crate) fn flush(&self) {
        let Some(sender) = &self.sender else {
            return;
        };
        let mut records = self.records.borrow_mut();
        if records.1 == 0 {
            return;
        }
        let (bytes, count) = std::mem::take(&mut *records);
        if let Err(TrySendError::Full(_)) = sender.try_send(Job::Records(bytes, count)) {
            self.lost.fetch_add(count, Ordering::Relaxed);
        }
    }
}

enum Output {
    Stdout,
    File(File, PathBuf),
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn write(mut output: Output, jobs: &Receiver<Job>, lost: &AtomicU64, reopen: &AtomicBool) {
    let mut failing = false;
    for job in jobs {
        let mut result = Ok(());
        if let Output::File(file, path) = &mut output
            && reopen.swap(false, Ordering::AcqRel)
        {
            result = open(path).map(|new| *file = new).map_err(|error| {
                io::Error::new(error.kind(), format!("opening {}: {error}", path.display()))
            });
        }
        match job {
            Job::Records(records, count) => {
                let written = output.write(&records);
                if written.is_err() {
                    lost.fetch_add(count, Ordering::Relaxed);
                }
                result = result.and(written);
            }
            Job::Reopen => {}
            Job::Flush(done) => {
                let _ = done.send(());
            }
        }
        if let Err(error) = &result
            && !failing
        {
            tracing::error!(%error, "cannot write the access log");
        }
        failing = result.is_err();
    }
}

impl Output {
    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(records)?;
                stdout.flush()
            }
            Self::File(file, _) => file.write_all(records),
        }
    }
}
