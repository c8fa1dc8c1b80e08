//! Names that clients ask for, resolved while they wait.

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, Semaphore};

/// How long an answer holds. The system's resolver does not tell.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// How long a failure holds.
const BAD_FOR: Duration = Duration::from_secs(2);

/// The most names that are remembered.
const MOST_NAMES: usize = 1024;

/// Look-ups under way at once, each of which occupies a thread. Others wait for their turn.
const AT_ONCE: usize = 16;

/// What a worker knows of the names that clients have asked for.
#[derive(Debug)]
pub(crate) struct Lookups {
    known: RefCell<HashMap<String, Known>>,
    turns: Semaphore,
}

#[derive(Debug)]
enum Known {
    /// Empty when the name does not resolve.
    Answer {
        addresses: Vec<IpAddr>,
        until: Instant,
    },
    /// It is being looked up; told when that is over.
    Asked(Rc<Notify>),
}

impl Lookups {
    /// Nothing is known yet.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            known: RefCell::default(),
            turns: Semaphore::new(AT_ONCE),
        })
    }

    /// The addresses of `name` by the system's resolver, off the worker's thread. A name is looked
    /// up once for all who wait for it, and to the end although they may have given up.
    ///
    /// # Errors
    ///
    /// When it does not resolve.
    pub(crate) async fn addresses(self: &Rc<Self>, name: &str) -> io::Result<Vec<IpAddr>> {
        loop {
            let answered = match self.known.borrow().get(name) {
                Some(Known::Answer { addresses, until }) if Instant::now() < *until => {
                    return found(name, addresses.clone());
                }
                Some(Known::Asked(answered)) => Some(Rc::clone(answered)),
                Some(Known::Answer { .. }) | None => None,
            };
            answered.unwrap_or_else(|| self.ask(name)).notified().await;
        }
    }

    /// Begins to look `name` up.
    fn ask(self: &Rc<Self>, name: &str) -> Rc<Notify> {
        let answered = Rc::new(Notify::new());
        let asked = Known::Asked(Rc::clone(&answered));
        self.known.borrow_mut().insert(name.to_owned(), asked);
        tokio::task::spawn_local({
            let (lookups, answered, name) =
                (Rc::clone(self), Rc::clone(&answered), name.to_owned());
            async move {
                // Never closed.
                let turn = lookups.turns.acquire().await;
                let resolved = tokio::net::lookup_host((name.as_str(), 0)).await;
                drop(turn);
                let addresses = resolved.map_or_else(
                    |_| Vec::new(),
                    |addresses| addresses.map(|address: SocketAddr| address.ip()).collect(),
                );
                lookups.remember(name, addresses);
                answered.notify_waiters();
            }
        });
        answered
    }

    fn remember(&self, name: String, addresses: Vec<IpAddr>) {
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
    use tokio::task::LocalSet;

    use super::*;

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
            let first = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(asking.as_mut().poll(cx).is_pending())
            });
            assert!(first.await);
            drop(asking);
            lookups.addresses("localhost").await.unwrap();
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
