//! The supervisor: owns the listening sockets, the plan and the workers, and lives on the main
//! thread. Everything that changes while the process runs changes here.

mod components;
mod descriptors;
mod low_bandwidth;
mod privileges;
mod rights;
mod sockets;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    io,
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::oneshot,
    task::{AbortHandle, spawn_local},
};
use vestibule_config::{AccessLog, Bind, Config, Report};

use crate::{
    component,
    ending::Stop,
    limits::Limits,
    log::{access, event},
    material::{self, Material},
    plan::{Listener, Plan},
    sys::TcpOptions,
    upstream::{self, OwnAddresses},
    worker::{self, ConnectionView, Handle, Message, Selection, SocketId},
};
pub(crate) use components::Unanswered;
pub(crate) use descriptors::ADMIN_CONNECTIONS;
use low_bandwidth::Gateways;
use sockets::Sockets;
pub(crate) use sockets::tcp_socket;

/// How long connections may take to say goodbye after the drain.
const FAREWELL: Duration = Duration::from_secs(3);

/// The running process.
pub(crate) struct Supervisor {
    /// Where the configuration is read from again; `None`: it cannot be reloaded.
    path: Option<PathBuf>,
    access: RefCell<Option<access::Writer>>,
    admin: Cell<Option<SocketAddr>>,
    background: RefCell<Vec<AbortHandle>>,
    /// Their thread; `None`: there was none yet.
    components: RefCell<Option<component::Handle>>,
    gateways: RefCell<Gateways>,
    /// The level of the event log, if this process has one of ours.
    level: Option<event::Level>,
    limits: Arc<Limits>,
    own: Arc<OwnAddresses>,
    plan: RefCell<Arc<Plan>>,
    ready: Cell<bool>,
    reloads: Cell<(u64, u64)>,
    sockets: RefCell<Sockets>,
    started: Instant,
    workers: RefCell<Vec<Handle>>,
}

/// A listening address, as `show listeners` and the log name it.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    pub(crate) listener: String,
    /// `tcp`, `udp` or `unix`.
    pub(crate) transport: &'static str,
    pub(crate) address: String,
}

/// A reload that took effect.
#[derive(Debug)]
pub(crate) struct Reloaded {
    /// Warnings about the file.
    pub(crate) report: Report,
    /// The keys whose change takes effect at the next restart only.
    pub(crate) postponed: Vec<&'static str>,
}

/// Why a reload was refused. The old plan stays.
#[derive(Debug)]
pub(crate) enum ReloadError {
    /// The file is wrong; the report says where.
    Config(Report),
    /// The process was not started from a file.
    NoFile,
    /// The file is right, but cannot be put into effect.
    System(String),
}

impl Supervisor {
    /// Binds, becomes the configured user, and starts the workers. On return every listener
    /// accepts. The control socket must exist before, so that it can be given to that user.
    ///
    /// # Errors
    ///
    /// A sentence that says what could not be done and what would help.
    pub(crate) fn start(
        config: Config,
        material: Material,
        path: Option<PathBuf>,
        level: Option<event::Level>,
    ) -> Result<Rc<Self>, String> {
        let workers = config.runtime.workers.map_or_else(
            || std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            NonZeroUsize::get,
        );
        let max_connections = descriptors::connections(&config, workers)?;
        let components = component::Spec::all(&config, &material);
        let gateways = crate::low_bandwidth::Spec::all(&config, &material);
        let plan = Arc::new(Plan::compile(config, Arc::new(material), workers, None));
        let mut sockets = Sockets::new(workers);
        let change = sockets.prepare(&plan)?;
        let gateways = low_bandwidth::prepare(gateways, workers, &Gateways::default())?;
        let log = &plan.config.log;
        let mut keys = component::create_missing_keys(&components)?;
        keys.extend(gateways.iter().filter_map(|it| it.made().cloned()));
        if let Some(identity) = privileges::Identity::wanted(&plan.config.runtime)? {
            identity.give_away(&plan.config, &keys)?;
            identity.assume(rights::are_needed(&plan.config))?;
        }
        rights::check(&plan.config)?;
        let access = access::Writer::start(&log.access, log.format).map_err(|error| match &log
            .access
        {
            AccessLog::File(path) => format!("log.access = \"{}\": {error}", path.display()),
            AccessLog::Off | AccessLog::Stdout => format!("cannot start the access log: {error}"),
        })?;
        let limits = Arc::new(Limits::new(
            max_connections,
            plan.config.limits.connections_per_client,
        ));
        let boot = rand::random();
        let tcp = TcpOptions::new(&plan.config.tcp);
        let own = Arc::new(OwnAddresses::default());
        let start = |id| {
            let (limits, own) = (Arc::clone(&limits), Arc::clone(&own));
            worker::start(id, access.buffer(), limits, own, tcp.clone(), boot)
        };
        let handles = (0..workers)
            .map(start)
            .collect::<io::Result<Vec<_>>>()
            .map_err(|error| format!("cannot start the workers: {error}"))?;
        let supervisor = Rc::new(Self {
            path,
            access: RefCell::new(Some(access)),
            admin: Cell::new(None),
            background: RefCell::default(),
            components: RefCell::default(),
            gateways: RefCell::default(),
            level,
            limits,
            own,
            plan: RefCell::new(Arc::clone(&plan)),
            ready: Cell::new(true),
            reloads: Cell::default(),
            sockets: RefCell::new(sockets),
            started: Instant::now(),
            workers: RefCell::new(handles),
        });
        supervisor.prepare_components(&components)?;
        supervisor.start_gateways(gateways)?;
        supervisor.apply(&plan, change);
        supervisor.apply_components(&plan, components);
        Ok(supervisor)
    }

