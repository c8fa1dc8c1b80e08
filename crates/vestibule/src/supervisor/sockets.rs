//! The listening sockets of the process. They are made here, lent to the workers, and kept over
//! reloads as long as the configuration names their address.

use std::{
    collections::HashMap,
    fs, io,
    net::SocketAddr,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::Arc,
};

use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use vestibule_config::Bind;

use super::{Listening, shown};
use crate::{
    addr::Endpoint,
    plan::{Listener, Plan},
    sys::TcpOptions,
    worker::{Socket, SocketId},
};

/// Connections that the kernel may hold for each socket before they are accepted; the kernel's own
/// limit (`net.core.somaxconn`) may be smaller.
const BACKLOG: i32 = 4096;

/// Unix sockets are for the owner and the group: whoever may connect is trusted.
const UNIX_MODE: u32 = 0o660;

/// All listening sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    workers: usize,
    next_id: u64,
    bound: Vec<Bound>,
}

/// One listening address.
#[derive(Debug)]
struct Bound {
    id: SocketId,
    bind: Bind,
    listener: String,
    /// What the kernel says; differs from `bind` when that asks for port 0.
    endpoint: Endpoint,
    /// One per worker for TCP (SO_REUSEPORT), one for all for unix.
    sockets: Vec<RawSocket>,
    /// Device and inode of a unix socket's file, so that only our own is removed.
    file: Option<(u64, u64)>,
}

/// What a new plan changes.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// Sockets that stay, with their new policy.
    pub(super) keep: HashMap<SocketId, Arc<Listener>>,
    /// Sockets that are new: a list for each worker.
    pub(super) add: Vec<Vec<(SocketId, Socket, Arc<Listener>)>>,
    pub(super) opened: Vec<Listening>,
    pub(super) closed: Vec<Listening>,
}

