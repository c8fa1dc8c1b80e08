//! A client that uploads to one path, as libcoap does, with tags or without.

use std::time::Duration;

use bytes::Bytes;
use rand::Rng;
use rand::rngs::StdRng;
use vestibule_coap::{
    BlockSize, BlockValue, Code, Header, Message, OptionList, OptionNumber, Token, Type,
};

use crate::notes::{block, datagram, empty, options, pattern, states};
use crate::scenario::{CALM, Scenario};
use crate::side::Side;
use crate::world::{Asked, Client, Clock, Outcome};
use vestibule_test_network::Ladder;
use vestibule_test_network::MAX_DELAY;

/// Sends one body after the other, with the same options each. Every message of an upload has a token of its own, the
/// rest of the answer is asked for with tokens that were used before.
///
/// Without tags the blocks of two uploads look alike. What was given up may still be on its way, so the next upload
/// begins only when that cannot be.
pub(crate) struct UploadClient {
    rng: StdRng,
    /// When the bodies are ready, and their lengths; the next one last.
    bodies: Vec<(Duration, usize)>,
    /// What all requests have in common.
    code: Code,
    options: OptionList,
    answer: usize,
    size: BlockSize,
    is_tagged: bool,
    asked: Vec<Asked>,
    upload: Option<Upload>,
    last_token: u64,
    next_id: u16,
    /// The id of the last confirmable response: the only one that is known again.
    last_response: Option<u16>,
    /// When the next upload may begin.
    rests_until: Duration,
    /// From when on no upload may fail, if ever.
    calm: Duration,
    ready: Vec<Bytes>,
    answered: u64,
}

struct Upload {
    begun: Duration,
    body: Vec<u8>,
    expected: Vec<u8>,
    tag: Vec<u8>,
    /// The block that is on its way, if the body does not fit one message.
    block: Option<BlockValue>,
    /// The tokens of its messages, in order.
    tokens: Vec<Token>,
    answer: Vec<u8>,
    etag: Option<Vec<u8>>,
    /// The token of the last message.
    token: Token,
    flight: Option<Flight>,
    /// When to wait for the answer no more.
    until: Duration,
}

/// A message without an acknowledgement.
struct Flight {
    id: u16,
    datagram: Bytes,
    next: Duration,
    timeout: Duration,
    repetitions: u8,
}

const REPETITIONS: u8 = 4;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

