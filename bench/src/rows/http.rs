use super::dialogue::{self, Dialogue, Step};
use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::http::{ONLY_REQUEST, REQUEST, answer_is_complete};
use crate::load::Load;
use crate::origin::Behaviour;
use crate::peers::Service;

/// A request without a body is answered with 128 bytes. The proxy adds X-Forwarded-For.
pub(super) struct Http {
    id: &'static str,
    title: &'static str,
    /// The same connection carries the next request.
    kept: bool,
}

impl Http {
    pub(super) const KEPT: Self = Self {
        id: "http",
        title: "HTTP requests, 32 kept connections",
        kept: true,
    };
    pub(super) const SHORT: Self = Self {
        id: "http-short",
        title: "HTTP requests, one per connection",
        kept: false,
    };
}

impl Row for Http {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let (address, kept) = (target.address, self.kept);
        let load = Load::start(1, move |meter| {
            dialogue::repeat(address, meter, || Requests::new(kept))
        });
        let observed = window.observe(load, target)?;
        Ok(observed.sample(1e6, 1.0, observed.done.units))
    }

    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn cost_unit(&self) -> &'static str {
        "CPU µs/request"
    }

    fn beside_unit(&self) -> &'static str {
        "requests/s"
    }

    fn behaviour(&self, direct: bool) -> Behaviour {
        if direct {
            Behaviour::AnswerHttp
        } else {
            Behaviour::AnswerHttpForwarded
        }
    }

    fn service(&self) -> Service {
        Service::Http
    }
}

/// One request after the other, or just one.
struct Requests {
    kept: bool,
    received: Vec<u8>,
}

impl Requests {
    fn new(kept: bool) -> Self {
        Self {
            kept,
            received: Vec::new(),
        }
    }
}

impl Dialogue for Requests {
    fn opening(&self) -> &[u8] {
        if self.kept { REQUEST } else { ONLY_REQUEST }
    }

    fn handle_bytes(&mut self, received: &[u8], send: &mut Vec<u8>) -> Result<Step, Error> {
        self.received.extend_from_slice(received);
        if self.kept && answer_is_complete(&self.received)? {
            self.received.clear();
            send.extend_from_slice(REQUEST);
            return Ok(Step::Done);
        }
        Ok(Step::Wait)
    }

    fn handle_end(&self) -> Result<(), Error> {
        if !self.kept && answer_is_complete(&self.received)? {
            Ok(())
        } else {
            Err(Error::Truncated)
        }
    }
}

#[cfg(test)]
mod tests;
