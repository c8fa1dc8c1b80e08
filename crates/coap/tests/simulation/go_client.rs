//! A client as the Go library makes them, as far as it was captured.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use rand::Rng;
use rand::rngs::StdRng;
use vestibule_coap::{
    BlockSize, BlockValue, Code, Header, Message, OptionList, OptionNumber, Token, Type,
};

use crate::notes::{block, datagram, empty, options, pattern, read_states};
use crate::scenario::{Ask, Scenario};
use crate::side::Side;
use crate::world::{Asked, Client, Clock, Outcome};
use vestibule_test_network::Ladder;

/// Registers once, with the id 0; asks for each further block of a notification in the acknowledgement of the one
/// before; repeats at a constant rate; answers a repeated message with what it has answered before.
pub(crate) struct GoClient {
    rng: StdRng,
    /// Those to come, the next one last.
    asks: Vec<Ask>,
    asked: Vec<Asked>,
    next_id: u16,
    flights: Vec<Flight>,
    /// What was answered to the messages of the server, by their ids.
    replies: HashMap<u16, Bytes>,
    questions: HashMap<Token, Question>,
    observation: Token,
    /// The notification that is fetched: its token and what there is of it.
    fetch: Option<(Token, Vec<u8>)>,
    ready: Vec<Bytes>,
    registered: bool,
    state: u64,
    answered: u64,
    notifications: u64,
}

/// A confirmable message without an acknowledgement.
struct Flight {
    id: u16,
    datagram: Bytes,
    next: Duration,
    repetitions: u8,
}

/// A request without an answer.
struct Question {
    nonce: u64,
    code: Code,
    options: OptionList,
    payload: Vec<u8>,
    /// The block of the payload that is on its way, if it does not fit one message.
    block1: Option<BlockValue>,
    /// What is to be answered.
    expected: Vec<u8>,
    /// What was answered so far.
    answer: Vec<u8>,
}

const REPEAT_AFTER: Duration = Duration::from_secs(9);
const REPETITIONS: u8 = 4;

