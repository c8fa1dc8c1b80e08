//! Datagrams on their way from one worker to another.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::mpsc;
use vestibule_dtls::server::Path;

/// How many parcels wait for a worker.
const PARCELS: usize = 256;

/// How many bytes of datagrams wait for a worker.
const BYTES: usize = 4 << 20;

/// What a worker has received for another one, at once.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    bytes: Vec<u8>,
    /// In the order in which they came, each with the place where its bytes end.
    datagrams: Vec<(Handed, usize)>,
}

/// How a datagram came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handed {
    pub(super) path: Path,
    /// Whether another worker has looked for its association in vain.
    pub(super) is_stray: bool,
}

/// Sends parcels to a worker.
#[derive(Clone, Debug)]
pub(super) struct Chute {
    sender: mpsc::Sender<Parcel>,
    queued: Arc<AtomicUsize>,
}

/// The worker's end.
#[derive(Debug)]
pub(super) struct Inbox {
    receiver: mpsc::Receiver<Parcel>,
    queued: Arc<AtomicUsize>,
}

/// Both ends.
pub(super) fn channel() -> (Chute, Inbox) {
    let (sender, receiver) = mpsc::channel(PARCELS);
    let queued = Arc::new(AtomicUsize::new(0));
    let chute = Chute {
        sender,
        queued: Arc::clone(&queued),
    };
    (chute, Inbox { receiver, queued })
}

impl Parcel {
    /// Adds a datagram.
    pub(super) fn push(&mut self, handed: Handed, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.datagrams.push((handed, self.bytes.len()));
    }

    /// How many datagrams it has.
    pub(super) fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Them, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Handed, &[u8])> {
        let mut start = 0;
        self.datagrams.iter().map(move |&(handed, end)| {
            let datagram = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            (handed, datagram)
        })
    }
}

impl Chute {
    /// Sends a parcel, without waiting.
    ///
    /// # Errors
    ///
    /// The parcel, when the worker has too much before it, or is gone.
    pub(super) fn send(&self, parcel: Parcel) -> Result<(), Parcel> {
        let bytes = parcel.bytes.len();
        let before = self.queued.fetch_add(bytes, Ordering::Relaxed);
        let sent = match before + bytes <= BYTES {
            true => self.sender.try_send(parcel),
            false => Err(mpsc::error::TrySendError::Full(parcel)),
        };
        sent.map_err(|error| {
            self.queued.fetch_sub(bytes, Ordering::Relaxed);
            error.into_inner()
        })
    }
}

impl Inbox {
    /// The next parcel. `None`: nobody is there any more to send one.
    pub(super) async fn recv(&mut self) -> Option<Parcel> {
        let parcel = self.receiver.recv().await?;
        let bytes = parcel.bytes.len();
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
        Some(parcel)
    }
}

#[cfg(test)]
mod tests {
    use vestibule_dtls::server::Local;

    use super::*;

    fn handed(port: u16) -> Handed {
        Handed {
            path: Path {
                remote: ([127, 0, 0, 1], port).into(),
                local: Local::default(),
            },
            is_stray: false,
        }
    }

    #[tokio::test]
    async fn a_parcel_arrives_as_it_was_sent() {
        let (chute, mut inbox) = channel();
        let mut parcel = Parcel::default();
        parcel.push(handed(1), b"one");
        parcel.push(handed(2), b"");
        parcel.push(handed(3), b"three");
        chute.send(parcel).unwrap();
        let parcel = inbox.recv().await.unwrap();
        let datagrams: Vec<_> = parcel
            .iter()
            .map(|(it, bytes)| (it.path.remote.port(), bytes))
            .collect();
        assert_eq!(datagrams, [(1, &b"one"[..]), (2, b""), (3, b"three")]);
        assert_eq!(parcel.len(), 3);
        drop(chute);
        assert!(inbox.recv().await.is_none());
    }

    #[tokio::test]
    async fn a_worker_that_stands_still_makes_nothing_grow() {
        let parcel = |size| {
            let mut parcel = Parcel::default();
            parcel.push(handed(1), &vec![0; size]);
            parcel
        };
        for size in [0, 100_000] {
            let (chute, mut inbox) = channel();
            let sent = (0..10_000).take_while(|_| chute.send(parcel(size)).is_ok());
            assert_eq!(
                sent.count(),
                BYTES.checked_div(size).map_or(PARCELS, |n| n.min(PARCELS))
            );
            inbox.recv().await.unwrap();
            chute.send(parcel(size)).unwrap();
            assert_eq!(chute.send(parcel(size)).unwrap_err().len(), 1);
        }
    }
}
