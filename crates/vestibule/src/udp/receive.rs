//! Receiving in batches.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef};
use tokio::{
    io::unix::AsyncFd,
    time::{Sleep, sleep},
};

use super::{LONGEST, Socket};
use crate::sys::watch_for_datagrams;

/// One byte more than is received, which shows that a datagram was longer.
const ROOM: usize = LONGEST + 1;

/// After an error that is none of the socket's buffers: so that one that stays does not take all of
/// a processor.
const PAUSE: Duration = Duration::from_millis(100);

/// Receives what comes to a socket. Its methods are to be called on a tokio runtime.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// Watched for what comes only: room to send does not wake anybody.
    socket: AsyncFd<Arc<Socket>>,
    pause: Option<Pin<Box<Sleep>>>,
}

/// Room for what is received at once; one does for many sockets.
pub(crate) struct Batch {
    bytes: Box<[u8]>,
    metas: [RecvMeta; BATCH_SIZE],
    length: usize,
}

/// A datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram<'a> {
    /// Who sent it.
    pub(crate) remote: SocketAddr,
    /// The address of ours that it came to.
    pub(crate) local: Option<IpAddr>,
    /// Its content; `None`: it is longer than [`LONGEST`].
    pub(crate) bytes: Option<&'a [u8]>,
}

impl Receiver {
    /// Receives from `socket`.
    ///
    /// # Errors
    ///
    /// When the system cannot watch it.
    pub(crate) fn new(socket: Arc<Socket>) -> io::Result<Self> {
        Ok(Self {
            socket: watch_for_datagrams(socket)?,
            pause: None,
        })
    }

    /// Fills `batch` with what has come; at least one datagram.
    ///
    /// # Errors
    ///
    /// What the system says. That ends nothing: the next call waits a little, and goes on.
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Batch,
    ) -> Poll<io::Result<()>> {
        batch.length = 0;
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        loop {
            let mut ready = ready!(self.socket.poll_read_ready(cx))?;
            match batch.receive(ready.get_inner()) {
                Ok(()) => {
                    // One that is not full has emptied the socket: no call to find that out.
                    if batch.length < BATCH_SIZE {
                        ready.clear_ready();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) => {
                    self.pause = Some(Box::pin(sleep(PAUSE)));
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl Batch {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH_SIZE * ROOM].into(),
            metas: [RecvMeta::default(); BATCH_SIZE],
            length: 0,
        }
    }

    /// What was received last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Datagram<'_>> {
        let received = self.metas.iter().zip(self.bytes.chunks_exact(ROOM));
        received.take(self.length).map(|(meta, bytes)| Datagram {
            remote: meta.addr,
            local: meta.dst_ip,
            bytes: bytes.get(..meta.len).filter(|it| it.len() <= LONGEST),
        })
    }

    fn receive(&mut self, socket: &Socket) -> io::Result<()> {
        let mut rooms = self.bytes.chunks_exact_mut(ROOM);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(rooms.next().unwrap_or_default()));
        let from = UdpSockRef::from(socket);
        self.length = socket.state.recv(from, &mut slices, &mut self.metas)?;
        Ok(())
    }
}

/// The content is not shown.
impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} datagrams)", self.length)
    }
}
