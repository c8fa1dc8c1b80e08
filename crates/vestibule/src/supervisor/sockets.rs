//! The listening sockets of the process. They are made here, lent to the workers, and kept over
//! reloads as long as the configuration names their address.

use std::{collections::HashMap, io, net::SocketAddr, sync::Arc};

use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use vestibule_config::{Bind, Interception};

use super::{Listening, shown};
use crate::{
    plan::{Listener, Plan},
    sys::{SocketFile, TcpOptions, listen_unix},
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
    /// What the kernel says of a TCP address; differs from `bind` when that asks for port 0.
    local: Option<SocketAddr>,
    /// One per worker for TCP (SO_REUSEPORT), one for all for unix.
    sockets: Vec<RawSocket>,
    /// A unix socket's file, which goes with it.
    _file: Option<SocketFile>,
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
        let tcp = TcpOptions::new(&plan.config.tcp);
        let mut change = Change {
            add: (0..self.workers).map(|_| Vec::new()).collect(),
            ..Change::default()
        };
        let mut fresh = Vec::new();
        let mut problems = Vec::new();
        for listener in &plan.listeners {
            for bind in &listener.bind {
                if let Some(known) = self.known(bind, &listener.name, &change.keep) {
                    change.keep.insert(known.id, Arc::clone(listener));
                    // Taken back only when nothing can go wrong any more.
                    if listener.transparent.is_some()
                        && let Err(error) = known.intercept(listener)
                    {
                        problems.push(cannot_intercept(listener, bind, &error));
                    }
                    continue;
                }
                match self.open(bind, listener, &tcp, &mut change.add) {
                    Ok(bound) => fresh.push(bound),
                    Err(error) if is_missing_ipv6(&error, bind) && listener.bind.len() > 1 => {
                        tracing::warn!(listener = listener.name, "this system has no IPv6");
                    }
                    Err(error) => problems.push(format!(
                        "listener \"{}\" cannot listen on {}: {error}",
                        listener.name,
                        shown(None, bind)
                    )),
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems.join("\n"));
        }
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.bound)
            .into_iter()
            .partition(|bound| change.keep.contains_key(&bound.id));
        self.bound = kept;
        for bound in &mut self.bound {
            if let Some(listener) = change.keep.get(&bound.id) {
                bound.listener.clone_from(&listener.name);
                // Was tried before, or asks for nothing that could be refused.
                let _ = bound.intercept(listener);
            }
        }
        change.closed = gone.iter().map(Bound::listening).collect();
        change.opened = fresh.iter().map(Bound::listening).collect();
        self.bound.extend(fresh);
        self.set_options(&tcp);
        Ok(change)
    }

    /// Every listening address.
    pub(super) fn listening(&self) -> Vec<Listening> {
        self.bound.iter().map(Bound::listening).collect()
    }

    /// Every TCP address that is listened on.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.bound.iter().filter_map(|bound| bound.local).collect()
    }

    /// Sets the options that accepted TCP connections inherit.
    fn set_options(&self, tcp: &TcpOptions) {
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
        self.bound.clear();
    }

    /// The socket we have for this address. With port 0 the listener's name decides, because each
    /// listener has a port of its own.
    fn known(
        &self,
        bind: &Bind,
        listener: &str,
        taken: &HashMap<SocketId, Arc<Listener>>,
    ) -> Option<&Bound> {
        let any_port = matches!(bind, Bind::Tcp(address) if address.port() == 0);
        self.bound
            .iter()
            .filter(|bound| !taken.contains_key(&bound.id))
            .find(|bound| bound.bind == *bind && (!any_port || bound.listener == listener))
    }

    /// Binds an address and adds what is lent to each worker to its list.
    fn open(
        &mut self,
        bind: &Bind,
        listener: &Arc<Listener>,
        tcp: &TcpOptions,
        add: &mut [Vec<(SocketId, Socket, Arc<Listener>)>],
    ) -> io::Result<Bound> {
        self.next_id += 1;
        let mut bound = Bound {
            id: SocketId(self.next_id),
            bind: bind.clone(),
            listener: listener.name.clone(),
            local: None,
            sockets: Vec::new(),
            _file: None,
        };
        match bind {
            Bind::Tcp(address) => {
                bound.sockets = self.bind_tcp(*address, tcp)?;
                bound.local = bound.sockets[0].local_addr()?.as_socket();
            }
            Bind::Unix(path) => {
                let (socket, file) = listen_unix(path, UNIX_MODE)?;
                bound.sockets.push(socket.into());
                bound._file = Some(file);
            }
        }
        bound.intercept(listener).map_err(|error| {
            let words = format!("{error}: `transparent` needs CAP_NET_ADMIN for TPROXY");
            io::Error::new(error.kind(), words)
        })?;
        for (worker, add) in add.iter_mut().enumerate() {
            add.push((bound.id, bound.lend(worker)?, Arc::clone(listener)));
        }
        Ok(bound)
    }

    fn bind_tcp(&self, address: SocketAddr, tcp: &TcpOptions) -> io::Result<Vec<RawSocket>> {
        let ours = self.bound.iter().filter_map(|bound| bound.local);
        // SO_REUSEPORT would let a second process take a share of our connections, and us of
        // another's. A socket without it finds out whether there is one.
        if address.port() != 0 && !ours.into_iter().any(|ours| overlap(ours, address)) {
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
            transport: match self.bind {
                Bind::Tcp(_) => "tcp",
                Bind::Unix(_) => "unix",
            },
            address: shown(self.local, &self.bind),
        }
    }

    /// Lets connections come in that are meant for others, if `listener` wants them.
    fn intercept(&self, listener: &Listener) -> io::Result<()> {
        for socket in &self.sockets {
            let Some(address) = self.local else {
                continue;
            };
            let wanted = matches!(
                listener.transparent,
                Some(Interception::Any | Interception::Tproxy)
            );
            let set = match address {
                SocketAddr::V4(_) => socket.set_ip_transparent_v4(wanted),
                SocketAddr::V6(_) => socket.set_ip_transparent_v6(wanted),
            };
            match (set, listener.transparent) {
                (Err(error), Some(Interception::Any)) => {
                    tracing::warn!(
                        %error,
                        listener = listener.name,
                        "only connections that are redirected can be intercepted: TPROXY needs \
                         CAP_NET_ADMIN"
                    );
                    return Ok(());
                }
                (set, _) => set?,
            }
        }
        Ok(())
    }

    fn lend(&self, worker: usize) -> io::Result<Socket> {
        let socket = self.sockets[worker % self.sockets.len()].try_clone()?;
        Ok(match self.bind {
            Bind::Tcp(_) => Socket::Tcp(socket.into()),
            Bind::Unix(_) => Socket::Unix(socket.into()),
        })
    }
}

/// A bound TCP socket that does not listen yet. `[::]` is IPv6 only.
pub(crate) fn tcp_socket(address: SocketAddr, reuse_port: bool) -> io::Result<RawSocket> {
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

fn cannot_intercept(listener: &Listener, bind: &Bind, error: &io::Error) -> String {
    format!(
        "listener \"{}\" cannot intercept on {}: {error}: `transparent` needs CAP_NET_ADMIN for \
         TPROXY",
        listener.name,
        shown(None, bind)
    )
}

/// Whether a connection could come to both.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port()
        && one.is_ipv4() == other.is_ipv4()
        && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}

/// Whether binding failed because the system does without IPv6.
fn is_missing_ipv6(error: &io::Error, bind: &Bind) -> bool {
    error.raw_os_error() == Some(libc::EAFNOSUPPORT)
        && matches!(bind, Bind::Tcp(address) if address.is_ipv6() && address.ip().is_unspecified())
}

#[cfg(test)]
mod tests;