impl Sockets {
    /// No sockets.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            workers,
            next_id: 0,
            bound: Vec::new(),
        }
    }

    /// Makes the sockets that `plan` has and we have not, and lets go of those that it has not.
    ///
    /// # Errors
    ///
    /// Every address that cannot be bound, with a reason each; nothing has changed then.
    pub(super) fn prepare(&mut self, plan: &Plan) -> Result<Change, String> {
        let mut change = Change {
            add: (0..self.workers).map(|_| Vec::new()).collect(),
            ..Change::default()
        };
        let tcp = TcpOptions::new(&plan.config.tcp);
        let mut fresh = Vec::new();
        let mut problems = Vec::new();
        for listener in &plan.listeners {
            for bind in &listener.bind {
                if let Some(known) = self.known(bind, &listener.name, &change.keep) {
                    change.keep.insert(known, Arc::clone(listener));
                    continue;
                }
                match self.bind(bind, &listener.name, &tcp) {
                    Ok(bound) => fresh.push((bound, Arc::clone(listener))),
                    Err(error) => problems.push(format!(
                        "listener \"{}\" cannot listen on {}: {error}",
                        listener.name,
                        shown(Endpoint::Unix, bind)
                    )),
                }
            }
        }
        if !problems.is_empty() {
            for (bound, _) in &fresh {
                bound.remove_file();
            }
            return Err(problems.join("\n"));
        }
        for bound in &mut self.bound {
            if let Some(listener) = change.keep.get(&bound.id) {
                bound.listener.clone_from(&listener.name);
            }
        }
        let keep = &change.keep;
        let (kept, gone) = std::mem::take(&mut self.bound)
            .into_iter()
            .partition(|bound| keep.contains_key(&bound.id));
        self.bound = kept;
        for bound in Vec::from_iter(gone) {
            change.closed.push(bound.listening());
            bound.remove_file();
        }
        for (bound, listener) in fresh {
            for (worker, add) in change.add.iter_mut().enumerate() {
                let lent = bound
                    .lend(worker)
                    .map_err(|error| format!("cannot lend a socket to a worker: {error}"))?;
                add.push((bound.id, lent, Arc::clone(&listener)));
            }
            change.opened.push(bound.listening());
            self.bound.push(bound);
        }
        Ok(change)
    }

    /// Every listening address.
    pub(super) fn listening(&self) -> Vec<Listening> {
        self.bound.iter().map(Bound::listening).collect()
    }

    /// Sets the options that accepted TCP connections inherit.
    pub(super) fn set_options(&self, tcp: &TcpOptions) {
        for bound in self.bound.iter().filter(|b| matches!(b.bind, Bind::Tcp(_))) {
            for socket in &bound.sockets {
                if let Err(error) = tcp.apply(socket) {
                    tracing::warn!(%error, listener = bound.listener, "cannot set [tcp] options");
                }
            }
        }
    }

    /// Lets go of all sockets; the workers still hold theirs.
    pub(super) fn close(&mut self) {
        for bound in self.bound.drain(..) {
            bound.remove_file();
        }
    }

    /// The socket we have for this address. With port 0 the listener's name decides, because each
    /// listener has a port of its own.
    fn known(
        &self,
        bind: &Bind,
        listener: &str,
        taken: &HashMap<SocketId, Arc<Listener>>,
    ) -> Option<SocketId> {
        let any_port = matches!(bind, Bind::Tcp(address) if address.port() == 0);
        self.bound
            .iter()
            .filter(|bound| !taken.contains_key(&bound.id))
            .find(|bound| bound.bind == *bind && (!any_port || bound.listener == listener))
            .map(|bound| bound.id)
    }

    fn bind(&mut self, bind: &Bind, listener: &str, tcp: &TcpOptions) -> io::Result<Bound> {
        let (sockets, endpoint, file) = match bind {
            Bind::Tcp(address) => {
                let sockets = self.bind_tcp(*address, tcp)?;
                let endpoint = sockets[0]
                    .local_addr()?
                    .as_socket()
                    .map_or(Endpoint::Unix, Endpoint::Ip);
                (sockets, endpoint, None)
            }
            Bind::Unix(path) => {
                let (socket, file) = bind_unix(path)?;
                (vec![socket], Endpoint::Unix, Some(file))
            }
        };
        self.next_id += 1;
        Ok(Bound {
            id: SocketId(self.next_id),
            bind: bind.clone(),
            listener: listener.to_owned(),
            endpoint,
            sockets,
            file,
        })
    }

    fn bind_tcp(&self, address: SocketAddr, tcp: &TcpOptions) -> io::Result<Vec<RawSocket>> {
        let ours = self.bound.iter().any(|bound| {
            bound
                .endpoint
                .socket_addr()
                .is_some_and(|bound| bound.port() == address.port())
        });
        // SO_REUSEPORT would let a second process take a share of our connections, and us of
        // another's. A socket without it finds out whether there is one.
        if !ours && address.port() != 0 {
            tcp_socket(address, false)?;
        }
        let mut address = address;
        let mut sockets = Vec::with_capacity(self.workers);
        for _ in 0..self.workers {
            let socket = tcp_socket(address, true)?;
            tcp.apply(&socket)?;
            if let Some(bound) = socket.local_addr()?.as_socket() {
                address.set_port(bound.port());
            }
            sockets.push(socket);
        }
        for socket in &sockets {
            socket.listen(BACKLOG)?;
        }
        Ok(sockets)
    }
}

impl Bound {
    fn listening(&self) -> Listening {
        Listening {
            listener: self.listener.clone(),
            address: shown(self.endpoint, &self.bind),
        }
    }

    fn lend(&self, worker: usize) -> io::Result<Socket> {
        let socket = self.sockets[worker % self.sockets.len()].try_clone()?;
        Ok(match self.bind {
            Bind::Tcp(_) => Socket::Tcp(socket.into()),
            Bind::Unix(_) => Socket::Unix(socket.into()),
        })
    }

    fn remove_file(&self) {
        if let (Bind::Unix(path), Some(file)) = (&self.bind, self.file)
            && fs::symlink_metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == file)
        {
            let _ = fs::remove_file(path);
        }
    }
}

fn tcp_socket(address: SocketAddr, reuse_port: bool) -> io::Result<RawSocket> {
    let domain = Domain::for_address(address);
    let socket = RawSocket::new(
        domain,
        Type::STREAM.nonblocking().cloexec(),
        Some(Protocol::TCP),
    )?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    // Connections of an earlier process in TIME_WAIT must not keep us from starting.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(reuse_port)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A listening unix socket, and its file's device and inode.
fn bind_unix(path: &Path) -> io::Result<(RawSocket, (u64, u64))> {
    remove_stale(path)?;
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    fs::set_permissions(path, fs::Permissions::from_mode(UNIX_MODE))?;
    let found = fs::symlink_metadata(path)?;
    Ok((RawSocket::from(listener), (found.dev(), found.ino())))
}

/// Removes the file of a socket on which nobody listens any more.
///
/// # Errors
///
/// When somebody does, or the file is no socket.
pub(crate) fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file of that name which is not a socket",
        ));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another process listens on it",
        )),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
