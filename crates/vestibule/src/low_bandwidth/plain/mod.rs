//! CoAP without DTLS, for those who look for a fault with a client that has none. On loopback only:
//! nothing here tells who a client is but its address.

mod listener;

use std::{
    fmt,
    future::Future,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    runtime::{LocalOptions, LocalRuntime},
    sync::oneshot,
};

use self::listener::Listener;
use super::{
    house::{Common, House},
    message::Message,
};
use crate::{
    coaps::{self, Messages},
    log::access,
    mailbox,
    udp::Socket,
    worker::AbortOnPanic,
};

/// Which client. Never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PlainId(u64);

/// A listener that is there. It ends when this is dropped.
pub(super) struct Plain {
    handle: mailbox::Handle<End>,
    messages: Messages<Message<PlainId>>,
}

/// To end when all requests are answered, and so late at most.
struct End {
    /// `None`: there is no such time.
    by: Option<Instant>,
    done: oneshot::Sender<()>,
}

impl Plain {
    /// Starts the thread. Its worker has the number `worker`.
    ///
    /// # Errors
    ///
    /// When the system has no thread, or cannot watch the socket.
    pub(super) fn start(
        common: &Common,
        socket: &Arc<Socket>,
        worker: usize,
        access: access::Buffer,
    ) -> io::Result<Self> {
        let (messages, inbox) = coaps::messages();
        let (handle, orders) = mailbox::channel();
        let (common, sender, socket) = (common.clone(), messages.clone(), Arc::clone(socket));
        let runtime = || -> io::Result<LocalRuntime> {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(LocalOptions::default())
        };
        let (started, wait) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("coap-plain".into())
            .spawn(move || {
                let runtime = match runtime() {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(started.send(Err(error))),
                };
                runtime.block_on(async {
                    let house = House::beside(&common, worker, access);
                    match Listener::new(house, sender, socket, &common.spec) {
                        Ok(listener) => {
                            let _ = started.send(Ok(()));
                            let _guard = AbortOnPanic;
                            listener.run(orders, inbox).await;
                        }
                        Err(error) => drop(started.send(Err(error))),
                    }
                });
                runtime.shutdown_background();
            })?;
        wait.recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread ended at once")))?;
        Ok(Self {
            handle: handle.with_thread(thread),
            messages,
        })
    }

    /// How its thread is told something.
    pub(super) fn messages(&self) -> &Messages<Message<PlainId>> {
        &self.messages
    }

    /// Ends it: tells the clients, and waits for `patience` at most until every request is answered, but
    /// no longer when `now` completes.
    pub(super) async fn shut_down(self, patience: Duration, now: impl Future<Output = ()>) {
        let by = Instant::now().checked_add(patience);
        let ended = self.handle.ask(|done| End { by, done });
        tokio::select! {
            _ = ended => {}
            () = now => {}
        }
        self.handle.end();
    }
}

impl fmt::Display for PlainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plain-{}", self.0)
    }
}
