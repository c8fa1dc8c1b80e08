//! What the supervisor does for low bandwidth gateways.

use std::{collections::HashSet, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use tokio::task::spawn_local;

use super::{Listening, Supervisor, components::Unanswered};
use crate::{
    low_bandwidth::{
        Holdings, Prepared, Running, Spec,
        meters::{AssociationView, UserView},
    },
    metrics,
    plan::Plan,
    sys::TcpOptions,
};

/// How often it is looked whether certificates were read again.
const LOOK: Duration = Duration::from_secs(1);

/// The gateways of the process.
#[derive(Default)]
pub(super) struct Gateways {
    running: Vec<Rc<Running>>,
    /// They answer what is under way, and say good-bye.
    ending: Vec<Rc<Running>>,
    /// They begin when those have ended that are in their way.
    waiting: Vec<Prepared>,
    /// Whether none begins any more.
    is_leaving: bool,
}

/// Binds and reads what gateways need, each with so many workers. What those that are there have bound is
/// taken from them.
///
/// # Errors
///
/// A sentence that says what is wrong with which. Nothing has changed then.
pub(super) fn prepare(
    specs: Vec<Arc<Spec>>,
    workers: usize,
    gateways: &Gateways,
) -> Result<Vec<Prepared>, String> {
    let known: Vec<_> = gateways.holdings().collect();
    let others: Vec<_> = known.iter().map(|(_, holdings)| *holdings).collect();
    let prepare = |spec: Arc<Spec>| {
        let own = known.iter().find(|(name, _)| *name == spec.name());
        let own = own.map(|(_, holdings)| *holdings);
        let failed = |error| format!("low_bandwidth \"{}\": {error}", spec.name());
        Prepared::new(Arc::clone(&spec), workers, own, &others).map_err(failed)
    };
    specs.into_iter().map(prepare).collect()
}

impl Gateways {
    /// What each holds, or will hold: first those that begin last.
    fn holdings(&self) -> impl Iterator<Item = (&str, &Holdings)> {
        let waiting = self.waiting.iter().map(|it| (it.name(), it.holdings()));
        let others = self.running.iter().chain(&self.ending);
        waiting.chain(others.map(|it| (it.name(), it.holdings())))
    }

    /// Those that are there. No other one will begin.
    fn leave(&mut self) -> Vec<Rc<Running>> {
        self.is_leaving = true;
        let all = self.running.iter().chain(&self.ending);
        all.cloned().collect()
    }

    /// Has those that end, and that nobody comes after, take no new clients.
    fn close(&self) {
        for gone in &self.ending {
            let mut waiting = self.waiting.iter();
            if !waiting.any(|it| it.waits_for(gone.name(), gone.holdings())) {
                gone.refuse_handshakes();
            }
        }
    }

    /// What is counted of each, whether it has begun, ends or waits for its turn. There is never more than
    /// one of a name that has begun and not ended.
    fn readouts(&self) -> Vec<metrics::Gateway> {
        let begun = self.running.iter().chain(&self.ending);
        let begun = begun.map(|it| (it.name(), it.readout()));
        let waiting = self.waiting.iter().map(|it| (it.name(), it.readout()));
        let mut names = HashSet::new();
        let all = begun.chain(waiting);
        all.filter(|(name, _)| names.insert(*name))
            .map(|(_, readout)| readout.clone())
            .collect()
    }

    /// Those that can begin now.
    fn take_ready(&mut self) -> Vec<Prepared> {
        if self.is_leaving {
            return Vec::new();
        }
        let ending = &self.ending;
        let is_ready = |it: &mut Prepared| {
            let mut ending = ending.iter();
            !ending.any(|gone| it.waits_for(gone.name(), gone.holdings()))
        };
        self.waiting.extract_if(.., is_ready).collect()
    }
}

impl Supervisor {
    /// Binds and reads what gateways need, beside those that are there.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with which. Nothing has changed then.
    pub(super) fn prepare_gateways(&self, specs: Vec<Arc<Spec>>) -> Result<Vec<Prepared>, String> {
        let workers = self.workers.borrow().len();
        prepare(specs, workers, &self.gateways.borrow())
    }

    /// Starts gateways, when the process is started.
    ///
    /// # Errors
    ///
    /// A sentence that says which one cannot be started.
    pub(super) fn start_gateways(self: &Rc<Self>, prepared: Vec<Prepared>) -> Result<(), String> {
        for prepared in prepared {
            self.start_gateway(prepared)?;
        }
        let supervisor = Rc::downgrade(self);
        spawn_local(async move {
            while let Some(supervisor) = supervisor.upgrade() {
                for gateway in &supervisor.gateways.borrow().running {
                    gateway.look_at_identity();
                }
                drop(supervisor);
                tokio::time::sleep(LOOK).await;
            }
        });
        Ok(())
    }

    /// Has exactly these gateways from now on. One that only serves in another way keeps its
    /// associations; one whose limits or addresses have changed says good-bye to its clients, which
    /// resume.
    pub(super) fn apply_gateways(self: &Rc<Self>, plan: &Plan, prepared: Vec<Prepared>) {
        let patience = plan.config.limits.drain_timeout;
        let tcp = TcpOptions::new(&plan.config.tcp);
        let mut gateways = self.gateways.borrow_mut();
        // Those of an earlier reload that have not begun yet are superseded.
        gateways.waiting.clear();
        let mut old = std::mem::take(&mut gateways.running);
        for prepared in prepared {
            let at = old.iter().position(|it| it.name() == prepared.name());
            let goes_on = |it: &Rc<Running>| it.reconfigure(&prepared, tcp.clone());
            match at.filter(|&at| old.get(at).is_some_and(goes_on)) {
                Some(at) => gateways.running.push(old.remove(at)),
                None => {
                    if at.is_some() {
                        tracing::warn!(
                            gateway = prepared.name(),
                            "begins anew with other limits or addresses: its clients are told \
                             good-bye, and resume"
                        );
                    }
                    gateways.waiting.push(prepared);
                }
            }
        }
        for gone in old {
            gateways.ending.push(Rc::clone(&gone));
            let supervisor = Rc::clone(self);
            spawn_local(async move {
                gone.shut_down(patience).await;
                let gateways = &supervisor.gateways;
                let mut others = gateways.borrow_mut();
                if others.is_leaving {
                    // What it has counted is told as long as the process lives.
                    return;
                }
                others.ending.retain(|it| !Rc::ptr_eq(it, &gone));
                drop((gone, others));
                supervisor.start_ready_gateways();
            });
        }
        gateways.close();
        drop(gateways);
        self.start_ready_gateways();
    }

    /// Where gateways listen, or will when those have ended that are in their way: for DTLS, and without it
    /// as `NAME/plain`.
    pub(crate) fn gateways_listening(&self) -> Vec<Listening> {
        let gateways = self.gateways.borrow();
        if gateways.is_leaving {
            return Vec::new();
        }
        let running = gateways.running.iter().map(|it| (it.name(), it.holdings()));
        let waiting = gateways.waiting.iter().map(|it| (it.name(), it.holdings()));
        let udp = |listener: String, address: SocketAddr| Listening {
            listener,
            transport: "udp",
            address: address.to_string(),
        };
        let listening = running.chain(waiting).flat_map(|(name, holdings)| {
            let dtls = holdings.local_addrs().into_iter();
            let dtls = dtls.map(move |address| udp(name.to_owned(), address));
            let plain = holdings.plain_addr();
            dtls.chain(plain.map(|address| udp(format!("{name}/plain"), address)))
        });
        listening.collect()
    }

    /// Where gateways listen for DTLS.
    pub(crate) fn gateway_addrs(&self) -> Vec<SocketAddr> {
        let gateways = self.gateways.borrow();
        let addresses = gateways.running.iter().flat_map(|it| it.local_addrs());
        addresses.collect()
    }

    /// What the gateways count.
    pub(crate) fn gateways(&self) -> Vec<metrics::Gateway> {
        self.gateways.borrow().readouts()
    }

    /// Describes the associations of all gateways, also of those that end.
    ///
    /// # Errors
    ///
    /// When a worker of them does not answer.
    pub(crate) async fn associations(&self) -> Result<Vec<AssociationView>, Unanswered> {
        let mut gateways = self.gateways.borrow().running.clone();
        gateways.extend_from_slice(&self.gateways.borrow().ending);
        let mut views = Vec::new();
        for gateway in gateways {
            match gateway.associations().await {
                Ok(some) => views.extend(some),
                // Its workers leave one by one, and their associations with them.
                Err(_) if gateway.is_ending() => {}
                Err(unanswered) => return Err(unanswered),
            }
        }
        Ok(views)
    }

    /// Describes the users of all gateways.
    pub(crate) fn users(&self) -> Vec<UserView> {
        let readouts = self.gateways.borrow().readouts();
        readouts.iter().flat_map(|it| it.meters.users()).collect()
    }

    /// Ends all gateways: requests that are under way are waited for so long. Called again without
    /// patience, it is over sooner.
    pub(super) async fn leave_gateways(&self, patience: Duration) {
        let leaving = self.gateways.borrow_mut().leave();
        for gateway in &leaving {
            gateway.refuse_handshakes();
        }
        let mut tasks = tokio::task::JoinSet::new();
        for gateway in leaving {
            tasks.spawn_local(async move { gateway.shut_down(patience).await });
        }
        while tasks.join_next().await.is_some() {}
    }

    fn start_ready_gateways(&self) {
        let ready = self.gateways.borrow_mut().take_ready();
        for prepared in ready {
            if let Err(error) = self.start_gateway(prepared) {
                tracing::error!("{error}");
            }
        }
    }

    fn start_gateway(&self, prepared: Prepared) -> Result<(), String> {
        let access = self.access.borrow();
        // There is one as long as the process does not end.
        let access = access.as_ref().ok_or("the process is ending")?;
        let workers = self.workers.borrow().len();
        let tcp = TcpOptions::new(&self.plan().config.tcp);
        let name = prepared.name().to_owned();
        let failed = |error| format!("low_bandwidth \"{name}\": {error}");
        let gateway = Running::start(prepared, workers, access, tcp).map_err(failed)?;
        for address in gateway.local_addrs() {
            tracing::info!(gateway = name, %address, "listening for DTLS");
        }
        if let Some(address) = gateway.plain_addr() {
            tracing::info!(gateway = name, %address, "listening for CoAP without DTLS");
        }
        self.gateways.borrow_mut().running.push(Rc::new(gateway));
        Ok(())
    }
}
