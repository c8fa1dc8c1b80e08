//! The connections of one thread to the homeserver.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

use super::{
    dial::Dialer,
    failure::Failure,
    homeserver::Homeserver,
    http1::Http1,
    http2::{Http2, Stream},
    scratch::Scratch,
};

/// How long a connection is kept for the next request.
pub(super) const KEPT: Duration = Duration::from_secs(30);

/// Between looks for connections that were kept for too long.
const SWEEP: Duration = Duration::from_secs(5);

/// Most connections that wait for the next request.
const MOST_KEPT: usize = 64;

/// Connections that are made at once. A homeserver that has just started has a short queue.
const DIALS: usize = 32;

/// Connections to one homeserver.
pub(super) struct Pool {
    pub(super) homeserver: Arc<Homeserver>,
    pub(super) scratch: Rc<Scratch>,
    dialer: Dialer,
    kept: RefCell<Vec<Kept>>,
    /// Connections by HTTP/2, of which each carries many requests.
    shared: RefCell<Vec<Rc<Http2>>>,
    /// Whether the next connection may be one of them.
    may_share: Cell<bool>,
    dials: Dials,
    is_swept: Cell<bool>,
}

/// A connection for one request.
pub(super) enum Link {
    /// It carries nothing else.
    Http1(Http1),
    /// It carries others beside.
    Http2(Stream),
}

struct Kept {
    link: Http1,
    since: Instant,
}

/// The connections that are being made.
#[derive(Default)]
struct Dials {
    under_way: Cell<usize>,
    /// When the last one has begun that has failed, if none has succeeded since.
    failed: Cell<Option<Instant>>,
    /// Told when one is done, and when a connection is kept.
    told: Notify,
}

impl Pool {
    /// Without connections.
    pub(super) fn new(homeserver: Arc<Homeserver>) -> Rc<Self> {
        Rc::new(Self {
            scratch: Scratch::new(),
            dialer: Dialer::new(),
            kept: RefCell::default(),
            shared: RefCell::default(),
            may_share: Cell::new(homeserver.tls().is_some()),
            homeserver,
            dials: Dials::default(),
            is_swept: Cell::new(false),
        })
    }

    /// A connection: the one that was kept for the shortest time, else a new one. When it `is_again`
    /// that one is asked for, because such a one has failed, none that was kept.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) async fn take(self: &Rc<Self>, is_again: bool) -> Result<Link, Failure> {
        let since = Instant::now();
        loop {
            if let Some(stream) = self.stream() {
                return Ok(Link::Http2(stream));
            }
            if !is_again && let Some(link) = self.take_kept() {
                return Ok(Link::Http1(link));
            }
            if self.dials.failed.get().is_some_and(|begun| begun > since) {
                return Err(Failure::ConnectsNot);
            }
            // One by HTTP/2 may be enough for all who wait.
            let at_once = match self.may_share.get() {
                true => 1,
                false => DIALS,
            };
            if self.dials.under_way.get() < at_once {
                // Boxed: it is large, and most requests wait for their answer long after it.
                return Box::pin(self.dial()).await;
            }
            self.dials.told.notified().await;
        }
    }

    async fn dial(self: &Rc<Self>) -> Result<Link, Failure> {
        let _dial = self.dials.begin();
        let begun = Instant::now();
        let limit = self.homeserver.limits.connect_timeout;
        let dialed = match timeout(limit, self.open()).await {
            Ok(dialed) => dialed,
            Err(_) => Err(Failure::ConnectTimedOut),
        };
        self.dials.failed.set(dialed.is_err().then_some(begun));
        dialed
    }

    async fn open(self: &Rc<Self>) -> Result<Link, Failure> {
        let (leg, is_h2) = self.dialer.dial(&self.homeserver).await?;
        self.may_share.set(is_h2);
        if !is_h2 {
            return Ok(Link::Http1(Http1::new(leg)));
        }
        let opened = Http2::open(leg, &self.scratch).await?;
        let stream = opened.stream().ok_or(Failure::Cut)?;
        self.shared.borrow_mut().push(opened);
        self.begin_to_sweep();
        Ok(Link::Http2(stream))
    }

    /// Keeps `link` for the next request.
    pub(super) fn keep(self: &Rc<Self>, link: Http1) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < MOST_KEPT {
            let since = Instant::now();
            kept.push(Kept { link, since });
            self.dials.told.notify_one();
        }
        self.begin_to_sweep();
    }

    /// A place on a connection by HTTP/2 that is there.
    fn stream(&self) -> Option<Stream> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|connection| !connection.is_over());
        shared.iter().find_map(Http2::stream)
    }

    fn begin_to_sweep(self: &Rc<Self>) {
        if !self.is_swept.replace(true) {
            tokio::task::spawn_local(sweep(Rc::downgrade(self)));
        }
    }

    fn take_kept(&self) -> Option<Http1> {
        loop {
            let mut kept = self.kept.borrow_mut().pop()?;
            if kept.since.elapsed() < KEPT && kept.link.is_quiet(&self.scratch) {
                return Some(kept.link);
            }
        }
    }
}

impl Dials {
    fn begin(&self) -> impl Drop + use<'_> {
        self.under_way.update(|n| n + 1);
        Dial(self)
    }
}

struct Dial<'a>(&'a Dials);

impl Drop for Dial<'_> {
    fn drop(&mut self) {
        self.0.under_way.update(|n| n - 1);
        self.0.told.notify_waiters();
    }
}

/// Closes connections that nobody has wanted for [`KEPT`], as long as some are kept.
async fn sweep(pool: Weak<Pool>) {
    loop {
        sleep(SWEEP).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        let mut kept = pool.kept.borrow_mut();
        let old = kept
            .iter()
            .filter(|kept| kept.since.elapsed() >= KEPT)
            .count();
        // The oldest stand in front.
        for kept in kept.drain(..old) {
            kept.link.close();
        }
        let mut shared = pool.shared.borrow_mut();
        let is_old = |since: Instant| since.elapsed() >= KEPT;
        shared.retain(|it| !it.is_over() && !it.idle_since().is_some_and(is_old));
        if kept.is_empty() && shared.is_empty() {
            pool.is_swept.set(false);
            return;
        }
    }
}
