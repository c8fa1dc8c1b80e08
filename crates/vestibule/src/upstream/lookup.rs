//! Names that clients ask for, resolved while they wait.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// How long an answer holds. The system's resolver does not tell.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// How long a failure holds.
const BAD_FOR: Duration = Duration::from_secs(2);

/// The most names that are remembered.
const MOST_NAMES: usize = 1024;

/// Look-ups under way at once, each of which occupies a thread. Others wait for their turn.
const AT_ONCE: usize = 16;

/// Names that may wait for their turn, of all clients together. Those who ask for more fail at once:
/// that they wait would only make others fail later.
const MOST_WAITING: usize = 256;

/// What a worker knows of the names that clients have asked for.
#[derive(Debug)]
pub(crate) struct Lookups {
    known: RefCell<HashMap<String, Known>>,
    turns: Semaphore,
    /// Names that wait for their turn.
    waiting: Cell<usize>,
}

#[derive(Debug)]
enum Known {
    /// Empty when the name does not resolve.
    Answer {
        addresses: Vec<IpAddr>,
        until: Instant,
    },
    /// It is being looked up, or will be.
    Asked(Rc<Asked>),
}

/// A name that somebody waits for.
#[derive(Debug, Default)]
struct Asked {
    /// Told when there is an answer, and when nobody waits for it any more.
    told: Notify,
    waiters: Cell<usize>,
}

/// Counts one who waits for a name.
struct Waiter(Rc<Asked>);

impl Lookups {
    /// Nothing is known yet.
    pub(crate) fn new() -> Rc<Self> {
        Self::with_turns(AT_ONCE)
    }

    fn with_turns(at_once: usize) -> Rc<Self> {
        Rc::new(Self {
            known: RefCell::default(),
            turns: Semaphore::new(at_once),
            waiting: Cell::new(0),
        })
    }

    /// The addresses of `name` by the system's resolver, off the worker's thread. A name is looked
    /// up once for all who wait for it. What has begun goes on to its end although they may have
    /// given up; a name that nobody waits for any more when its turn comes is not looked up.
    ///
    /// # Errors
    ///
    /// When it does not resolve, or too many names wait to be looked up.
    pub(crate) async fn addresses(self: &Rc<Self>, name: &str) -> io::Result<Vec<IpAddr>> {
        loop {
            let asked = match self.known.borrow().get(name) {
                Some(Known::Answer { addresses, until }) if Instant::now() < *until => {
                    return found(name, addresses.clone());
                }
                Some(Known::Asked(asked)) => Some(Rc::clone(asked)),
                Some(Known::Answer { .. }) | None => None,
            };
            let asked = match asked {
                Some(asked) => asked,
                None => self.ask(name)?,
            };
            let waiter = Waiter::new(asked);
            waiter.0.told.notified().await;
        }
    }

    /// Begins to look `name` up.
    fn ask(self: &Rc<Self>, name: &str) -> io::Result<Rc<Asked>> {
        if self.waiting.get() >= MOST_WAITING {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("the name {name} is not looked up: too many others wait for that"),
            ));
        }
        let asked = Rc::new(Asked::default());
        let known = Known::Asked(Rc::clone(&asked));
        self.known.borrow_mut().insert(name.to_owned(), known);
        self.waiting.update(|waiting| waiting + 1);
        tokio::task::spawn_local({
            let (lookups, asked, name) = (Rc::clone(self), Rc::clone(&asked), name.to_owned());
            async move {
                let turn = lookups.turn(&asked).await;
                lookups.waiting.update(|waiting| waiting - 1);
                let Some(turn) = turn else {
                    lookups.known.borrow_mut().remove(&name);
                    return;
                };
                let resolved = tokio::net::lookup_host((name.as_str(), 0)).await;
                drop(turn);
                let addresses = resolved.map_or_else(
                    |_| Vec::new(),
                    |addresses| addresses.map(|address: SocketAddr| address.ip()).collect(),
                );
                lookups.remember(name, addresses);
                asked.told.notify_waiters();
            }
        });
        Ok(asked)
    }

    /// Waits for a turn; `None` when nobody waits for the name any more.
    async fn turn(&self, asked: &Asked) -> Option<SemaphorePermit<'_>> {
        let mut turn = pin!(self.turns.acquire());
        while asked.waiters.get() > 0 {
            tokio::select! {
                biased;
                () = asked.told.notified() => {}
                // Never closed.
                turn = turn.as_mut() => return turn.ok(),
            }
        }
        None
    }

    /// What the resolver has said of `name`.
    pub(super) fn remember(&self, name: String, addresses: Vec<IpAddr>) {
        let now = Instant::now();
        let mut known = self.known.borrow_mut();
        let holds = |known: &Known| match known {
            Known::Answer { until, .. } => now < *until,
            Known::Asked(_) => true,
        };
        if known.len() >= MOST_NAMES {
            known.retain(|_, known| holds(known));
        }
        if known.len() >= MOST_NAMES {
            known.retain(|_, known| matches!(known, Known::Asked(_)));
        }
        let until = now
            + match addresses.is_empty() {
                true => BAD_FOR,
                false => GOOD_FOR,
            };
        known.insert(name, Known::Answer { addresses, until });
    }
}

