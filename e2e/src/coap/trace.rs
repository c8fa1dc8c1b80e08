use std::fmt;
use std::net::SocketAddr;

use vestibule_coap::{BlockValue, Code, Message, OptionNumber, ParseError, Token, Type};

/// A datagram that one of our endpoints has sent or received.
#[derive(Clone, Debug)]
pub struct Traced {
    /// Whom it went to or came from.
    pub peer: SocketAddr,
    /// Whether it was sent.
    pub sent: bool,
    /// The bytes.
    pub datagram: Vec<u8>,
    /// Why our endpoint could not read it.
    pub error: Option<ParseError>,
}

impl Traced {
    pub(super) fn received(peer: SocketAddr, datagram: &[u8], error: Option<ParseError>) -> Self {
        Self {
            peer,
            sent: false,
            datagram: datagram.to_vec(),
            error,
        }
    }

    pub(super) fn sent(peer: SocketAddr, datagram: &[u8]) -> Self {
        Self {
            peer,
            sent: true,
            datagram: datagram.to_vec(),
            error: None,
        }
    }

    /// The message.
    pub fn message(&self) -> Message<'_> {
        Message::parse(&self.datagram).unwrap_or_else(|error| panic!("{self}: {error}"))
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.message().header.code
    }

    /// Its type.
    pub fn kind(&self) -> Type {
        self.message().header.kind
    }

    /// Its token.
    pub fn token(&self) -> Token {
        self.message().header.token
    }

    /// The value of an option that is a number.
    pub fn uint(&self, number: OptionNumber) -> Option<u64> {
        self.message().options.uint(number)
    }

    /// The value of an option of blocks.
    pub fn block(&self, number: OptionNumber) -> Option<BlockValue> {
        let value = self.message().options.first(number)?;
        Some(BlockValue::parse(value).expect("a block option"))
    }
}

impl fmt::Display for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = if self.sent { "->" } else { "<-" };
        write!(f, "{arrow} {} ", self.peer)?;
        if let Ok(message) = Message::parse(&self.datagram) {
            let header = message.header;
            let (kind, id) = (header.kind, header.id);
            write!(f, "{kind:?} {} {id:04x} {:?}", header.code, header.token)?;
            for (number, value) in message.options {
                write!(f, " {number}={}", hex(value))?;
            }
            write!(f, " +{}", message.payload.len())
        } else {
            f.write_str(&hex(&self.datagram))
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
