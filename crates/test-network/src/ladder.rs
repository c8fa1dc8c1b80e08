//! What was sent, for those who look for a fault.

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use vestibule_coap::{BlockValue, Message, OptionNumber, Type};

use crate::network::Direction;

/// Every datagram of a world and what its applications were told. Printed when the world fails.
pub struct Ladder {
    names: Names,
    seed: u64,
    lines: Vec<(Duration, Line)>,
}

/// How the sides and the seed are called.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// The environment variable that replays a seed.
    pub variable: &'static str,
    /// The side that sends up.
    pub client: &'static str,
    /// The side that sends down.
    pub server: &'static str,
}

enum Line {
    Datagram(Direction, Bytes, Fate),
    Note(Direction, Box<dyn Debug>),
}

/// What the network does with a datagram.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// It arrives after this time.
    Arrives(Duration),
    /// It arrives twice.
    Twice(Duration, Duration),
    /// It never arrives.
    Lost,
}

/// How many lines are printed, counted from the last.
const SHOWN: usize = 10_000;

impl Ladder {
    /// An empty one of the world with this seed.
    #[must_use]
    pub fn new(names: Names, seed: u64) -> Self {
        Self {
            names,
            seed,
            lines: Vec::new(),
        }
    }

    /// A datagram was sent.
    pub fn datagram(&mut self, now: Duration, direction: Direction, datagram: Bytes, fate: Fate) {
        self.lines
            .push((now, Line::Datagram(direction, datagram, fate)));
    }

    /// Something that the side that sends in this direction was told.
    pub fn note(&mut self, now: Duration, side: Direction, note: impl Debug + 'static) {
        self.lines.push((now, Line::Note(side, Box::new(note))));
    }

    /// How many datagrams were sent.
    #[must_use]
    pub fn datagrams(&self) -> u64 {
        let is_datagram = |(_, line): &&(Duration, Line)| matches!(line, Line::Datagram(..));
        self.lines.iter().filter(is_datagram).count() as u64
    }
}

impl Drop for Ladder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let Names {
            variable,
            client,
            server,
        } = self.names;
        eprintln!("{variable}={}", self.seed);
        let from = self.lines.len().saturating_sub(SHOWN);
        for (time, line) in &self.lines[from..] {
            let time = time.as_secs_f64();
            match line {
                Line::Datagram(direction, datagram, fate) => {
                    let arrow = match direction {
                        Direction::ToServer => "  --->",
                        Direction::ToClient => "<---  ",
                    };
                    eprintln!("{time:>10.3} {arrow} {} {fate:?}", describe(datagram));
                }
                Line::Note(Direction::ToServer, note) => {
                    eprintln!("{time:>10.3} {client} {note:?}");
                }
                Line::Note(Direction::ToClient, note) => {
                    eprintln!("{time:>10.3}        {server} {note:?}");
                }
            }
        }
    }
}

fn describe(datagram: &[u8]) -> String {
    let Ok(message) = Message::parse(datagram) else {
        return format!("{datagram:02x?}");
    };
    let header = message.header;
    let kind = match header.kind {
        Type::Acknowledgement => "ACK",
        Type::Confirmable => "CON",
        Type::NonConfirmable => "NON",
        Type::Reset => "RST",
    };
    let mut text = format!(
        "{kind} {} #{:04x} {:?}",
        header.code, header.id, header.token
    );
    for (number, value) in message.options {
        let value = match number {
            OptionNumber::BLOCK1 | OptionNumber::BLOCK2 => {
                BlockValue::parse(value).map_or(String::new(), |block| block.to_string())
            }
            _ => value.escape_ascii().to_string(),
        };
        text.push_str(&format!(" {number}:{value}"));
    }
    format!("{text} +{}", message.payload.len())
}
