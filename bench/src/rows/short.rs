use super::dialogue::{self, Dialogue, Step};
use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::load::{Load, MESSAGE, REQUEST};
use crate::origin::Behaviour;
use crate::peers::TlsRole;
use crate::tls::client_hello;

/// Version 2, PROXY, TCP over IPv4, 192.0.2.1:40000 to 192.0.2.2:443.
const PROXY_HEADER: [u8; 28] = [
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0x00, 0x0c,
    192, 0, 2, 1, 192, 0, 2, 2, 0x9c, 0x40, 0x01, 0xbb,
];

/// A connection carries a message of 64 bytes and an answer, then the origin closes it.
pub(super) struct Short {
    id: &'static str,
    title: &'static str,
    opening: Opening,
    /// The origin behind a proxy.
    proxied: Behaviour,
    /// The origin without a proxy.
    direct: Behaviour,
    sends_proxy: bool,
    tls: TlsRole,
}

/// What a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// A ClientHello instead of the message. Nobody goes on with the handshake, so that the core of
    /// the load has nothing to compute.
    ClientHello,
    Message,
    MessageBehindHeader,
}

impl Short {
    pub(super) const PLAIN: Self = Self {
        id: "short",
        title: "short connections",
        opening: Opening::Message,
        proxied: Behaviour::Answer,
        direct: Behaviour::Answer,
        sends_proxy: false,
        tls: TlsRole::None,
    };
    pub(super) const PROXY_IN: Self = Self {
        id: "proxy-in",
        title: "short connections, PROXY v2 in",
        opening: Opening::MessageBehindHeader,
        direct: Behaviour::AnswerBehindHeader,
        ..Self::PLAIN
    };
    pub(super) const PROXY_OUT: Self = Self {
        id: "proxy-out",
        title: "short connections, PROXY v2 out",
        proxied: Behaviour::AnswerBehindHeader,
        sends_proxy: true,
        ..Self::PLAIN
    };
    pub(super) const SNI_PASSTHROUGH: Self = Self {
        id: "sni-passthrough",
        title: "TLS routed by SNI, not terminated",
        opening: Opening::ClientHello,
        proxied: Behaviour::AnswerHello,
        direct: Behaviour::AnswerHello,
        tls: TlsRole::Passthrough,
        ..Self::PLAIN
    };
    /// Nothing is resumed on the proxy's side either: the origin gives no tickets.
    pub(super) const TLS_ORIGINATE: Self = Self {
        id: "tls-originate",
        title: "plain in, TLS out, full handshakes",
        proxied: Behaviour::AnswerTlsFull,
        tls: TlsRole::Originate,
        ..Self::PLAIN
    };

    fn first_bytes(&self) -> Result<Vec<u8>, Error> {
        Ok(match self.opening {
            Opening::ClientHello => client_hello()?,
            Opening::Message => REQUEST.to_vec(),
            Opening::MessageBehindHeader => [&PROXY_HEADER[..], &REQUEST].concat(),
        })
    }
}

impl Row for Short {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let address = target.address;
        let first_bytes = self.first_bytes()?;
        let load = Load::start(1, move |meter| {
            dialogue::repeat(address, meter, || Question {
                first_bytes: &first_bytes,
                received: 0,
            })
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
        "CPU µs/connection"
    }

    fn beside_unit(&self) -> &'static str {
        "connections/s"
    }

    fn behaviour(&self, direct: bool) -> Behaviour {
        if direct { self.direct } else { self.proxied }
    }

    fn accepts_proxy(&self) -> bool {
        self.opening == Opening::MessageBehindHeader
    }

    fn sends_proxy(&self) -> bool {
        self.sends_proxy
    }

    fn tls(&self) -> TlsRole {
        self.tls
    }
}

/// One connection.
struct Question<'a> {
    first_bytes: &'a [u8],
    /// So much of the answer has come.
    received: usize,
}

impl Dialogue for Question<'_> {
    fn opening(&self) -> &[u8] {
        self.first_bytes
    }

    fn handle_bytes(&mut self, received: &[u8], _send: &mut Vec<u8>) -> Result<Step, Error> {
        self.received += received.len();
        Ok(Step::Wait)
    }

    fn handle_end(&self) -> Result<(), Error> {
        if self.received == MESSAGE {
            Ok(())
        } else {
            Err(Error::Truncated)
        }
    }
}
