use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use crate::PATIENCE;

/// A server behind Vestibule, in the test's own process. It stops listening when dropped.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Origin {
    /// Answers every byte with itself, and FIN with FIN.
    pub fn echo() -> Self {
        Self::echo_at(loopback())
    }

    /// As [`Self::echo`], at this address.
    pub fn echo_at(address: SocketAddr) -> Self {
        Self::serve_at(address, |mut stream| echo(&mut stream))
    }

    /// Says `greeting` at once and closes.
    pub fn greeting(greeting: &'static str) -> Self {
        Self::serve_at(loopback(), move |mut stream| {
            let _ = stream.write_all(greeting.as_bytes());
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        })
    }

    /// Hands each connection to the test.
    pub fn hand_over() -> (Self, Connections) {
        let (sender, receiver) = channel();
        let sender = Sender::clone(&sender);
        let origin = Self::serve_at(loopback(), move |stream| {
            let _ = sender.send(stream);
        });
        (origin, Connections(receiver))
    }

    /// Calls `serve` for each connection, in a thread of its own.
    pub fn serve(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> Self {
        Self::serve_at(loopback(), serve)
    }

    fn serve_at(address: SocketAddr, serve: impl Fn(TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind(address)
            .unwrap_or_else(|error| panic!("cannot listen on {address}: {error}"));
        let address = listener.local_addr().expect("the address of a listener");
        let accepted = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let acceptor = thread::spawn({
            let (accepted, stopping) = (Arc::clone(&accepted), Arc::clone(&stopping));
            move || {
                for stream in listener.incoming() {
                    if stopping.load(Ordering::SeqCst) {
                        return;
                    }
                    let stream = stream.expect("accepting on loopback");
                    stream.set_nodelay(true).expect("TCP_NODELAY");
                    accepted.fetch_add(1, Ordering::SeqCst);
                    let serve = serve.clone();
                    thread::spawn(move || serve(stream));
                }
            }
        });
        Self {
            address,
            accepted,
            stopping,
            acceptor: Some(acceptor),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Connections that an origin has accepted.
#[derive(Debug)]
pub struct Connections(Receiver<TcpStream>);

impl Connections {
    /// The next one.
    #[track_caller]
    pub fn accept(&self) -> TcpStream {
        let stream = self.0.recv_timeout(PATIENCE).expect("a connection to come");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time that is not 0");
        stream
    }

    /// Whether none has come.
    pub fn is_empty(&self) -> bool {
        self.0.try_recv().is_err()
    }
}

/// Answers every byte with itself, and FIN with FIN.
pub(crate) fn echo(stream: &mut TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => {
                if stream.write_all(&buffer[..n]).is_err() {
                    return;
                }
            }
        }
    }
}

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}
