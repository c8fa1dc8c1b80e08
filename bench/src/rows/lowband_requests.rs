use std::thread;
use std::time::{Duration, Instant};

use super::{Row, Sample, Target, Window};
use crate::coaps::{Clients, Handshake};
use crate::error::Error;
use crate::load::{Load, STALL};
use crate::matrix::{self, Companion, Errand};
use crate::peers::Service;

const ASSOCIATIONS: usize = 256;

/// How often to look whether the associations are there.
const TICK: Duration = Duration::from_millis(10);

/// On each of 256 associations a user sends a message of two words and has the id of its event, again and
/// again, each in a room of its own.
pub(super) struct LowbandRequests;

impl Row for LowbandRequests {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let homeserver = target.homeserver.ok_or(Error::Stalled)?;
        let users = matrix::users(homeserver, ASSOCIATIONS)?;
        let address = target.address;
        let load = Load::start(1, move |meter| {
            let users = users.clone();
            let companion = move |number: usize| {
                let user = users[number % ASSOCIATIONS].clone();
                Box::new(Companion::new(user, Errand::Send, number)) as _
            };
            let mut clients = Clients::with(address, Handshake::DTLS12, companion)?;
            clients.open(ASSOCIATIONS)?;
            clients.ask_again(|| meter.is_stopped(), |count| meter.add(count))
        });
        let started = Instant::now();
        while load.units() == 0 && started.elapsed() < STALL {
            thread::sleep(TICK);
        }
        let observed = window.observe(load, target)?;
        let records = observed.done.units;
        Ok(observed.sample(1e6, 1.0, records))
    }

    fn id(&self) -> &'static str {
        "lowband-requests"
    }

    fn title(&self) -> &'static str {
        "messages sent by low bandwidth Matrix, 256 associations"
    }

    fn cost_unit(&self) -> &'static str {
        "CPU µs/request"
    }

    fn beside_unit(&self) -> &'static str {
        "requests/s"
    }

    fn has_homeserver(&self) -> bool {
        true
    }

    fn has_direct(&self) -> bool {
        false
    }

    fn service(&self) -> Service {
        Service::LowBandwidth
    }
}
