use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use vestibule_coap::vectors::unhex;
use vestibule_coap::{
    BlockValue, Code, Header, Message, OptionList, OptionNumber, Token, Type, encode,
};

use super::from_cbor;
use crate::PATIENCE;
use crate::dtls::{Association, DimplClient};

/// What carries the datagrams of CoAP.
pub trait Datagrams {
    /// Sends one.
    fn send(&mut self, payload: &[u8]);

    /// The next one, which may come within this time.
    fn receive(&mut self, within: Duration) -> Option<Bytes>;
}

/// A client that sends what it is told, byte by byte, and nothing of its own.
pub struct Script {
    path: Box<dyn Datagrams>,
    /// What has come and nobody has looked for yet.
    heard: VecDeque<Heard>,
    /// How many requests it has made.
    made: u16,
}

/// A request that [`Script`] makes.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    /// The method.
    pub code: Code,
    /// The segments of the path.
    pub path: &'a [&'a str],
    /// The options but those of the path, in any order.
    pub options: &'a [(OptionNumber, &'a [u8])],
    /// The payload.
    pub payload: &'a [u8],
}

/// A message that has come.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Type, code, id and token.
    pub header: Header,
    /// The options.
    pub options: OptionList,
    /// The payload.
    pub payload: Vec<u8>,
    /// All of it.
    pub datagram: Vec<u8>,
}

impl Script {
    /// One that speaks by this.
    pub fn over(path: impl Datagrams + 'static) -> Self {
        Self {
            path: Box::new(path),
            heard: VecDeque::new(),
            made: 0,
        }
    }

    /// Sends what [`unhex`] reads here: hexadecimal digits, and text in quotes.
    pub fn says(&mut self, datagram: &str) {
        self.path.send(&unhex(datagram));
    }

    /// Sends these bytes.
    pub fn sends(&mut self, datagram: &[u8]) {
        self.path.send(datagram);
    }

    /// Sends a request with an id and a token of its own, which it says.
    pub fn begins(&mut self, asking: &Asking<'_>) -> Vec<u8> {
        let (token, datagram) = self.request(asking);
        self.path.send(&datagram);
        token
    }

    /// As [`Self::begins`], and waits for the answer.
    #[track_caller]
    pub fn requests(&mut self, asking: &Asking<'_>) -> Heard {
        let token = self.begins(asking);
        self.answer(&token)
    }

    /// The token and the datagram of a request that is not sent.
    pub fn request(&mut self, asking: &Asking<'_>) -> (Vec<u8>, Vec<u8>) {
        self.made += 1;
        let token = self.made.to_be_bytes().to_vec();
        let mut all: Vec<(OptionNumber, &[u8])> = asking.options.to_vec();
        all.extend((asking.path.iter()).map(|it| (OptionNumber::URI_PATH, it.as_bytes())));
        // Those of the same number stay in their order.
        all.sort_by_key(|(number, _)| number.0);
        let mut options = OptionList::new();
        for (number, value) in all {
            options.push(number, value).expect("a value that fits");
        }
        let header = Header {
            kind: Type::Confirmable,
            code: asking.code,
            id: 0x1000 + self.made,
            token: Token::try_from(&token[..]).expect("two bytes"),
        };
        let mut datagram = Vec::new();
        encode(header, &options, asking.payload, &mut datagram);
        (token, datagram)
    }

    /// The next message.
    #[track_caller]
    pub fn hears(&mut self, what: &str) -> Heard {
        self.hears_within(PATIENCE)
            .unwrap_or_else(|| panic!("waited in vain for {what}"))
    }

    /// The next message, if it comes within this time. A ping is answered as everybody does, and does
    /// not count.
    pub fn hears_within(&mut self, time: Duration) -> Option<Heard> {
        if let Some(heard) = self.heard.pop_front() {
            return Some(heard);
        }
        self.receives_within(time)
    }

    fn receives_within(&mut self, time: Duration) -> Option<Heard> {
        let start = Instant::now();
        loop {
            let left = time.saturating_sub(start.elapsed());
            let heard = Heard::new(&self.path.receive(left)?);
            let Header { kind, code, .. } = heard.header;
            if (kind, code) != (Type::Confirmable, Code::EMPTY) {
                return Some(heard);
            }
            self.resets(&heard);
        }
    }

