//! The live connections of a worker.

use std::{cell::RefCell, fmt, rc::Rc, str::FromStr};

use slab::Slab;

use super::{Connection, ConnectionView, Worker};
use crate::ending::Stop;

/// Names a connection, unique while the process lives: the worker and a running number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConnId {
    pub(crate) worker: u32,
    pub(crate) number: u64,
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.worker, self.number)
    }
}

impl FromStr for ConnId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once('-')
            .and_then(|(worker, number)| {
                Some(Self {
                    worker: worker.parse().ok()?,
                    number: number.parse().ok()?,
                })
            })
            .ok_or_else(|| format!("`{text}` is not a connection id such as 0-17"))
    }
}

/// Which connections.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// All.
    All,
    /// These.
    Ids(Vec<ConnId>),
    /// All of the service of this name, whatever configuration they started with.
    Service(String),
}

/// The live connections of a worker.
#[derive(Debug)]
pub(crate) struct Registry {
    worker: u32,
    /// Tells this process's connections from those of an earlier one, in unique ids.
    boot: u32,
    live: RefCell<Slab<Rc<Connection>>>,
    next: std::cell::Cell<u64>,
}

impl Registry {
    /// No connections.
    pub(crate) fn new(worker: usize, boot: u32) -> Self {
        Self {
            worker: u32::try_from(worker).unwrap_or(u32::MAX),
            boot,
            live: RefCell::default(),
            next: std::cell::Cell::new(1),
        }
    }

    /// The id for the next connection.
    pub(crate) fn next_id(&self) -> ConnId {
        let number = self.next.get();
        self.next.set(number + 1);
        ConnId {
            worker: self.worker,
            number,
        }
    }

    /// An id that hardly any other connection of any process has: the PP2_TYPE_UNIQUE_ID we send.
    pub(crate) fn unique_id(&self, id: ConnId) -> String {
        format!("{:08x}-{id}", self.boot)
    }

    /// Adds a live connection; answers its key.
    pub(crate) fn insert(&self, connection: Rc<Connection>) -> usize {
        self.live.borrow_mut().insert(connection)
    }

    /// Takes a connection out.
    pub(crate) fn remove(&self, key: usize) {
        self.live.borrow_mut().try_remove(key);
    }

    /// Describes the live connections.
    pub(crate) fn view(&self) -> Vec<ConnectionView> {
        let live = self.live.borrow();
        let live = live.iter().filter(|(_, connection)| connection.is_live());
        live.map(|(_, connection)| connection.view()).collect()
    }

    /// Wakes the tasks of all connections.
    pub(crate) fn wake(&self, worker: &Worker) {
        for (_, connection) in &*self.live.borrow() {
            connection.wake(worker);
        }
    }

    /// Tells connections to end; answers how many.
    pub(crate) fn stop(&self, worker: &Worker, which: &Selection, stop: Stop) -> usize {
        let live = self.live.borrow();
        let chosen = live.iter().filter(|(_, connection)| {
            connection.is_live()
                && match which {
                    Selection::All => true,
                    Selection::Ids(ids) => ids.contains(&connection.id),
                    Selection::Service(name) => {
                        connection.service().is_some_and(|s| s.name() == name)
                    }
                }
        });
        chosen
            .map(|(_, connection)| connection.stop(worker, stop))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip() {
        let id = ConnId {
            worker: 3,
            number: 17,
        };
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("17".parse::<ConnId>().is_err());
        assert!("a-17".parse::<ConnId>().is_err());
    }
}
