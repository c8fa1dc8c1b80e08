use std::net::SocketAddr;

use super::dialogue::{self, Dialogue, Step};
use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::http::{expect_ok, head_length};
use crate::load::{Load, MESSAGE, REQUEST};
use crate::origin::Behaviour;
use crate::peers::Service;

/// A client asks by CONNECT for a tunnel to the origin's address, without credentials. Through it
/// go a message of 64 bytes and an answer, then the origin closes.
pub(super) struct Connect;

impl Row for Connect {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let address = target.address;
        let request = target.process.map(|_| request(target.origin));
        let load = Load::start(1, move |meter| {
            dialogue::repeat(address, meter, || Tunnel::new(request.as_deref()))
        });
        let observed = window.observe(load, target)?;
        Ok(observed.sample(1e6, 1.0, observed.done.units))
    }

    fn id(&self) -> &'static str {
        "connect"
    }

    fn title(&self) -> &'static str {
        "short connections, HTTP CONNECT"
    }

    fn cost_unit(&self) -> &'static str {
        "CPU µs/connection"
    }

    fn beside_unit(&self) -> &'static str {
        "connections/s"
    }

    fn behaviour(&self, _direct: bool) -> Behaviour {
        Behaviour::Answer
    }

    fn service(&self) -> Service {
        Service::Connect
    }
}

fn request(origin: SocketAddr) -> Vec<u8> {
    format!("CONNECT {origin} HTTP/1.1\r\nHost: {origin}\r\n\r\n").into_bytes()
}

/// A connection to the origin by way of a proxy, or directly.
struct Tunnel<'a> {
    /// What asks for it; absent without a proxy.
    request: Option<&'a [u8]>,
    state: State,
}

enum State {
    /// Waits for the proxy's answer.
    Asked(Vec<u8>),
    /// So much of the origin's answer has come.
    Open(usize),
}

impl<'a> Tunnel<'a> {
    fn new(request: Option<&'a [u8]>) -> Self {
        let state = match request {
            Some(_) => State::Asked(Vec::new()),
            None => State::Open(0),
        };
        Self { request, state }
    }
}

impl Dialogue for Tunnel<'_> {
    fn opening(&self) -> &[u8] {
        self.request.unwrap_or(&REQUEST)
    }

    fn handle_bytes(&mut self, received: &[u8], send: &mut Vec<u8>) -> Result<Step, Error> {
        match &mut self.state {
            State::Asked(head) => {
                head.extend_from_slice(received);
                if let Some(length) = head_length(head) {
                    expect_ok(head)?;
                    // The origin has not been asked yet.
                    if length != head.len() {
                        return Err(Error::WrongAnswer);
                    }
                    send.extend_from_slice(&REQUEST);
                    self.state = State::Open(0);
                }
            }
            State::Open(length) => *length += received.len(),
        }
        Ok(Step::Wait)
    }

    fn handle_end(&self) -> Result<(), Error> {
        match self.state {
            State::Open(MESSAGE) => Ok(()),
            State::Asked(_) | State::Open(_) => Err(Error::Truncated),
        }
    }
}

#[cfg(test)]
mod tests;
