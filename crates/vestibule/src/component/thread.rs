//! The thread on which all components live.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    runtime::LocalRuntime,
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{
    Handle, Message, Spec,
    inbox::Inbox,
    link::{Link, Order},
    shared::{Pace, Shared},
    task,
};
use crate::{log::access, mailbox, sys::TcpOptions, worker::AbortOnPanic};

/// Between looks whether keys were read again.
const LOOK: Duration = Duration::from_secs(1);

/// Starts the thread, without any component.
///
/// # Errors
///
/// When the thread or its runtime cannot be made.
pub(crate) fn start(access: access::Buffer, tcp: TcpOptions) -> std::io::Result<Handle> {
    start_with(access, tcp, Pace::default())
}

/// As [`start`], at another pace.
pub(super) fn start_with(
    access: access::Buffer,
    tcp: TcpOptions,
    pace: Pace,
) -> std::io::Result<Handle> {
    let (handle, inbox) = mailbox::channel();
    let runtime = || -> std::io::Result<LocalRuntime> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
    };
    let (started, wait) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("components".into())
        .spawn(move || match runtime() {
            Err(error) => {
                let _ = started.send(Err(error));
            }
            Ok(runtime) => {
                let _ = started.send(Ok(()));
                drop(started);
                let _guard = AbortOnPanic;
                let shared = Shared::new(access, pace, tcp);
                runtime.block_on(run(&shared, inbox));
                // A name that is being looked up must not hold up the end.
                runtime.shutdown_background();
                shared.flush();
            }
        })?;
    match wait.recv() {
        Ok(Ok(())) => Ok(handle.with_thread(thread)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(std::io::Error::other(
            "the thread of components ended at once",
        )),
    }
}

/// A component that runs, or leaves.
struct Running {
    link: Rc<Link>,
    orders: mpsc::UnboundedSender<Order>,
    /// Fails when it has left.
    left: oneshot::Receiver<()>,
}

/// All components.
struct Components {
    shared: Rc<Shared>,
    running: Vec<Running>,
    leaving: Vec<Running>,
    tasks: JoinSet<()>,
}

/// Carries out what the supervisor says, until it says to end.
async fn run(shared: &Rc<Shared>, mut inbox: Inbox) {
    let mut components = Components {
        shared: Rc::clone(shared),
        running: Vec::new(),
        leaving: Vec::new(),
        tasks: JoinSet::new(),
    };
    let flushing = {
        let shared = Rc::clone(shared);
        tokio::task::spawn_local(async move { shared.keep_flushing().await })
    };
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
    loop {
        tokio::select! {
            message = inbox.recv() => match message {
                None => break,
                Some(Message::Apply { components: specs, drain_timeout, tcp }) => {
                    *shared.options.borrow_mut() = tcp;
                    components.apply(specs, drain_timeout);
                }
                Some(Message::Finish(done)) => {
                    shared.flush();
                    let _ = done.send(());
                    break;
                }
                Some(Message::Leave { limit, done }) => {
                    components.leave(limit);
                    waiting.push(done);
                }
                Some(Message::Show(answer)) => {
                    let views = components.running.iter().map(|running| running.link.view());
                    let _ = answer.send(views.collect());
                }
            },
            Some(_) = components.tasks.join_next() => {}
            _ = look.tick() => components.look_at_keys(),
        }
        if components.tasks.is_empty() {
            for done in waiting.drain(..) {
                let _ = done.send(());
            }
        }
    }
    flushing.abort();
}

impl Components {
    /// Has exactly these components, in this order.
    fn apply(&mut self, specs: Vec<Arc<Spec>>, drain_timeout: Duration) {
        self.forget_who_has_left();
        let mut old = std::mem::take(&mut self.running);
        for spec in specs {
            let known = old.iter().position(|r| r.link.domain() == spec.domain());
            match known {
                Some(at) => {
                    let running = old.swap_remove(at);
                    running.say(Order::Apply(spec));
                    self.running.push(running);
                }
                None => self.begin(spec),
            }
        }
        let until = Instant::now() + drain_timeout;
        for gone in old {
            gone.say(Order::Leave(until));
            self.leaving.push(gone);
        }
    }

    /// Begins a component. One of the same domain that is still there leaves at once, and first: the
    /// server would take the two for one.
    fn begin(&mut self, spec: Arc<Spec>) {
        let same = |running: &Running| running.link.domain() == spec.domain();
        let before = self.leaving.iter().position(same);
        let before = before.map(|at| {
            let running = self.leaving.swap_remove(at);
            running.say(Order::Leave(Instant::now()));
            running.left
        });
        let (orders, inbox) = mpsc::unbounded_channel();
        let link = Rc::new(Link::new(spec, inbox));
        let (leaves, left) = oneshot::channel::<()>();
        let (kept, shared) = (Rc::clone(&link), Rc::clone(&self.shared));
        self.tasks.spawn_local(async move {
            let _leaves = leaves;
            if let Some(before) = before {
                let _ = before.await;
            }
            task::keep(kept, shared).await;
        });
        self.running.push(Running { link, orders, left });
    }

    /// Ends all of them.
    fn leave(&mut self, limit: Duration) {
        self.forget_who_has_left();
        self.leaving.append(&mut self.running);
        let until = Instant::now() + limit;
        for running in &self.leaving {
            running.say(Order::Leave(until));
        }
    }

    /// Has components take keys that were read again.
    fn look_at_keys(&mut self) {
        self.forget_who_has_left();
        for running in self.running.iter().filter(|r| r.link.has_new_keys()) {
            running.say(Order::Apply(running.link.spec()));
        }
    }

    fn forget_who_has_left(&mut self) {
        let is_there = |running: &mut Running| {
            matches!(
                running.left.try_recv(),
                Err(oneshot::error::TryRecvError::Empty)
            )
        };
        self.leaving.retain_mut(is_there);
    }
}

impl Running {
    /// One that has left does not listen, which is fine.
    fn say(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}
