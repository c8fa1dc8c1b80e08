//! What drives one component: connect, carry, lose, wait, and again.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::task::spawn_local;

use super::{
    Spec,
    backoff::{Backoff, Complaints},
    link::{Link, Order},
    loss::Loss,
    pump::{Ended, Pump},
    shared::Shared,
};
use crate::{
    relay::Leg,
    tls::{client_session, shake},
    upstream::reach_server,
};

/// Drives `link` until it has left.
pub(super) async fn keep(link: Rc<Link>, shared: Rc<Shared>) {
    let begin = || {
        let task = Task {
            link: Rc::clone(&link),
            shared: Rc::clone(&shared),
            backoff: Backoff::default(),
            complaints: Complaints::default(),
            attempts: 0,
        };
        task.run()
    };
    contain(begin, async || {
        tracing::error!(
            component = link.domain(),
            "a component has failed by a mistake of this program; it begins anew"
        );
        link.begin_anew();
        tokio::time::sleep(shared.pace.recovery).await;
    })
    .await;
}

/// Carries out what `begin` makes, and again when that panics, after `mend`: a mistake of ours in one
/// component ends neither the process nor other components.
async fn contain<F: Future<Output = ()> + 'static>(begin: impl Fn() -> F, mend: impl AsyncFn()) {
    while let Err(error) = spawn_local(begin()).await {
        if !error.is_panic() {
            return;
        }
        mend().await;
    }
}

struct Task {
    link: Rc<Link>,
    shared: Rc<Shared>,
    backoff: Backoff,
    complaints: Complaints,
    attempts: usize,
}

/// What comes before the end of something.
enum Interrupt {
    /// The settings may have changed.
    Again,
    /// The component has left.
    Left,
}

impl Task {
    async fn run(mut self) {
        loop {
            let server = self.link.spec().server_label();
            let (ended, worked) = self.attempt().await;
            let loss = match ended {
                Ended::Left => return self.leave(),
                Ended::Lost(loss) => loss,
            };
            let wait = match loss {
                Loss::Moved => Duration::ZERO,
                _ => self.backoff.next(worked, &self.shared.pace),
            };
            self.complain(&server, &loss, worked, wait);
            if let Err(Interrupt::Left) = self.meanwhile(tokio::time::sleep(wait)).await {
                return self.leave();
            }
        }
    }

    /// One attempt, and how long the link has worked that came of it.
    async fn attempt(&mut self) -> (Ended, Option<Duration>) {
        let spec = self.link.spec();
        let shared = Rc::clone(&self.shared);
        let turn = self.attempts;
        self.attempts = turn.wrapping_add(1);
        let leg = match self.meanwhile(reach(&spec, &shared, turn)).await {
            Err(Interrupt::Left) => return (Ended::Left, None),
            Err(Interrupt::Again) => return (Ended::Lost(Loss::Moved), None),
            Ok(Err(loss)) => return (Ended::Lost(loss), None),
            Ok(Ok(leg)) => leg,
        };
        let mut pump = Pump::new(&self.link, &shared, spec, leg);
        let ended = pump.carry().await;
        let worked = pump.established();
        if worked.is_some() {
            let unsent_bytes = pump.unsent();
            if unsent_bytes > 0 {
                // XEP-0114 has no acknowledgements: nobody knows what has arrived before.
                let component = self.link.domain();
                tracing::warn!(component, unsent_bytes, "what was not sent yet is lost");
            }
            let now = Instant::now();
            self.link.core.borrow_mut().handle_lost(now);
            self.link.tell(&shared);
        }
        (ended, worked.map(|since| since.elapsed()))
    }

    /// Says why there is no link, where that is not said already.
    fn complain(&mut self, server: &str, loss: &Loss, worked: Option<Duration>, wait: Duration) {
        let reason = loss.to_string();
        let component = self.link.domain();
        let help = loss.help(worked.is_some());
        if worked.is_some() {
            self.complaints.forget();
        }
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        match (loss, worked) {
            (Loss::Moved, None) => return,
            (Loss::Moved, Some(_)) => {
                tracing::info!(component, server, reason, "component disconnected");
            }
            (_, Some(_)) => {
                tracing::warn!(
                    component,
                    server,
                    reason,
                    help,
                    wait_ms,
                    "component disconnected"
                );
            }
            (_, None) if self.complaints.is_worth_saying(Instant::now(), &reason) => {
                tracing::warn!(
                    component,
                    server,
                    reason,
                    help,
                    wait_ms,
                    "component not connected"
                );
            }
            (_, None) => {
                tracing::debug!(
                    component,
                    server,
                    reason,
                    wait_ms,
                    "component not connected"
                );
            }
        }
        self.link.set_connecting(reason);
    }

    /// Tells those who still wait for something that it does not come.
    fn leave(&self) {
        self.link.core.borrow_mut().handle_stopped(Instant::now());
        self.link.tell(&self.shared);
        tracing::info!(component = self.link.domain(), "component has left");
    }

    /// Waits for `future` while there is no link: what is due is done, and orders are carried out.
    async fn meanwhile<F: Future>(&self, future: F) -> Result<F::Output, Interrupt> {
        let mut future = pin!(future);
        loop {
            let now = Instant::now();
            self.link.tend(now);
            self.link.tell(&self.shared);
            // Without a link nobody can be told anything: there is nothing to wait for.
            if self.link.leaving().is_some() {
                return Err(Interrupt::Left);
            }
            let due = self.link.core.borrow().poll_timeout();
            let time = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                output = &mut future => return Ok(output),
                order = poll_fn(|cx| self.link.poll_order(cx)) => {
                    let is_leave = matches!(order, Order::Leave(_));
                    self.link.obey(order);
                    if !is_leave {
                        return Err(Interrupt::Again);
                    }
                }
                () = time => {}
            }
        }
    }
}

/// A connection to the server of `spec`, TLS included. `turn` counts attempts.
async fn reach(spec: &Spec, shared: &Shared, turn: usize) -> Result<Leg, Loss> {
    let reaching = async {
        let options = shared.options.borrow().clone();
        let reached = reach_server(spec.server(), &options, &shared.lookups, turn).await;
        let leg = Leg::Plain(reached.map_err(Loss::Unreachable)?);
        let Some(policy) = &spec.material().tls else {
            return Ok(leg);
        };
        let session = client_session(policy, &spec.host(), None);
        let session = session.map_err(Loss::Unreachable)?;
        let buffers = Rc::clone(&shared.buffers);
        let shaken = shake(leg, session, Vec::new(), Vec::new(), buffers, &shared.turns).await;
        let mut shaken = shaken.map_err(|(error, _)| Loss::NotSecured(error))?;
        shaken.stream.unread(shaken.plaintext);
        Ok(Leg::Tls(shaken.stream))
    };
    match tokio::time::timeout(shared.pace.connect, reaching).await {
        Ok(reached) => reached,
        Err(_) => Err(Loss::Unreachable(io::ErrorKind::TimedOut.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_panic_is_contained() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default());
        let (begun, mended) = (Rc::new(Cell::new(0)), Cell::new(0));
        let begin = || {
            let begun = Rc::clone(&begun);
            async move {
                begun.update(|n| n + 1);
                assert!(begun.get() >= 3, "not yet");
            }
        };
        let contained = contain(begin, async || mended.update(|n| n + 1));
        runtime.unwrap().block_on(contained);
        assert_eq!((begun.get(), mended.get()), (3, 2));
    }
}
