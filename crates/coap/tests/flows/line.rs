//! Datagrams as lines that people read.

use std::fmt::Write;

use vestibule_coap::{BlockValue, Message, OptionFormat, OptionNumber, Type, uint_from_bytes};

/// Names of message ids, which are random: A, B and so on, in the order in which they appear.
#[derive(Debug, Default)]
pub(crate) struct Names {
    ids: Vec<(Owner, u16)>,
}

/// Who has chosen an id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    Client,
    Server,
}

impl Owner {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl Names {
    /// The id with this name.
    pub(crate) fn id(&self, name: char) -> u16 {
        let at = usize::from(name as u8 - b'A');
        self.ids[at].1
    }

    /// A datagram of `sender`: type, code, name of the id, token, options and payload.
    pub(crate) fn line(&mut self, sender: Owner, datagram: &[u8]) -> String {
        let message = Message::parse(datagram).expect("a message");
        let header = message.header;
        let (kind, owner) = match header.kind {
            Type::Acknowledgement => ("ACK", sender.other()),
            Type::Confirmable => ("CON", sender),
            Type::NonConfirmable => ("NON", sender),
            Type::Reset => ("RST", sender.other()),
        };
        let mut line = format!("{kind} {} {}", header.code, self.name(owner, header.id));
        let token = header.token.as_bytes();
        if !token.is_empty() {
            line.push_str(" t");
            push_hex(&mut line, token);
        }
        for (number, value) in message.options {
            push_option(&mut line, number, value);
        }
        match message.payload {
            [] => {}
            payload
                if payload.len() <= 24
                    && payload.iter().all(|byte| (b' '..=b'~').contains(byte)) =>
            {
                let _ = write!(line, " \"{}\"", payload.escape_ascii());
            }
            payload => {
                let _ = write!(line, " +{}", payload.len());
            }
        }
        line
    }

    /// Gives the id of a datagram of `sender` a name.
    pub(crate) fn see(&mut self, sender: Owner, datagram: &[u8]) {
        let header = Message::parse(datagram).expect("a message").header;
        let own = matches!(header.kind, Type::Confirmable | Type::NonConfirmable);
        self.name(if own { sender } else { sender.other() }, header.id);
    }

    fn name(&mut self, owner: Owner, id: u16) -> char {
        let known = self.ids.iter().position(|&other| other == (owner, id));
        let at = known.unwrap_or_else(|| {
            self.ids.push((owner, id));
            self.ids.len() - 1
        });
        char::from(b'A' + at as u8)
    }
}

fn push_option(line: &mut String, number: OptionNumber, value: &[u8]) {
    let name = number.to_string();
    line.push(' ');
    line.push_str(&name.replace(' ', "-"));
    let format = number.definition().map(|definition| definition.format);
    match (number, format) {
        (OptionNumber::BLOCK1 | OptionNumber::BLOCK2, _) => {
            let block = BlockValue::parse(value).expect("a block");
            let _ = write!(line, "={block}");
        }
        // They are made of random numbers.
        (OptionNumber::ETAG | OptionNumber::REQUEST_TAG, _) => {}
        (_, Some(OptionFormat::Uint)) => {
            let _ = write!(line, "={}", uint_from_bytes(value).expect("a uint"));
        }
        (_, Some(OptionFormat::String)) => {
            let _ = write!(line, "={}", value.escape_ascii());
        }
        _ => {
            line.push('=');
            push_hex(line, value);
        }
    }
}

fn push_hex(line: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(line, "{byte:02x}");
    }
}