impl GoClient {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut rng = scenario.rng.clone();
        let observation = token(&mut rng);
        let mut client = Self {
            next_id: rng.random_range(1..60_000),
            rng,
            asks: scenario.asks.iter().rev().cloned().collect(),
            asked: Vec::new(),
            flights: Vec::new(),
            replies: HashMap::new(),
            questions: HashMap::new(),
            observation,
            fetch: None,
            ready: Vec::new(),
            registered: false,
            state: 0,
            answered: 0,
            notifications: 0,
        };
        if scenario.observes {
            let mut registration = options("states", &[("since", 0)]);
            registration.push_empty(OptionNumber::OBSERVE);
            let header = Header {
                kind: Type::Confirmable,
                code: Code::GET,
                id: 0,
                token: observation,
            };
            client.launch(Duration::ZERO, header, &registration, &[]);
        }
        client
    }

    /// Sends a confirmable message until it is acknowledged.
    fn launch(&mut self, now: Duration, header: Header, options: &OptionList, payload: &[u8]) {
        let datagram = datagram(header, options, payload);
        self.ready.push(datagram.clone());
        self.flights.push(Flight {
            id: header.id,
            datagram,
            next: now + REPEAT_AFTER,
            repetitions: 0,
        });
    }

    fn ask(&mut self, now: Duration, ask: &Ask) {
        self.asked.push(Asked {
            code: ask.code,
            at: now,
            body: ask.body,
            answer: ask.answer,
            refused: false,
        });
        let nonce = self.asked.len() as u64;
        let numbers = [
            ("nonce", nonce),
            ("code", u64::from(ask.code.0)),
            ("body", ask.body as u64),
            ("answer", ask.answer as u64),
            ("wait", ask.wait.as_millis() as u64),
            ("accept", u64::from(ask.accept)),
        ];
        let size = BlockSize::MAX;
        let question = Question {
            nonce,
            code: ask.code,
            options: options("ask", &numbers),
            payload: pattern(nonce, ask.body),
            block1: (ask.body >= size.bytes()).then_some(BlockValue {
                number: 0,
                more: ask.body > size.bytes(),
                size,
            }),
            expected: pattern(nonce + 1, ask.answer),
            answer: Vec::new(),
        };
        let token = token(&mut self.rng);
        self.questions.insert(token, question);
        self.send_question(now, token);
    }

    /// Sends a request, or the next block of it.
    fn send_question(&mut self, now: Duration, token: Token) {
        let Some(question) = self.questions.get(&token) else {
            return;
        };
        let options = question.options_with_block1();
        let payload = match question.block1 {
            Some(block) => {
                let rest = &question.payload[block.offset()..];
                rest[..rest.len().min(block.size.bytes())].to_vec()
            }
            None => question.payload.clone(),
        };
        let code = question.code;
        let header = self.header(code, token);
        self.launch(now, header, &options, &payload);
    }

    /// Of the next message of a request.
    fn header(&mut self, code: Code, token: Token) -> Header {
        self.next_id += 1;
        Header {
            kind: Type::Confirmable,
            code,
            id: self.next_id,
            token,
        }
    }

    /// A response: the word that the next block may come, all of an answer, or a block of it. Further blocks are asked for
    /// with the same token and options, the last block of the question among them.
    fn take_answer(&mut self, now: Duration, message: &Message<'_>) {
        let token = message.header.token;
        let Some(question) = self.questions.get_mut(&token) else {
            return;
        };
        match message.header.code {
            Code::CONTENT => {}
            Code::CONTINUE => {
                let taken = block(message, OptionNumber::BLOCK1).expect("the block that was taken");
                if question.go_on(taken) {
                    self.send_question(now, token);
                }
                return;
            }
            code => {
                self.asked[question.nonce as usize - 1].refused = code == Code::SERVICE_UNAVAILABLE;
                self.questions.remove(&token);
                return;
            }
        }
        let block = block(message, OptionNumber::BLOCK2);
        if block.map_or(0, BlockValue::offset) != question.answer.len() {
            return;
        }
        question.answer.extend_from_slice(message.payload);
        if let Some(block) = block.filter(|block| block.more) {
            let mut options = question.options_with_block1();
            options.push_uint(OptionNumber::BLOCK2, next(block).to_uint());
            let code = question.code;
            let header = self.header(code, token);
            return self.launch(now, header, &options, &[]);
        }
        assert_eq!(question.answer, question.expected, "another answer");
        self.questions.remove(&token);
        self.answered += 1;
    }

    /// A notification or a block of one: what acknowledges it.
    fn take_notification(&mut self, message: &Message<'_>) -> Bytes {
        let header = message.header;
        let block = block(message, OptionNumber::BLOCK2);
        let offset = block.map_or(0, BlockValue::offset);
        let first = header.token == self.observation;
        if first && (header.code != Code::CONTENT || message.payload.is_empty()) {
            return empty(Type::Acknowledgement, header.id);
        }
        if first {
            let fetch_token = token(&mut self.rng);
            self.fetch = Some((fetch_token, Vec::new()));
        }
        let Some((fetch_token, body)) = &mut self.fetch else {
            return empty(Type::Acknowledgement, header.id);
        };
        if offset != body.len() {
            return empty(Type::Acknowledgement, header.id);
        }
        body.extend_from_slice(message.payload);
        if let Some(block) = block.filter(|block| block.more) {
            let mut options = options("states", &[("since", 0)]);
            options.push_uint(OptionNumber::BLOCK2, next(block).to_uint());
            let header = Header {
                kind: Type::Acknowledgement,
                code: Code::GET,
                id: header.id,
                token: *fetch_token,
            };
            return datagram(header, &options, &[]);
        }
        let (from, to) = read_states(body);
        let known = self.state;
        assert!(from <= known, "a gap: {from} to {to} after {known}");
        assert!(to >= known, "old news: {from} to {to} after {known}");
        self.state = to;
        self.fetch = None;
        self.notifications += 1;
        empty(Type::Acknowledgement, header.id)
    }

    fn is_of_notification(&self, token: Token) -> bool {
        let fetching = self
            .fetch
            .as_ref()
            .is_some_and(|(other, _)| *other == token);
        fetching || token == self.observation
    }
}

