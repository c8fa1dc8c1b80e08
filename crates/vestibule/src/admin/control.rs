//! The control socket: one JSON request a line, one JSON answer a line. A unix socket with mode
//! 0600, because it changes state and shows client addresses.

use std::{
    io,
    io::{BufRead, BufReader, Write},
    os::unix::net::{UnixListener as StdListener, UnixStream as StdStream},
    path::Path,
    rc::Rc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncBufReader},
    net::{UnixListener, UnixStream},
    task::spawn_local,
};

use crate::{
    component,
    ending::Stop,
    low_bandwidth::meters::{AssociationView, UserView, count_associations},
    supervisor::Supervisor,
    sys::{SocketFile, listen_unix},
    worker::{ConnId, ConnectionView, Selection},
};

/// The longest request, in bytes.
const LONGEST: u64 = 64 * 1024;

/// How long the client of the control socket waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The answer when a worker of a gateway does not describe its associations in time.
const SILENT: &str = "the low bandwidth gateways do not answer";

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// End the live connections of a service, whatever configuration they started with.
    Drain { service: String, after_ms: u64 },
    /// End these connections.
    Kill { ids: Vec<String> },
    /// Read the configuration again.
    Reload,
    /// Describe associations of low bandwidth gateways.
    ShowAssociations,
    /// Describe live connections.
    ShowConnections,
    /// Describe listening addresses.
    ShowListeners,
    /// Describe components and the resources that they ask.
    ShowResources,
    /// Describe services and their targets.
    ShowServices,
    /// Describe users of low bandwidth gateways.
    ShowUsers,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Associations of low bandwidth gateways.
    Associations { associations: Vec<AssociationView> },
    /// Components and the resources that they ask.
    Components { components: Vec<ComponentView> },
    /// Live connections.
    Connections { connections: Vec<ConnectionView> },
    /// The request was understood but not carried out.
    Failed { message: String },
    /// Listening addresses.
    Listeners { listeners: Vec<ListenerView> },
    /// The configuration was read again. `report` holds warnings, `postponed` the keys whose change
    /// takes effect at the next restart.
    Reloaded {
        report: String,
        postponed: Vec<String>,
    },
    /// Services and their targets.
    Services { services: Vec<ServiceView> },
    /// So many connections were told to end.
    Stopping { connections: usize },
    /// Users of low bandwidth gateways.
    Users { users: Vec<UserView> },
}

/// What `show listeners` says of an address.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ListenerView {
    pub(crate) listener: String,
    /// `tcp`, `udp` or `unix`.
    pub(crate) transport: String,
    pub(crate) address: String,
}

/// What `show resources` says of a component.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ComponentView {
    pub(crate) domain: String,
    pub(crate) server: String,
    /// `connected` or `connecting`.
    pub(crate) state: String,
    /// Why it is not connected.
    pub(crate) reason: Option<String>,
    /// Requests that wait for their answers.
    pub(crate) pending: usize,
    pub(crate) targets: Vec<TargetView>,
    pub(crate) resources: Vec<ResourceView>,
}

/// What `show resources` says of an account.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TargetView {
    pub(crate) jid: String,
    pub(crate) subscription: String,
}

/// What `show resources` says of a resource.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ResourceView {
    pub(crate) jid: String,
    pub(crate) priority: i8,
    /// `away`, `chat`, `dnd` or `xa`; empty where nothing is said.
    pub(crate) show: String,
    /// Whether it may be asked now.
    pub(crate) eligible: bool,
    /// Whether it has let its last requests time out.
    pub(crate) suspect: bool,
    /// Requests that it has not answered yet.
    pub(crate) outstanding: usize,
    /// Requests that it was given.
    pub(crate) asked: u64,
}

impl From<component::ComponentView> for ComponentView {
    fn from(view: component::ComponentView) -> Self {
        let targets = view.targets.into_iter().map(|target| TargetView {
            jid: target.jid,
            subscription: target.subscription.name().to_owned(),
        });
        let resources = view.resources.into_iter().map(|resource| ResourceView {
            jid: resource.jid,
            priority: resource.priority,
            show: resource.show,
            eligible: resource.is_eligible,
            suspect: resource.is_suspect,
            outstanding: resource.outstanding,
            asked: resource.asked,
        });
        let state = match view.is_connected {
            true => "connected",
            false => "connecting",
        };
        Self {
            domain: view.domain,
            server: view.server,
            state: state.to_owned(),
            reason: view.reason,
            pending: view.pending,
            targets: targets.collect(),
            resources: resources.collect(),
        }
    }
}

/// What `show services` says of a service.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServiceView {
    pub(crate) service: String,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) upstreams: Vec<UpstreamView>,
}

/// What `show services` says of a target.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct UpstreamView {
    pub(crate) upstream: String,
    pub(crate) up: bool,
    pub(crate) active: usize,
    pub(crate) total: u64,
    pub(crate) connect_errors: u64,
}

/// The control socket, bound but not served yet.
pub(crate) struct Socket {
    listener: StdListener,
    file: SocketFile,
}

/// Binds the control socket, for the owner only.
///
/// # Errors
///
/// When it cannot be bound, or another process listens on it.
pub(crate) fn bind(path: &Path) -> io::Result<Socket> {
    let (listener, file) = listen_unix(path, 0o600)?;
    Ok(Socket { listener, file })
}

