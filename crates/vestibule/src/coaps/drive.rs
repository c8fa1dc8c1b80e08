//! The thread of a worker: waits for whatever comes first, and has it handled.

use std::{
    future::{pending, poll_fn},
    pin::pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
    time::sleep_until,
};
use vestibule_dtls::{
    Accept,
    server::{Local, Path, View},
};

use super::{
    Application,
    core::{Core, Place},
    counters::Dropped,
    handover::{Inbox, Parcel},
};
use crate::udp::{Batch, Datagram, Receiver, Unsent};

/// What a worker is told.
pub(super) enum Order {
    /// To begin associations in another way from now on.
    ReplaceAccept(Box<dyn Accept>),
    /// To say which associations it has.
    Show(oneshot::Sender<Vec<View>>),
    /// To end when all requests are answered, at every worker, and so late at most.
    End {
        /// `None`: there is no such time.
        by: Option<Instant>,
        done: oneshot::Sender<()>,
    },
}

/// What a worker waits for.
pub(super) struct Inlets<M> {
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    pub(super) inbox: Inbox,
    pub(super) messages: mpsc::Receiver<M>,
    /// The sockets that this worker receives from, by their numbers.
    pub(super) receivers: Vec<(u16, Receiver)>,
}

/// What has come.
enum Arrival<M> {
    Order(Order),
    Parcel(Parcel),
    Message(M),
    /// The batch is filled, from the socket of this number.
    Batch(u16),
    Time,
    /// Nobody holds the server any more.
    Abandoned,
}

/// A worker that is to end.
struct Ending {
    by: Option<Instant>,
    done: oneshot::Sender<()>,
    /// When it looks the next time whether it can.
    look: Instant,
}

/// How long a worker goes on before others on its thread have their turn: local tasks of the
/// application.
const TURN: Duration = Duration::from_millis(1);

/// How often a worker that is to end looks whether all requests are answered.
const LOOK: Duration = Duration::from_millis(20);

/// How long a worker may take to say good-bye, when the kernel has no room for all of it.
const FAREWELL: Duration = Duration::from_secs(1);

/// Between attempts to send when the kernel has no room.
const ROOM: Duration = Duration::from_millis(1);

/// Works until told to end.
pub(super) async fn run<A: Application>(mut core: Core<A>, mut inlets: Inlets<A::Message>) {
    let mut batch = Batch::new();
    let mut turn = Instant::now();
    let mut ending: Option<Ending> = None;
    let mut timer = pin!(sleep_until(turn.into()));
    loop {
        let mut next = core.associations.next_timeout();
        if let Some(ending) = &mut ending {
            if ending.is_over(&core) {
                break;
            }
            next = Some(next.map_or(ending.look, |next| next.min(ending.look)));
        }
        if let Some(next) = next
            && timer.deadline() != next.into()
        {
            timer.as_mut().reset(next.into());
        }
        let time = async {
            match next {
                Some(_) => timer.as_mut().await,
                None => pending().await,
            }
        };
        let arrival = tokio::select! {
            order = inlets.orders.recv() => order.map_or(Arrival::Abandoned, Arrival::Order),
            Some(parcel) = inlets.inbox.recv() => Arrival::Parcel(parcel),
            Some(message) = inlets.messages.recv() => Arrival::Message(message),
            socket = poll_fn(|cx| poll_receive(&mut inlets.receivers, cx, &mut batch)) => {
                Arrival::Batch(socket)
            }
            () = time => Arrival::Time,
        };
        core.associations.now = Instant::now();
        match arrival {
            Arrival::Order(Order::End { by, done }) => {
                core.handle_shutdown();
                let look = core.associations.now;
                ending = Some(Ending { by, done, look });
            }
            Arrival::Order(Order::ReplaceAccept(accept)) => core.replace_accept(accept),
            Arrival::Order(Order::Show(answer)) => {
                let _ = answer.send(core.views());
            }
            Arrival::Parcel(parcel) => {
                for (handed, datagram) in parcel.iter() {
                    core.handle_handed(handed, datagram);
                }
            }
            Arrival::Message(message) => core.handle_message(message),
            Arrival::Batch(socket) => {
                for datagram in batch.iter() {
                    receive(&mut core, socket, &datagram);
                }
            }
            Arrival::Time => core.handle_timeout(),
            Arrival::Abandoned => break,
        }
        core.flush();
        if turn.elapsed() >= TURN {
            yield_now().await;
            turn = Instant::now();
        }
    }
    leave(&mut core, Instant::now() + FAREWELL).await;
    if let Some(Ending { done, .. }) = ending {
        let _ = done.send(());
    }
}

impl Ending {
    /// Whether to leave now: all workers have nothing left to answer, or the time is over. Until then
    /// everybody stays, because what comes for one may come to a socket that another receives from.
    fn is_over<A>(&mut self, core: &Core<A>) -> bool {
        let now = Instant::now();
        if self.by.is_some_and(|by| now >= by) {
            return true;
        }
        if now < self.look {
            return false;
        }
        let look = now + LOOK;
        self.look = self.by.map_or(look, |by| by.min(look));
        let Place { worker, calm, .. } = &core.place;
        calm.set(*worker, core.associations.are_quiet());
        calm.is_everywhere()
    }
}

fn receive<A: Application>(core: &mut Core<A>, socket: u16, datagram: &Datagram<'_>) {
    let Datagram {
        remote,
        local,
        bytes,
    } = *datagram;
    let is_group = |ip: std::net::IpAddr| ip.is_multicast() || ip.is_unspecified();
    if remote.port() == 0 || is_group(remote.ip()) || local.is_some_and(is_group) {
        return core.place.drop_datagrams(Dropped::Unanswerable, 1);
    }
    let Some(bytes) = bytes else {
        return core.place.drop_datagrams(Dropped::TooLong, 1);
    };
    let address = local;
    let path = Path {
        remote,
        local: Local { socket, address },
    };
    core.handle_received(path, bytes);
}

/// Receives from the first socket that has something; the next time, the others come before it.
fn poll_receive(
    receivers: &mut [(u16, Receiver)],
    cx: &mut Context<'_>,
    batch: &mut Batch,
) -> Poll<u16> {
    for at in 0..receivers.len() {
        let Some((number, receiver)) = receivers.get_mut(at) else {
            break;
        };
        let number = *number;
        loop {
            match receiver.poll_receive(cx, batch) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) => {
                    receivers.rotate_left(at + 1);
                    return Poll::Ready(number);
                }
                Poll::Ready(Err(error)) => {
                    tracing::warn!(socket = number, %error, "cannot receive");
                }
            }
        }
    }
    Poll::Pending
}

/// Says good-bye to every peer. There may be more of them than the kernel has room for.
async fn leave<A: Application>(core: &mut Core<A>, by: Instant) {
    core.associations.now = Instant::now();
    core.close_all();
    while let Some(transmit) = core.associations.dtls.poll_transmit() {
        while core.place.try_send(&transmit) == Err(Unsent::Full) {
            if Instant::now() >= by {
                core.place.drop_datagrams(Dropped::SendFull, 1);
                break;
            }
            tokio::time::sleep(ROOM).await;
        }
    }
}
