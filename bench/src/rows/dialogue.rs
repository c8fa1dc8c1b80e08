use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::Error;
use crate::load::{Meter, Progress, client_error};
use crate::system::Poller;

/// So many connections are under way at once.
const CONCURRENT: usize = 32;

/// The client's side of a connection.
pub(super) trait Dialogue {
    /// What the client sends first.
    fn opening(&self) -> &[u8];

    /// Takes what has arrived and appends what is to be sent.
    ///
    /// # Errors
    ///
    /// When it is not what it should be.
    fn handle_bytes(&mut self, received: &[u8], send: &mut Vec<u8>) -> Result<Step, Error>;

    /// The other side has closed, which completes a unit of work.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] when it is too early.
    fn handle_end(&self) -> Result<(), Error>;
}

/// How far a dialogue has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A unit of work is done and the connection stays open.
    Done,
    Wait,
}

/// Has 32 dialogues at once until the meter says stop. A connection that ends makes place for the
/// next one.
///
/// # Errors
///
/// The first one that a connection meets.
pub(super) fn repeat<D: Dialogue>(
    address: SocketAddr,
    meter: &Meter,
    dialogue: impl Fn() -> D,
) -> Result<(), Error> {
    let mut poller = Poller::new().map_err(client_error)?;
    let mut clients = Vec::with_capacity(CONCURRENT);
    for token in 0..CONCURRENT {
        clients.push(connect(address, dialogue(), &poller, token)?);
    }

    let mut ready = Vec::new();
    let mut progress = Progress::new();
    let mut buffer = [0; 1024];
    let mut send = Vec::new();
    while !meter.is_stopped() {
        ready.clear();
        poller
            .wait(&mut ready, Duration::from_millis(100))
            .map_err(client_error)?;
        progress.check(!ready.is_empty())?;
        for &token in &ready {
            let (socket, state) = &mut clients[token];
            let length = socket.read(&mut buffer).map_err(client_error)?;
            if length == 0 {
                state.handle_end()?;
                meter.add(1);
                clients[token] = connect(address, dialogue(), &poller, token)?;
                continue;
            }
            send.clear();
            if state.handle_bytes(&buffer[..length], &mut send)? == Step::Done {
                meter.add(1);
            }
            if !send.is_empty() {
                socket.write_all(&send).map_err(client_error)?;
            }
        }
    }
    Ok(())
}

fn connect<D: Dialogue>(
    address: SocketAddr,
    dialogue: D,
    poller: &Poller,
    token: usize,
) -> Result<(TcpStream, D), Error> {
    let mut socket = TcpStream::connect(address).map_err(client_error)?;
    socket.write_all(dialogue.opening()).map_err(client_error)?;
    poller.add(&socket, token).map_err(client_error)?;
    Ok((socket, dialogue))
}