impl UploadClient {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut rng = scenario.rng.clone();
        let code = if rng.random() { Code::PUT } else { Code::POST };
        let first = &scenario.asks[0];
        let numbers = [
            ("code", u64::from(code.0)),
            ("answer", first.answer as u64),
            ("wait", first.wait.as_millis() as u64),
            ("accept", u64::from(first.accept)),
        ];
        let asks = scenario.asks.iter().rev();
        Self {
            bodies: asks.map(|ask| (ask.at, ask.body.max(30))).collect(),
            code,
            options: options("upload", &numbers),
            answer: first.answer,
            size: scenario.client.block_size,
            is_tagged: rng.random_bool(0.3),
            asked: Vec::new(),
            upload: None,
            last_token: 0,
            next_id: rng.random_range(1..40_000),
            last_response: None,
            rests_until: Duration::ZERO,
            calm: if scenario.is_scarce() {
                Duration::MAX
            } else {
                scenario.heals + CALM
            },
            ready: Vec::new(),
            answered: 0,
            rng,
        }
    }

    fn begin(&mut self, now: Duration, length: usize) {
        self.asked.push(Asked {
            code: self.code,
            at: now,
            body: length,
            answer: self.answer,
            refused: false,
        });
        let nonce = self.asked.len() as u64;
        let size = self.size;
        self.upload = Some(Upload {
            begun: now,
            body: states(length as u64, nonce, length),
            expected: pattern(nonce + 1, self.answer),
            tag: nonce.to_be_bytes()[4..].to_vec(),
            block: (length > size.bytes()).then_some(BlockValue {
                number: 0,
                more: true,
                size,
            }),
            tokens: Vec::new(),
            answer: Vec::new(),
            etag: None,
            token: Token::EMPTY,
            flight: None,
            until: now + PATIENCE,
        });
        self.send_block(now);
    }

    /// Sends the body, or the next block of it.
    fn send_block(&mut self, now: Duration) {
        self.last_token += 1;
        let token = token(self.last_token);
        let Some(upload) = &mut self.upload else {
            return;
        };
        upload.tokens.push(token);
        let mut options = upload.options(&self.options, self.is_tagged);
        let mut payload = &upload.body[..];
        if let Some(block) = upload.block {
            options.push_uint(OptionNumber::BLOCK1, block.to_uint());
            payload = &payload[block.offset()..];
            payload = &payload[..payload.len().min(block.size.bytes())];
        }
        let payload = payload.to_vec();
        self.launch(now, token, &options, &payload);
    }

    /// Asks for the next block of the answer.
    fn fetch(&mut self, now: Duration, block: BlockValue) {
        let Some(upload) = &self.upload else {
            return;
        };
        // Those of the second message and so on, until there is none left.
        let at = (block.number as usize).min(upload.tokens.len() - 1);
        let token = upload.tokens[at];
        let mut options = upload.options(&self.options, self.is_tagged);
        options.push_uint(OptionNumber::BLOCK2, block.to_uint());
        self.launch(now, token, &options, &[]);
    }

    /// Sends a confirmable message until it is acknowledged.
    fn launch(&mut self, now: Duration, token: Token, options: &OptionList, payload: &[u8]) {
        let Some(upload) = &mut self.upload else {
            return;
        };
        self.next_id += 1;
        let header = Header {
            kind: Type::Confirmable,
            code: self.code,
            id: self.next_id,
            token,
        };
        let datagram = datagram(header, options, payload);
        self.ready.push(datagram.clone());
        let timeout = Duration::from_millis(self.rng.random_range(2_000..3_000));
        upload.token = token;
        upload.until = now + PATIENCE;
        upload.flight = Some(Flight {
            id: header.id,
            datagram,
            next: now + timeout,
            timeout,
            repetitions: 0,
        });
    }

    fn take_response(&mut self, now: Duration, message: &Message<'_>) {
        let Some(upload) = &mut self.upload else {
            return;
        };
        match message.header.code {
            Code::CONTINUE => {
                let taken = block(message, OptionNumber::BLOCK1).expect("the block that was taken");
                if upload.go_on(taken) {
                    self.send_block(now);
                }
            }
            Code::CONTENT => {
                let block = block(message, OptionNumber::BLOCK2);
                let etag = message
                    .options
                    .first(OptionNumber::ETAG)
                    .map(<[u8]>::to_vec);
                if upload.answer.is_empty() {
                    upload.etag = etag;
                } else if upload.etag != etag {
                    return self.give_up(now);
                }
                if block.map_or(0, BlockValue::offset) != upload.answer.len() {
                    return self.give_up(now);
                }
                upload.answer.extend_from_slice(message.payload);
                if let Some(block) = block.filter(|block| block.more) {
                    let number = block.number + 1;
                    let more = false;
                    return self.fetch(
                        now,
                        BlockValue {
                            number,
                            more,
                            ..block
                        },
                    );
                }
                assert_eq!(upload.answer, upload.expected, "another answer");
                self.upload = None;
                self.answered += 1;
            }
            code => {
                assert!(upload.begun < self.calm, "{code} on a good path");
                if let Some(asked) = self.asked.last_mut() {
                    asked.refused = code == Code::SERVICE_UNAVAILABLE;
                }
                self.upload = None;
            }
        }
    }

    /// There will be no answer, or none that is whole.
    fn give_up(&mut self, now: Duration) {
        if let Some(upload) = self.upload.take() {
            assert!(upload.begun < self.calm, "no answer on a good path");
        }
        if !self.is_tagged {
            self.rests_until = now + MAX_DELAY;
        }
    }
}