    /// The plan in force.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.borrow())
    }

    /// The limits of the process.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether connections are accepted and meant to be.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.get()
    }

    /// How long the process has run.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Reloads that succeeded and that were refused.
    pub(crate) fn reloads(&self) -> (u64, u64) {
        self.reloads.get()
    }

    /// Access records that were lost.
    pub(crate) fn lost_records(&self) -> u64 {
        self.access
            .borrow()
            .as_ref()
            .map_or(0, access::Writer::lost)
    }

    /// Every address where connections are accepted.
    pub(crate) fn listening(&self) -> Vec<Listening> {
        self.sockets.borrow().listening()
    }

    /// Opens the access log again.
    pub(crate) fn reopen_log(&self) {
        if let Some(access) = &*self.access.borrow() {
            access.reopen();
        }
    }

    /// Reads the configuration again and puts it into effect: for new connections only. Either all
    /// of it takes effect or nothing does.
    ///
    /// # Errors
    ///
    /// Why it was refused.
    pub(crate) fn reload(self: &Rc<Self>) -> Result<Reloaded, ReloadError> {
        let (good, bad) = self.reloads.get();
        let result = self.try_reload();
        match &result {
            Ok(Reloaded { report, postponed }) => {
                self.reloads.set((good + 1, bad));
                event::warn_of(report);
                for key in postponed {
                    tracing::warn!("{key} has changed, which takes effect at the next restart");
                }
                tracing::info!("reloaded");
            }
            Err(error) => {
                self.reloads.set((good, bad + 1));
                tracing::error!("reload refused, the old configuration stays: {error}");
            }
        }
        result
    }

    fn try_reload(self: &Rc<Self>) -> Result<Reloaded, ReloadError> {
        let path: &Path = self.path.as_deref().ok_or(ReloadError::NoFile)?;
        if !self.is_ready() {
            return Err(ReloadError::System("the process is ending".to_owned()));
        }
        let old = self.plan();
        let (loaded, material) = material::load(path, Some(&old.material));
        let (Some(config), Some(material)) = (loaded.config, material) else {
            return Err(ReloadError::Config(loaded.report));
        };
        let workers = self.workers.borrow().len();
        let max_connections =
            descriptors::connections(&config, workers).map_err(ReloadError::System)?;
        rights::check(&config).map_err(ReloadError::System)?;
        let components = component::Spec::all(&config, &material);
        component::create_missing_keys(&components).map_err(ReloadError::System)?;
        let prepared = self.prepare_components(&components);
        prepared.map_err(ReloadError::System)?;
        let gateways = crate::low_bandwidth::Spec::all(&config, &material);
        let gateways = self.prepare_gateways(gateways);
        let gateways = gateways.map_err(ReloadError::System)?;
        let postponed = needs_restart(&old.config, &config);
        let plan = Arc::new(Plan::compile(
            config,
            Arc::new(material),
            workers,
            Some(&old),
        ));
        let change = self
            .sockets
            .borrow_mut()
            .prepare(&plan)
            .map_err(ReloadError::System)?;
        self.limits
            .set(max_connections, plan.config.limits.connections_per_client);
        if let Some(level) = &self.level {
            level.set(plan.config.log.level);
        }
        *self.plan.borrow_mut() = Arc::clone(&plan);
        self.apply(&plan, change);
        self.apply_components(&plan, components);
        self.apply_gateways(&plan, gateways);
        Ok(Reloaded {
            report: loaded.report,
            postponed,
        })
    }

    /// Puts `plan` into effect on every worker.
    fn apply(&self, plan: &Arc<Plan>, mut change: sockets::Change) {
        let tcp = TcpOptions::new(&plan.config.tcp);
        self.tell_own();
        let keep: HashMap<SocketId, Arc<Listener>> = change.keep;
        for worker in &*self.workers.borrow() {
            worker.send(Message::Apply {
                keep: keep.clone(),
                add: change.add.pop().unwrap_or_default(),
                peek_timeout: plan.config.limits.peek_timeout,
                handshake_timeout: plan.config.limits.handshake_timeout,
                tcp: tcp.clone(),
            });
        }
        let background = [
            spawn_local(upstream::keep_resolved(Arc::clone(plan))).abort_handle(),
            spawn_local(upstream::watch(Arc::clone(plan))).abort_handle(),
        ];
        // Ends by itself, when no connection of this plan is left.
        spawn_local(plan.material.keep_fresh());
        for old in self.background.replace(background.into()) {
            old.abort();
        }
        for new in change.opened {
            tracing::info!(listener = new.listener, address = new.address, "listening");
        }
        for gone in change.closed {
            tracing::info!(
                listener = gone.listener,
                address = gone.address,
                "no longer listening"
            );
        }
    }

    /// Says where the admin listener is.
    pub(crate) fn set_admin_address(&self, address: SocketAddr) {
        self.admin.set(Some(address));
        self.tell_own();
    }

    /// Tells the workers where the process waits.
    fn tell_own(&self) {
        let mut own = self.sockets.borrow().addresses();
        own.extend(self.admin.get());
        self.own.set(own);
    }

    /// Describes the live connections of all workers.
    pub(crate) async fn connections(&self) -> Vec<ConnectionView> {
        let answers: Vec<_> = self.ask(Message::Show);
        let mut all = Vec::new();
        for answer in answers {
            all.extend(answer.await.unwrap_or_default());
        }
        all
    }

    /// Ends live connections; answers how many.
    pub(crate) async fn stop(&self, which: &Selection, stop: Stop) -> usize {
        let answers = self.ask(|answer| Message::Stop {
            which: which.clone(),
            stop,
            answer,
        });
        let mut stopped = 0;
        for answer in answers {
            stopped += answer.await.unwrap_or(0);
        }
        stopped
    }

    /// Ends the process's work: closes the listeners, waits for connections to end up to
    /// `drain_timeout`, ends the others with FIN, writes their records. When `now` completes, it
    /// does not wait.
    pub(crate) async fn shut_down(&self, now: impl Future<Output = ()>) {
        self.ready.set(false);
        self.sockets.borrow_mut().close();
        let accepted = self.ask(Message::StopListening);
        let limit = self.plan().config.limits.drain_timeout;
        let connections = async {
            self.wait_for_connections(accepted, limit).await;
            let left = self.limits.connections();
            if left > 0 {
                tracing::info!(connections = left, "ending those that are left");
                self.say_farewell().await;
            }
        };
        let drain = async {
            tokio::join!(
                connections,
                self.leave_components(limit),
                self.leave_gateways(limit)
            )
        };
        tokio::select! {
            ((), (), ()) = drain => {}
            // Whoever takes it at once is told the end; workers write the records of those that
            // are left.
            () = now => {
                self.stop(&Selection::All, Stop::Shutdown).await;
                let left = self.leave_components(Duration::ZERO);
                let left = tokio::time::timeout(Duration::from_millis(20), left);
                let _ = tokio::join!(left, self.leave_gateways(Duration::ZERO));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        for task in self.background.take() {
            task.abort();
        }
        for done in self.ask(Message::Finish) {
            let _ = done.await;
        }
        for worker in &mut *self.workers.borrow_mut() {
            worker.join();
        }
        if let Some(mut components) = self.components.take() {
            let _ = components.ask(component::Message::Finish).await;
            components.join();
        }
        if let Some(access) = self.access.take() {
            access.finish();
        }
    }

    /// Ends every connection, also those that were accepted only now.
    async fn say_farewell(&self) {
        let start = Instant::now();
        while self.limits.connections() > 0 && start.elapsed() < FAREWELL {
            self.stop(&Selection::All, Stop::Shutdown).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until every connection has ended, for `limit` at most. A connection is counted only
    /// once a worker has taken it from the kernel, which is when `accepted` are answered.
    async fn wait_for_connections(&self, accepted: Vec<oneshot::Receiver<()>>, limit: Duration) {
        let ended = async {
            for answer in accepted {
                let _ = answer.await;
            }
            while self.limits.connections() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(limit, ended).await;
    }

    /// Sends every worker a request; the answers are still to be awaited.
    fn ask<T>(&self, message: impl Fn(oneshot::Sender<T>) -> Message) -> Vec<oneshot::Receiver<T>> {
        let workers = self.workers.borrow();
        workers.iter().map(|worker| worker.ask(&message)).collect()
    }
}

impl std::fmt::Display for ReloadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(report) => {
                let errors = report.errors().count();
                let s = if errors == 1 { "" } else { "s" };
                write!(f, "{errors} error{s} in the file\n{}", report.render(false))
            }
            Self::NoFile => f.write_str("the process was not started from a file"),
            Self::System(message) => f.write_str(message),
        }
    }
}

/// The keys whose change a reload cannot put into effect.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let mut keys = Vec::new();
    if old.runtime != new.runtime {
        keys.push("[runtime]");
    }
    if old.admin != new.admin {
        keys.push("[admin]");
    }
    if (&old.log.access, old.log.format) != (&new.log.access, new.log.format) {
        keys.push("log.access or log.format");
    }
    keys
}

/// How an address is shown: as it can be written into the configuration. `local` is what the kernel
/// made of it.
fn shown(local: Option<SocketAddr>, bind: &Bind) -> String {
    match (local, bind) {
        (Some(address), _) => address.to_string(),
        (None, Bind::Tcp(address)) => address.to_string(),
        (None, Bind::Unix(path)) => format!("unix:{}", path.display()),
    }
}