/// Serves the control socket until the runtime ends. Answers its file, which is removed when
/// dropped.
///
/// # Errors
///
/// When the runtime cannot watch the socket.
pub(crate) fn serve(supervisor: Rc<Supervisor>, socket: Socket) -> io::Result<SocketFile> {
    let listener = UnixListener::from_std(socket.listener)?;
    spawn_local(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    spawn_local(converse(Rc::clone(&supervisor), stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept on the control socket");
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
            }
        }
    });
    Ok(socket.file)
}

/// Asks the process whose control socket is at `path`.
///
/// # Errors
///
/// When nobody listens there or the answer does not come.
pub(crate) fn ask(path: &Path, request: &Request) -> io::Result<Answer> {
    let mut stream = StdStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

async fn converse(supervisor: Rc<Supervisor>, stream: UnixStream) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = AsyncBufReader::new(reader);
    loop {
        let mut line = String::new();
        match (&mut reader).take(LONGEST).read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        // What comes behind a line that is too long is not the beginning of another.
        let too_long = line.len() as u64 == LONGEST && !line.ends_with('\n');
        let answer = match serde_json::from_str(&line) {
            _ if too_long => failed(format!("a request has at most {LONGEST} bytes")),
            Ok(request) => carry_out(&supervisor, request).await,
            Err(error) => failed(format!("this is no request: {error}")),
        };
        // Serializing these types cannot fail.
        let mut answer = serde_json::to_vec(&answer).unwrap_or_default();
        answer.push(b'\n');
        if writer.write_all(&answer).await.is_err() || too_long {
            return;
        }
    }
}

async fn carry_out(supervisor: &Rc<Supervisor>, request: Request) -> Answer {
    match request {
        Request::Drain { service, after_ms } => drain(supervisor, service, after_ms).await,
        Request::Kill { ids } => kill(supervisor, &ids).await,
        Request::Reload => match supervisor.reload() {
            Ok(reloaded) => Answer::Reloaded {
                report: reloaded.report.render(false),
                postponed: reloaded.postponed.iter().map(ToString::to_string).collect(),
            },
            Err(error) => failed(error.to_string()),
        },
        Request::ShowAssociations => match supervisor.associations().await {
            Ok(associations) => Answer::Associations { associations },
            Err(_) => failed(SILENT),
        },
        Request::ShowConnections => Answer::Connections {
            connections: supervisor.connections().await,
        },
        Request::ShowListeners => Answer::Listeners {
            listeners: supervisor
                .listening()
                .into_iter()
                .chain(supervisor.gateways_listening())
                .map(|listening| ListenerView {
                    listener: listening.listener,
                    transport: listening.transport.to_owned(),
                    address: listening.address,
                })
                .collect(),
        },
        Request::ShowResources => match supervisor.components().await {
            Ok(views) => Answer::Components {
                components: views.into_iter().map(Into::into).collect(),
            },
            Err(unanswered) => failed(unanswered.to_string()),
        },
        Request::ShowServices => Answer::Services {
            services: services(supervisor),
        },
        Request::ShowUsers => match supervisor.associations().await {
            Ok(associations) => {
                let mut users = supervisor.users();
                count_associations(&mut users, &associations);
                Answer::Users { users }
            }
            Err(_) => failed(SILENT),
        },
    }
}

async fn kill(supervisor: &Supervisor, ids: &[String]) -> Answer {
    let wanted = match ids.iter().map(|id| id.parse::<ConnId>()).collect() {
        Ok(wanted) => wanted,
        Err(message) => return Answer::Failed { message },
    };
    let live = supervisor.connections().await;
    let gone: Vec<_> = ids
        .iter()
        .filter(|id| !live.iter().any(|c| c.id == **id))
        .map(String::as_str)
        .collect();
    let connections = supervisor.stop(&Selection::Ids(wanted), Stop::Killed).await;
    match gone.is_empty() {
        true => Answer::Stopping { connections },
        false => failed(format!(
            "there is no connection {} (ending {connections} others)",
            gone.join(", ")
        )),
    }
}

async fn drain(supervisor: &Rc<Supervisor>, service: String, after_ms: u64) -> Answer {
    let live = supervisor.connections().await;
    let ids: Vec<ConnId> = live
        .iter()
        .filter(|c| c.service.as_deref() == Some(&service))
        .filter_map(|c| c.id.parse().ok())
        .collect();
    if ids.is_empty() && supervisor.plan().service(&service).is_none() {
        return failed(format!(
            "there is no service \"{service}\", and no live connection of a former one"
        ));
    }
    if after_ms == 0 {
        let which = Selection::Service(service);
        return Answer::Stopping {
            connections: supervisor.stop(&which, Stop::Drained).await,
        };
    }
    let connections = ids.len();
    let supervisor = Rc::clone(supervisor);
    spawn_local(async move {
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        // Not those that have come since: a new configuration may be meant for them.
        let which = Selection::Ids(ids);
        supervisor.stop(&which, Stop::Drained).await;
    });
    Answer::Stopping { connections }
}

fn services(supervisor: &Supervisor) -> Vec<ServiceView> {
    let plan = supervisor.plan();
    let services = plan.services.iter();
    services
        .map(|service| ServiceView {
            service: service.name().to_owned(),
            bytes_in: service.stats.received.value(),
            bytes_out: service.stats.sent.value(),
            upstreams: service
                .targets
                .iter()
                .map(|target| UpstreamView {
                    upstream: target.label.clone(),
                    up: target.is_up(),
                    active: target.active(),
                    total: target.stats.total.value(),
                    connect_errors: target.stats.connect_errors.value(),
                })
                .collect(),
        })
        .collect()
}

fn failed(message: impl Into<String>) -> Answer {
    Answer::Failed {
        message: message.into(),
    }
}
