//! Who may use the explicit proxy: users of an htpasswd file, and how often they may be wrong.

mod htpasswd;
mod limiter;
mod successes;

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;
use vestibule_config::FileRef;
use zeroize::Zeroizing;

use self::{htpasswd::Table, limiter::Limiter, successes::Successes};
use crate::{
    addr::ClientAddr,
    material::{FromFiles, Reader},
};

/// The most checks that wait for their turn, in the whole process.
const MOST_WAITING: usize = 64;

/// The checks of the whole process.
static CHECKS: LazyLock<Checks> = LazyLock::new(Checks::default);

/// Checks of passwords. Each keeps a core busy for tens of milliseconds, and the workers need theirs.
#[derive(Debug)]
struct Checks {
    /// For those under way at once.
    turns: Arc<Semaphore>,
    /// How many wait or are under way.
    waiting: AtomicUsize,
}

impl Default for Checks {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            turns: Arc::new(Semaphore::new((cores / 2).max(1))),
            waiting: AtomicUsize::new(0),
        }
    }
}

/// The users of one file. Replaced in place when it changes.
#[derive(Debug)]
pub(crate) struct Users {
    file: FileRef,
    checks: &'static Checks,
    limiter: Limiter,
    successes: Successes,
    table: ArcSwap<Table>,
}

/// What is thought of a name and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Too many others wait to be checked.
    Busy,
    /// This is who it claims to be.
    Known,
    /// The client was wrong too often: it is not looked at for so long.
    Limited { retry_after: Duration },
    /// There is no such user, or this is not the password.
    Wrong,
}

impl Users {
    /// Reads `file`. `None`: `reader` has the reasons. Where its users are `known`, they are read
    /// again, and who was wrong too often stays so.
    pub(crate) fn load(
        file: &FileRef,
        known: Option<&Arc<Self>>,
        reader: &mut Reader,
    ) -> Option<Arc<Self>> {
        if let Some(known) = known {
            return known.refresh(reader).then(|| Arc::clone(known));
        }
        Self::read(file, &CHECKS, reader).map(Arc::new)
    }

    fn read(file: &FileRef, checks: &'static Checks, reader: &mut Reader) -> Option<Self> {
        let table = htpasswd::read(file, reader)?;
        Some(Self {
            file: file.clone(),
            checks,
            limiter: Limiter::default(),
            successes: Successes::new(),
            table: ArcSwap::from_pointee(table),
        })
    }

    /// Whether these are the users of `file`.
    pub(crate) fn is_of(&self, file: &FileRef) -> bool {
        self.file.path == file.path
    }

    /// Whether `username` has this `password`. Costs much, on a thread that is not a worker's, unless
    /// the same was right within the last minute. Who is gone before its turn costs nothing; a check
    /// that has begun keeps its turn to its end, and counts, whether or not somebody still waits.
    ///
    /// A client that is wrong too often is not listened to for a while; unknown users cost as much
    /// as known ones.
    pub(crate) async fn verify(
        self: &Arc<Self>,
        client: ClientAddr,
        username: &str,
        password: &[u8],
    ) -> Verdict {
        let tag = self.successes.tag(username, password);
        if self.successes.has(&tag, Instant::now()) {
            return Verdict::Known;
        }
        let key = client.limit_key();
        // Who will not be listened to takes no place from those who will.
        if let Some(retry_after) = self.limiter.pause(key, Instant::now()) {
            return Verdict::Limited { retry_after };
        }
        let Some(waiting) = Waiting::begin(self.checks) else {
            return Verdict::Busy;
        };
        let Ok(turn) = Arc::clone(&self.checks.turns).acquire_owned().await else {
            return Verdict::Busy; // never: it is not closed
        };
        // Another connection of the same client may have been checked meanwhile.
        if self.successes.has(&tag, Instant::now()) {
            return Verdict::Known;
        }
        if let Err(retry_after) = self.limiter.take(key, Instant::now()) {
            return Verdict::Limited { retry_after };
        }
        // The epoch first: what is right by a table that is replaced meanwhile is not remembered.
        let epoch = self.successes.epoch();
        let table = self.table.load_full();
        let (username, password) = (username.to_owned(), Zeroizing::new(password.to_vec()));
        let users = Arc::clone(self);
        // The thread cannot be called back: what it holds, it holds until it has finished.
        let checked = tokio::task::spawn_blocking(move || {
            let _held = (turn, waiting);
            let right = table.check(&username, &password);
            if right {
                users.limiter.give_back(key);
                users.successes.insert(tag, epoch, Instant::now());
            }
            right
        });
        match checked.await {
            Ok(true) => Verdict::Known,
            Ok(false) => Verdict::Wrong,
            Err(_) => Verdict::Busy,
        }
    }
}

impl FromFiles for Users {
    fn refresh(&self, reader: &mut Reader) -> bool {
        let Some(table) = htpasswd::read(&self.file, reader) else {
            return false;
        };
        if table == **self.table.load() {
            return true;
        }
        let users = table.len();
        self.table.store(Arc::new(table));
        // Only now: what is checked against the old table until here is forgotten too.
        self.successes.forget();
        tracing::info!(file = %self.file.path.display(), users, "users read again");
        true
    }
}

/// One check that waits or is under way.
struct Waiting(&'static Checks);

impl Waiting {
    fn begin(checks: &'static Checks) -> Option<Self> {
        let more = |waiting| (waiting < MOST_WAITING).then_some(waiting + 1);
        checks
            .waiting
            .try_update(Ordering::AcqRel, Ordering::Relaxed, more)
            .ok()
            .map(|_| Self(checks))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
