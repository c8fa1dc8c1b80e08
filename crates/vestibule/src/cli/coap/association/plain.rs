//! CoAP over UDP alone.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;

use super::{Association, Happened};
use crate::cli::coap::trouble::Trouble;

/// No DTLS: datagrams are messages.
#[derive(Debug)]
pub(in crate::cli::coap) struct Plain {
    transmits: VecDeque<Bytes>,
    happened: VecDeque<Happened>,
}

impl Plain {
    /// One that is open at once.
    pub(in crate::cli::coap) fn new() -> Self {
        Self {
            transmits: VecDeque::new(),
            happened: VecDeque::from([Happened::Open(None)]),
        }
    }
}

impl Association for Plain {
    fn handle_datagram(&mut self, _: Instant, datagram: &[u8]) {
        let message = Bytes::copy_from_slice(datagram);
        self.happened.push_back(Happened::Received(message));
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    fn poll_event(&mut self) -> Option<Happened> {
        self.happened.pop_front()
    }

    fn send(&mut self, _: Instant, message: &[u8]) -> Result<(), Trouble> {
        self.transmits.push_back(Bytes::copy_from_slice(message));
        Ok(())
    }

    fn close(&mut self, _: Instant) {}
}
