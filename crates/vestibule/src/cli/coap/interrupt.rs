//! Signals that ask for the end, as something that can be waited for.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};
use rustix::event::{PollFd, PollFlags, poll};

/// How a program ends that SIGINT has ended.
pub(super) const INTERRUPTED: u8 = 130;

/// SIGINT and SIGTERM, which end nothing by themselves, except for one that comes before another was
/// taken: then the program is stuck, which it can be where it writes.
///
/// When it is dropped they end the process again by themselves.
#[derive(Debug)]
pub(super) struct Interrupt {
    signals: SigSet,
    /// Readable as long as there is one to be taken.
    heard: UnixStream,
    /// Whether there is.
    is_waiting: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes them over, for this thread and those that it starts from now on.
    ///
    /// # Errors
    /// The kernel does not give it.
    pub(super) fn new() -> io::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let fd = SignalFd::with_flags(&signals, flags)?;
        let (heard, tell) = UnixStream::pair()?;
        heard.set_nonblocking(true)?;
        signals.thread_block()?;
        let is_waiting = Arc::new(AtomicBool::new(false));
        let interrupt = Self {
            signals,
            heard,
            is_waiting: Arc::clone(&is_waiting),
        };
        let watch = move || watch(&fd, &tell, &is_waiting);
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(watch)?;
        Ok(interrupt)
    }

    /// Whether one came since the last call.
    pub(super) fn take(&self) -> bool {
        let is_there = matches!((&self.heard).read(&mut [0]), Ok(1));
        if is_there {
            self.is_waiting.store(false, Ordering::Relaxed);
        }
        is_there
    }
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        // They were blocked by the same call.
        let _ = self.signals.thread_unblock();
    }
}

/// Takes signals until nobody is there any more who could be told.
fn watch(signals: &SignalFd, mut tell: &UnixStream, is_waiting: &AtomicBool) {
    loop {
        let mut fds = [
            PollFd::new(signals, PollFlags::IN),
            PollFd::new(tell, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) => {}
        }
        let is_over = !fds[1].revents().is_empty();
        match signals.read_signal() {
            Ok(Some(_)) => {
                let is_stuck = is_waiting.swap(true, Ordering::Relaxed);
                if is_stuck || tell.write_all(&[0]).is_err() {
                    process::exit(INTERRUPTED.into());
                }
            }
            _ if is_over => return,
            _ => {}
        }
    }
}