    /// The answer to the message of this token: on the acknowledgement or behind it, then
    /// acknowledged. What else comes is kept, but for acknowledgements.
    #[track_caller]
    pub fn answer(&mut self, token: &[u8]) -> Heard {
        self.answer_within(token, PATIENCE)
            .unwrap_or_else(|| panic!("no answer to {token:02x?}"))
    }

    /// As [`Self::answer`], if it comes within this time.
    pub fn answer_within(&mut self, token: &[u8], time: Duration) -> Option<Heard> {
        let start = Instant::now();
        let mut others = VecDeque::new();
        let found = loop {
            let left = time.saturating_sub(start.elapsed());
            let heard = match self.heard.pop_front() {
                Some(heard) => heard,
                None => match self.receives_within(left) {
                    Some(heard) => heard,
                    None => break None,
                },
            };
            if heard.header.code == Code::EMPTY {
                continue;
            }
            if heard.header.token.as_bytes() == token {
                break Some(heard);
            }
            others.push_back(heard);
        };
        others.append(&mut self.heard);
        self.heard = others;
        let heard = found?;
        if heard.header.kind == Type::Confirmable {
            self.acknowledges(&heard);
        }
        Some(heard)
    }

    /// Sends a message and waits for the answer.
    #[track_caller]
    pub fn asks(&mut self, datagram: &str) -> Heard {
        let bytes = unhex(datagram);
        let message = Message::parse(&bytes).expect("a message");
        let token = message.header.token;
        self.path.send(&bytes);
        self.answer(token.as_bytes())
    }

    /// Acknowledges a message by four bytes.
    pub fn acknowledges(&mut self, heard: &Heard) {
        self.settles(heard, 0x60);
    }

    /// Rejects a message by four bytes.
    pub fn resets(&mut self, heard: &Heard) {
        self.settles(heard, 0x70);
    }

    /// That nothing comes for this long.
    #[track_caller]
    pub fn is_silent_for(&mut self, time: Duration) {
        if let Some(heard) = self.hears_within(time) {
            panic!("{heard:?} when there should be nothing");
        }
    }

    fn settles(&mut self, heard: &Heard, first: u8) {
        let [high, low] = heard.header.id.to_be_bytes();
        self.path.send(&[first, 0, high, low]);
    }
}

impl Heard {
    #[track_caller]
    fn new(datagram: &[u8]) -> Self {
        let message = Message::parse(datagram);
        let message = message.unwrap_or_else(|error| panic!("{error}: {datagram:02x?}"));
        // Nothing that breaks a rule is sent, to whomever.
        assert!(!message.bent, "{datagram:02x?}");
        Self {
            header: message.header,
            options: message.options.into(),
            payload: message.payload.to_vec(),
            datagram: datagram.to_vec(),
        }
    }

    /// What its body says, which must be CBOR and a map: clients written in Go end at anything else.
    #[track_caller]
    pub fn map(&self) -> Value {
        let first = self.payload.first().copied().unwrap_or_default();
        assert_eq!(first >> 5, 5, "no map: {self:?}");
        from_cbor(&self.payload)
    }

    /// The Matrix error that its body says.
    #[track_caller]
    pub fn errcode(&self) -> String {
        let map = self.map();
        let errcode = map["errcode"].as_str();
        errcode
            .unwrap_or_else(|| panic!("no error: {map}"))
            .to_owned()
    }

    /// Which block of the answer it is.
    pub fn block2(&self) -> Option<BlockValue> {
        self.block(OptionNumber::BLOCK2)
    }

    /// Which block of the request it is about.
    pub fn block1(&self) -> Option<BlockValue> {
        self.block(OptionNumber::BLOCK1)
    }

    /// The sequence number of a notification.
    pub fn observe(&self) -> Option<u64> {
        self.options.uint(OptionNumber::OBSERVE)
    }

    fn block(&self, number: OptionNumber) -> Option<BlockValue> {
        let value = self.options.first(number)?;
        Some(BlockValue::parse(value).expect("a block"))
    }
}

impl Datagrams for Association {
    fn send(&mut self, payload: &[u8]) {
        Self::send(self, payload);
    }

    fn receive(&mut self, within: Duration) -> Option<Bytes> {
        Self::receive(self, within)
    }
}

impl Datagrams for DimplClient {
    fn send(&mut self, payload: &[u8]) {
        Self::send(self, payload);
    }

    fn receive(&mut self, within: Duration) -> Option<Bytes> {
        Self::receive(self, within).map(Bytes::from)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}