impl Waiter {
    fn new(asked: Rc<Asked>) -> Self {
        asked.waiters.update(|waiters| waiters + 1);
        Self(asked)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.waiters.update(|waiters| waiters - 1);
        if self.0.waiters.get() == 0 {
            self.0.told.notify_waiters();
        }
    }
}

fn found(name: &str, mut addresses: Vec<IpAddr>) -> io::Result<Vec<IpAddr>> {
    addresses.dedup();
    match addresses.is_empty() {
        true => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("the name {name} does not resolve"),
        )),
        false => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::Pin, task::Poll};

    use tokio::task::LocalSet;

    use super::*;

    /// Polls once.
    async fn begin(asking: Pin<&mut impl Future>) {
        let mut asking = asking;
        let begun = poll_fn(|cx| Poll::Ready(asking.as_mut().poll(cx).is_pending()));
        assert!(begun.await);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn names_are_resolved_once_for_all_and_remembered() {
        let lookups = Lookups::new();
        let both = async {
            let asked = || lookups.addresses("localhost");
            let (one, two) = tokio::join!(asked(), asked());
            assert!(one.unwrap().iter().all(IpAddr::is_loopback));
            assert!(two.is_ok());
        };
        LocalSet::new().run_until(both).await;
        assert!(matches!(
            lookups.known.borrow().get("localhost"),
            Some(Known::Answer { .. })
        ));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_gives_up_does_not_stop_it() {
        let lookups = Lookups::new();
        let asked = async {
            let mut asking = Box::pin(lookups.addresses("localhost"));
            begin(asking.as_mut()).await;
            tokio::task::yield_now().await;
            drop(asking);
            lookups.addresses("localhost").await.unwrap();
        };
        LocalSet::new().run_until(asked).await;
    }

    #[tokio::test(flavor = "current_thread")]
    async fn names_that_nobody_waits_for_are_not_looked_up() {
        let lookups = Lookups::with_turns(0);
        let asked = async {
            for i in 0..10 * MOST_WAITING {
                let name = format!("{i}.invalid");
                let mut asking = Box::pin(lookups.addresses(&name));
                begin(asking.as_mut()).await;
                drop(asking);
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            }
            assert_eq!(lookups.waiting.get(), 0);
            assert!(lookups.known.borrow().is_empty());
            let mut kept = Box::pin(lookups.addresses("localhost"));
            begin(kept.as_mut()).await;
            begin(kept.as_mut()).await;
            lookups.turns.add_permits(1);
            assert!(kept.await.is_ok());
        };
        LocalSet::new().run_until(asked).await;
    }

    #[tokio::test(flavor = "current_thread")]
    async fn those_who_wait_are_bounded() {
        let lookups = Lookups::with_turns(0);
        let asked = async {
            let names: Vec<_> = (0..MOST_WAITING).map(|i| format!("{i}.invalid")).collect();
            let mut asking = Vec::new();
            for name in &names {
                let mut asked = Box::pin(lookups.addresses(name));
                begin(asked.as_mut()).await;
                asking.push(asked);
            }
            let error = lookups.addresses("localhost").await.unwrap_err();
            assert!(error.to_string().contains("too many"), "{error}");
            // Whoever asks for a name that waits already adds nothing.
            let mut again = Box::pin(lookups.addresses(&names[0]));
            begin(again.as_mut()).await;
        };
        LocalSet::new().run_until(asked).await;
    }

    #[tokio::test(flavor = "current_thread")]
    async fn answers_are_remembered_good_and_bad() {
        let lookups = Lookups::new();
        lookups.remember("kept.example".into(), vec![[192, 0, 2, 1].into()]);
        lookups.remember("gone.example".into(), Vec::new());
        assert_eq!(
            lookups.addresses("kept.example").await.unwrap(),
            [IpAddr::from([192, 0, 2, 1])]
        );
        let error = lookups.addresses("gone.example").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn memory_is_bounded() {
        let lookups = Lookups::new();
        for i in 0..3 * MOST_NAMES {
            lookups.remember(format!("{i}.example"), vec![[192, 0, 2, 1].into()]);
        }
        assert!(lookups.known.borrow().len() <= MOST_NAMES);
    }
}
