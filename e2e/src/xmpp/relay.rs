use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Carries connections to one address, until it is told to fail.
#[derive(Debug)]
pub struct Relay {
    address: Option<SocketAddr>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    swallows: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

/// One end of a connection, whichever kind it is.
trait Stream: Read + Write + Send + Sized + 'static {
    fn twin(&self) -> Self;
    fn end(&self);
}

impl Relay {
    /// Listens on a port of 127.0.0.1.
    pub fn to(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the address of a listener");
        let shared = Shared::new(upstream);
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for client in listener.incoming().map_while(Result::ok) {
                    let _ = client.set_nodelay(true);
                    shared.keep(&client);
                    shared.carry(client);
                }
            }
        });
        Self {
            address: Some(address),
            shared,
        }
    }

    /// Listens on a unix socket.
    pub fn unix(path: &Path, upstream: SocketAddr) -> Self {
        let listener = UnixListener::bind(path).expect("a free path");
        let shared = Shared::new(upstream);
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for client in listener.incoming().map_while(Result::ok) {
                    shared.carry(client);
                }
            }
        });
        Self {
            address: None,
            shared,
        }
    }

    /// Where it listens, if that is a port.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        self.address.expect("a relay that listens on a port")
    }

    /// From now on everything is read and nothing is passed on, in both directions: to either end it
    /// is as if the other one were far away and silent.
    pub fn swallow(&self) {
        self.shared.swallows.store(true, Ordering::SeqCst);
    }

    /// Ends every connection.
    pub fn cut(&self) {
        let mut connections = self.shared.connections();
        for connection in connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn new(upstream: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            upstream,
            swallows: AtomicBool::new(false),
            connections: Mutex::default(),
        })
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        let connections = self.connections.lock();
        connections.unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers an end of a connection, to be able to cut it.
    fn keep(&self, stream: &TcpStream) {
        self.connections().extend(stream.try_clone());
    }

    fn carry(self: &Arc<Self>, client: impl Stream) {
        let Ok(server) = TcpStream::connect(self.upstream) else {
            client.end();
            return;
        };
        let _ = server.set_nodelay(true);
        self.keep(&server);
        let (client_twin, server_twin) = (client.twin(), server.twin());
        let shared = Arc::clone(self);
        thread::spawn(move || shared.copy(client, server));
        let shared = Arc::clone(self);
        thread::spawn(move || shared.copy(server_twin, client_twin));
    }

    fn copy(&self, mut from: impl Stream, mut to: impl Stream) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if !self.swallows.load(Ordering::SeqCst) && to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        if !self.swallows.load(Ordering::SeqCst) {
            from.end();
            to.end();
        }
    }
}

impl Stream for TcpStream {
    fn twin(&self) -> Self {
        self.try_clone().expect("a descriptor")
    }

    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Stream for UnixStream {
    fn twin(&self) -> Self {
        self.try_clone().expect("a descriptor")
    }

    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}
