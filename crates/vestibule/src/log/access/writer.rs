//! From workers to the file.

use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use jiff::Timestamp;
use vestibule_config::{AccessLog, LogFormat};

use super::Record;

/// A worker hands its buffer over when it holds this much, and at each tick.
const FULL: usize = 16 * 1024;

/// Buffers that may wait for the writer. What comes beyond is lost and counted.
const QUEUE: usize = 1024;

enum Job {
    Records(Vec<u8>),
    Reopen,
    Flush(SyncSender<()>),
}

/// The end that the process keeps: the thread that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    format: LogFormat,
    sender: Option<SyncSender<Job>>,
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
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
        let lost = Arc::new(AtomicU64::new(0));
        let output = match target {
            AccessLog::Off => {
                return Ok(Self {
                    format,
                    sender: None,
                    lost,
                    thread: None,
                });
            }
            AccessLog::Stdout => Output::Stdout,
            AccessLog::File(path) => Output::File(open(path)?, path.clone()),
        };
        let (sender, jobs) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write(output, &jobs))?;
        Ok(Self {
            format,
            sender: Some(sender),
            lost,
            thread: Some(thread),
        })
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
        if let Some(sender) = &self.sender {
            let _ = sender.try_send(Job::Reopen);
        }
    }

    /// Waits until all that was handed over is written.
    pub(crate) fn finish(mut self) {
        if let Some(sender) = self.sender.take() {
            let (done, wait) = sync_channel(1);
            if sender.send(Job::Flush(done)).is_ok() {
                let _ = wait.recv();
            }
        }
        // The thread ends when the last buffer is gone; a worker that hangs must not hold us.
        self.thread.take();
    }
}

impl Buffer {
    /// Whether records go anywhere.
    pub(crate) fn enabled(&self) -> bool {
        self.sender.is_some()
    }

    /// Adds a record.
    pub(crate) fn write(&self, record: &Record<'_>) {
        let mut records = self.records.borrow_mut();
        record.write(Timestamp::now(), self.format, &mut records.0);
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
        if let Err(TrySendError::Full(_)) = sender.try_send(Job::Records(bytes)) {
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

fn write(mut output: Output, jobs: &Receiver<Job>) {
    let mut failing = false;
    for job in jobs {
        let result = match (job, &mut output) {
            (Job::Records(records), Output::Stdout) => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(&records).and_then(|()| stdout.flush())
            }
            (Job::Records(records), Output::File(file, _)) => file.write_all(&records),
            (Job::Flush(done), _) => {
                let _ = done.send(());
                continue;
            }
            (Job::Reopen, Output::Stdout) => continue,
            (Job::Reopen, Output::File(file, path)) => open(path).map(|new| *file = new),
        };
        if let Err(error) = &result
            && !failing
        {
            tracing::error!(%error, "cannot write the access log");
        }
        failing = result.is_err();
    }
}
