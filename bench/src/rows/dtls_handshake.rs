use super::{Row, Sample, Target, Window};
use crate::coaps::{Clients, Handshake, Key};
use crate::error::Error;
use crate::load::Load;
use crate::peers::Service;

/// A client makes a handshake from a port of its own, cookie included, asks for `/`, has its answer
/// and closes; 32 at a time.
pub(super) struct DtlsHandshake {
    id: &'static str,
    title: &'static str,
    handshake: Handshake,
}

impl DtlsHandshake {
    pub(super) const DTLS12: Self = Self {
        id: "dtls-handshake",
        title: "DTLS 1.2, full handshakes",
        handshake: Handshake::DTLS12,
    };
    pub(super) const DTLS12_RESUMED: Self = Self {
        id: "dtls-resumed",
        title: "DTLS 1.2, resumed handshakes",
        handshake: Handshake::DTLS12.resumed(),
    };
    pub(super) const DTLS12_RSA: Self = Self {
        id: "dtls-rsa",
        title: "DTLS 1.2, full handshakes, RSA",
        handshake: Handshake::DTLS12.with_key(Key::Rsa),
    };
    pub(super) const DTLS13: Self = Self {
        id: "dtls13-handshake",
        title: "DTLS 1.3, full handshakes",
        handshake: Handshake::DTLS13,
    };
    pub(super) const DTLS13_RESUMED: Self = Self {
        id: "dtls13-resumed",
        title: "DTLS 1.3, resumed handshakes",
        handshake: Handshake::DTLS13.resumed(),
    };
    pub(super) const DTLS13_RSA: Self = Self {
        id: "dtls13-rsa",
        title: "DTLS 1.3, full handshakes, RSA",
        handshake: Handshake::DTLS13.with_key(Key::Rsa),
    };
}

impl Row for DtlsHandshake {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let (address, handshake) = (target.address, self.handshake);
        let load = Load::start(1, move |meter| {
            let mut clients = Clients::new(address, handshake)?;
            clients.connect_again(|| meter.is_stopped(), |count| meter.add(count))
        });
        let observed = window.observe(load, target)?;
        Ok(observed.sample(1e6, 1.0, 0))
    }

    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn cost_unit(&self) -> &'static str {
        "CPU µs/handshake"
    }

    fn beside_unit(&self) -> &'static str {
        "handshakes/s"
    }

    fn has_direct(&self) -> bool {
        false
    }

    fn service(&self) -> Service {
        Service::Coaps(self.handshake)
    }
}