impl Question {
    fn options_with_block1(&self) -> OptionList {
        let mut options = self.options.clone();
        if let Some(block) = self.block1 {
            options.push_uint(OptionNumber::BLOCK1, block.to_uint());
            options.push_uint(OptionNumber::SIZE1, self.payload.len() as u64);
        }
        options
    }

    /// This block has been taken. Whether there is another one.
    fn go_on(&mut self, taken: BlockValue) -> bool {
        let Some(block) = self.block1.filter(|block| block.number == taken.number) else {
            return false;
        };
        let offset = block.offset() + block.size.bytes();
        let size = block.size.min(taken.size);
        self.block1 = block.more.then(|| BlockValue {
            number: (offset / size.bytes()) as u32,
            more: offset + size.bytes() < self.payload.len(),
            size,
        });
        self.block1.is_some()
    }
}

impl Side for GoClient {
    fn handle_datagram(&mut self, clock: Clock, datagram: &[u8]) {
        let message = Message::parse(datagram).expect("a message");
        let Header {
            kind, id, token, ..
        } = message.header;
        if kind == Type::Confirmable {
            if !self.replies.contains_key(&id) {
                let reply = if self.is_of_notification(token) {
                    self.take_notification(&message)
                } else {
                    self.take_answer(clock.now, &message);
                    empty(Type::Acknowledgement, id)
                };
                self.replies.insert(id, reply);
            }
            self.ready.push(self.replies[&id].clone());
        } else {
            self.flights.retain(|flight| flight.id != id);
            if token == self.observation {
                self.registered |= message.header.code == Code::CONTENT;
            } else {
                self.take_answer(clock.now, &message);
            }
        }
    }

    fn handle_timeout(&mut self, clock: Clock) {
        for flight in &mut self.flights {
            if flight.next <= clock.now && flight.repetitions < REPETITIONS {
                self.ready.push(flight.datagram.clone());
            }
            if flight.next <= clock.now {
                flight.next = clock.now + REPEAT_AFTER;
                flight.repetitions += 1;
            }
        }
        self.flights
            .retain(|flight| flight.repetitions <= REPETITIONS);
        while let Some(ask) = self.asks.pop_if(|ask| ask.at <= clock.now) {
            self.ask(clock.now, &ask);
        }
    }

    fn next_time(&self, _clock: Clock) -> Option<Duration> {
        let flights = self.flights.iter().map(|flight| flight.next);
        flights.chain(self.asks.last().map(|ask| ask.at)).min()
    }

    fn poll_transmit(&mut self, _clock: Clock, _ladder: &mut Ladder) -> Option<Bytes> {
        (!self.ready.is_empty()).then(|| self.ready.remove(0))
    }
}

impl Client for GoClient {
    fn requests(&self) -> &[Asked] {
        &self.asked
    }

    fn taken(&self) -> u64 {
        self.state
    }

    fn finish(self, last_state: u64) -> Outcome {
        if self.registered {
            assert_eq!(self.state, last_state, "states that never arrived");
        }
        let requests = self.asked.len() as u64;
        Outcome {
            requests,
            answered: self.answered,
            failed: requests - self.answered,
            notifications: self.notifications,
            registrations: u64::from(self.registered),
            ..Outcome::default()
        }
    }
}

fn token(rng: &mut StdRng) -> Token {
    Token::try_from(&rng.random::<[u8; 8]>()[..]).expect("eight bytes")
}

/// The library says that more blocks follow, in a request for one.
fn next(block: BlockValue) -> BlockValue {
    BlockValue {
        number: block.number + 1,
        more: true,
        ..block
    }
}
