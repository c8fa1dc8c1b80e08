use std::thread;
use std::time::{Duration, Instant};

use super::{Row, Sample, Target, Window};
use crate::coaps::{Clients, Handshake};
use crate::error::Error;
use crate::load::{Load, STALL};
use crate::peers::Service;

const ASSOCIATIONS: usize = 256;

/// How often to look whether the associations are there.
const TICK: Duration = Duration::from_millis(10);

/// On each of 256 associations a client asks for `/` and has its answer, again and again.
pub(super) struct CoapsExchange;

impl Row for CoapsExchange {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let address = target.address;
        let load = Load::start(1, move |meter| {
            let mut clients = Clients::new(address, Handshake::DTLS12)?;
            clients.open(ASSOCIATIONS)?;
            clients.ask_again(|| meter.is_stopped(), |count| meter.add(count))
        });
        let started = Instant::now();
        while load.units() == 0 && started.elapsed() < STALL {
            thread::sleep(TICK);
        }
        let observed = window.observe(load, target)?;
        Ok(observed.sample(1e6, 1.0, 0))
    }

    fn id(&self) -> &'static str {
        "coaps-exchange"
    }

    fn title(&self) -> &'static str {
        "CoAP requests, 256 DTLS 1.2 associations"
    }

    fn cost_unit(&self) -> &'static str {
        "CPU µs/request"
    }

    fn beside_unit(&self) -> &'static str {
        "requests/s"
    }

    fn has_direct(&self) -> bool {
        false
    }

    fn service(&self) -> Service {
        Service::Coaps(Handshake::DTLS12)
    }
}