impl Upload {
    fn options(&self, common: &OptionList, is_tagged: bool) -> OptionList {
        let mut options = common.clone();
        if self.tokens.len() > 1 || self.block.is_some() {
            options.push_uint(OptionNumber::SIZE1, self.body.len() as u64);
            if is_tagged {
                options
                    .push(OptionNumber::REQUEST_TAG, &self.tag)
                    .expect("four bytes");
            }
        }
        options
    }

    /// This block has been taken. Whether it is the one that was sent.
    fn go_on(&mut self, taken: BlockValue) -> bool {
        let Some(block) = self.block.filter(|block| block.number == taken.number) else {
            return false;
        };
        let offset = block.offset() + block.size.bytes();
        let size = block.size.min(taken.size);
        self.block = Some(BlockValue {
            number: (offset / size.bytes()) as u32,
            more: offset + size.bytes() < self.body.len(),
            size,
        });
        true
    }
}

impl Side for UploadClient {
    fn handle_datagram(&mut self, clock: Clock, datagram: &[u8]) {
        let message = Message::parse(datagram).expect("a message");
        let header = message.header;
        let upload = self.upload.as_mut();
        let is_meant = upload.as_ref().is_some_and(|it| it.token == header.token);
        if header.kind == Type::Confirmable {
            // It takes a repetition for a word that it has heard already.
            if self.last_response.replace(header.id) == Some(header.id) {
                return;
            }
            let kind = if is_meant {
                Type::Acknowledgement
            } else {
                Type::Reset
            };
            self.ready.push(empty(kind, header.id));
            if is_meant {
                upload.and_then(|upload| upload.flight.take());
                self.take_response(clock.now, &message);
            }
            return;
        }
        let Some(upload) = upload else {
            return;
        };
        if header.kind == Type::Acknowledgement
            && upload.flight.take_if(|it| it.id == header.id).is_some()
            && header.code != Code::EMPTY
        {
            assert!(is_meant, "an answer with another token");
            self.take_response(clock.now, &message);
        }
    }

    fn handle_timeout(&mut self, clock: Clock) {
        let now = clock.now;
        if let Some(upload) = &mut self.upload {
            let mut over = upload.until <= now;
            if let Some(flight) = upload.flight.as_mut().filter(|flight| flight.next <= now) {
                over |= flight.repetitions == REPETITIONS;
                flight.repetitions += 1;
                flight.timeout *= 2;
                flight.next = now + flight.timeout;
                if !over {
                    self.ready.push(flight.datagram.clone());
                }
            }
            if over {
                self.give_up(now);
            }
        }
        if self.upload.is_none()
            && self.rests_until <= now
            && let Some((_, length)) = self.bodies.pop_if(|(at, _)| *at <= now)
        {
            self.begin(now, length);
        }
    }

    fn next_time(&self, clock: Clock) -> Option<Duration> {
        match &self.upload {
            Some(upload) => {
                let repetition = upload.flight.as_ref().map(|flight| flight.next);
                Some(upload.until.min(repetition.unwrap_or(Duration::MAX)))
            }
            None => {
                let (at, _) = self.bodies.last()?;
                Some((*at).max(self.rests_until).max(clock.now))
            }
        }
    }

    fn poll_transmit(&mut self, _clock: Clock, _ladder: &mut Ladder) -> Option<Bytes> {
        (!self.ready.is_empty()).then(|| self.ready.remove(0))
    }
}

impl Client for UploadClient {
    fn requests(&self) -> &[Asked] {
        &self.asked
    }

    fn taken(&self) -> u64 {
        0
    }

    fn finish(self, _last_state: u64) -> Outcome {
        assert!(self.bodies.is_empty(), "bodies that were not sent");
        let requests = self.asked.len() as u64;
        Outcome {
            requests,
            answered: self.answered,
            failed: requests - self.answered,
            ..Outcome::default()
        }
    }
}

fn token(number: u64) -> Token {
    Token::try_from(&number.to_be_bytes()[7 - number.ilog2() as usize / 8..]).expect("eight bytes")
}
