//! What must hold for an endpoint, whatever a peer and an application do.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    BlockSize, BlockValue, Code, Endpoint, Header, Message, OptionList, OptionNumber, Token, Type,
    encode,
    endpoint::{
        Acknowledge, Assurance, Budget, Config, Dialect, EXCHANGE_LIFETIME, Event, ExchangeId,
        Footprint, ObservationId, Request, RequestId, Response,
    },
};

/// Reads the input as a script: datagrams, time and calls.
///
/// # Panics
/// When the endpoint sends what is no message, does more than it was allowed, wants to be woken without end, or keeps
/// something when everything is over.
pub fn check_endpoint(input: &[u8]) {
    let dialect = if input.len().is_multiple_of(2) {
        Dialect::Go
    } else {
        Dialect::Standard
    };
    let mut stage = Stage::new(dialect);
    let mut script = Script(input);
    while !script.0.is_empty() {
        stage.step(&mut script);
        stage.settle();
    }
    stage.end();
}

/// Rest of the input; behind its end all bytes are 0.
struct Script<'a>(&'a [u8]);

struct Stage {
    now: Instant,
    endpoint: Endpoint,
    budget: Budget,
    config: Arc<Config>,
    exchanges: VecDeque<ExchangeId>,
    observations: Vec<ObservationId>,
    requests: VecDeque<RequestId>,
    /// Ids that the endpoint must not use, and since when.
    reserved: Vec<(Instant, u16)>,
    /// The last message of ours that wants an answer.
    last: Option<(Header, Vec<u8>)>,
}

const BUDGET: usize = 400;

/// More than all limits of [`Stage::new`] together, in bytes.
const MEMORY: usize = 16_000;

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    fn bytes(&mut self, length: usize) -> &[u8] {
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}

impl Stage {
    fn new(dialect: Dialect) -> Self {
        let config = Arc::new(Config {
            block_size: BlockSize::at_most(32),
            dialect,
            sticky: vec![OptionNumber(256)],
            understood: vec![OptionNumber(257)],
            max_requests: 4,
            max_exchanges: 4,
            max_request_body: 200,
            max_response_body: 200,
            max_snapshot_bytes: 300,
            max_received: 8,
            max_reply_bytes: 200,
            max_options: 16,
            ..Config::default()
        });
        let budget = Budget::new(BUDGET);
        Self {
            now: Instant::now(),
            endpoint: Endpoint::new(config.clone(), budget.clone(), [7; 32]),
            budget,
            config,
            exchanges: VecDeque::new(),
            observations: Vec::new(),
            requests: VecDeque::new(),
            reserved: Vec::new(),
            last: None,
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 8 {
            0 => {
                let length = usize::from(script.byte());
                let datagram = script.bytes(length).to_vec();
                self.hand(&datagram);
            }
            1 | 2 => self.peer_asks(script),
            3 => self.peer_answers(script),
            4 => {
                let how = script.byte();
                self.now += Duration::from_millis(1 << (how % 18));
                self.place(how);
            }
            5 => self.respond(script),
            6 => {
                let response = response(script);
                if let Some(&id) = self.observations.last() {
                    // It may be gone, or not be delivered yet.
                    let _ = self.endpoint.notify(self.now, id, response);
                }
            }
            _ => self.ask(script),
        }
    }

    /// Perhaps the peer is somewhere else by now, or the caller has a question of its own.
    fn place(&mut self, how: u8) {
        if how & 64 != 0 {
            self.endpoint.path_changed(self.now);
        }
        if how & 128 != 0
            && let Some(id) = self.endpoint.reserve_id(self.now)
        {
            self.reserved.push((self.now, id));
        }
    }

    /// A request, perhaps of a block, with few different ids, tokens and paths, so that they meet.
    fn peer_asks(&mut self, script: &mut Script<'_>) {
        let [shape, id, token] = [script.byte(), script.byte(), script.byte()];
        let [first, second] = [script.byte(), script.byte()];
        let mut options = OptionList::new();
        options.push_uint(OptionNumber::URI_PATH, u64::from(shape & 1));
        if shape & 2 != 0 {
            options.push_uint(OptionNumber::OBSERVE, u64::from(token >> 6));
        }
        if token & 4 != 0 {
            options.push_uint(OptionNumber::REQUEST_TAG, u64::from(token >> 5));
        }
        if token & 8 != 0 {
            options.push_uint(OptionNumber::NO_RESPONSE, 2);
        }
        if token & 16 != 0 {
            options.push_uint(OptionNumber(256), u64::from(token));
        }
        let mut length = usize::from(id >> 3);
        if shape & 4 != 0 {
            let block = block(first);
            options.push_uint(OptionNumber::BLOCK1, block.to_uint());
            if block.more && shape & 16 != 0 {
                length = block.size.bytes();
            }
        }
        if shape & 8 != 0 {
            options.push_uint(OptionNumber::BLOCK2, block(second).to_uint());
        }
        let kind = match shape >> 5 {
            0 => Type::NonConfirmable,
            1 => Type::Acknowledgement,
            _ => Type::Confirmable,
        };
        let header = Header {
            kind,
            code: Code::new(0, 1 + (id & 3)),
            id: u16::from(id >> 2),
            token: small_token(token & 3),
        };
        self.hand_message(header, &options, &vec![id; length]);
    }

    /// An answer to the last message of ours.
    fn peer_answers(&mut self, script: &mut Script<'_>) {
        let [shape, code, first] = [script.byte(), script.byte(), script.byte()];
        let Some((sent, _)) = self.last else {
            return;
        };
        let mut options = OptionList::new();
        if shape & 1 != 0 {
            options.push_uint(OptionNumber::BLOCK1, block(first).to_uint());
        }
        let mut length = usize::from(code);
        if shape & 2 != 0 {
            let block = block(first.rotate_left(3));
            options.push_uint(OptionNumber::BLOCK2, block.to_uint());
            length = length.min(block.size.bytes());
            if block.more {
                length = block.size.bytes();
            }
        }
        if shape & 4 != 0 {
            options.push_uint(OptionNumber::OBSERVE, u64::from(first));
        }
        let codes = [
            Code::EMPTY,
            Code::CONTENT,
            Code::CONTINUE,
            Code::NOT_FOUND,
            Code::REQUEST_ENTITY_INCOMPLETE,
            Code::REQUEST_ENTITY_TOO_LARGE,
            Code::GET,
            Code::CONTENT,
        ];
        let header = Header {
            kind: [
                Type::Acknowledgement,
                Type::Confirmable,
                Type::NonConfirmable,
                Type::Reset,
            ][usize::from(shape >> 6)],
            code: codes[usize::from(code & 7)],
            id: sent.id,
            token: sent.token,
        };
        let separate = matches!(header.kind, Type::Confirmable | Type::NonConfirmable);
        let id = if separate { u16::from(first) } else { sent.id };
        self.hand_message(Header { id, ..header }, &options, &vec![first; length]);
    }

    fn respond(&mut self, script: &mut Script<'_>) {
        let how = script.byte();
        let response = response(script);
        let Some(exchange) = self.exchanges.pop_front() else {
            return;
        };
        let assurance = [Assurance::Acknowledged, Assurance::None, Assurance::Silent];
        match how & 7 {
            0 => {
                self.endpoint.accept(exchange);
                self.exchanges.push_back(exchange);
            }
            at @ 1..=3 => {
                let assurance = assurance[usize::from(at - 1)];
                let observed = self
                    .endpoint
                    .respond_observed(self.now, exchange, response, assurance);
                self.observations.extend(observed);
            }
            4 => {
                if let Some(&id) = self.observations.last() {
                    self.endpoint.refuse_observation(self.now, id, response);
                }
                self.exchanges.push_back(exchange);
            }
            _ => self.endpoint.respond(self.now, exchange, response),
        }
    }

    fn ask(&mut self, script: &mut Script<'_>) {
        let [how, length] = [script.byte(), script.byte()];
        let mut options = OptionList::new();
        options.push_uint(OptionNumber::URI_PATH, 1);
        let request = Request {
            code: Code::new(0, 1 + (how >> 6)),
            options: options.clone(),
            payload: vec![length; usize::from(length)].into(),
            confirmable: how & 8 != 0,
            deadline: Duration::from_secs(u64::from(how & 16) * 10),
            once: &[OptionNumber::URI_PATH],
        };
        let oldest = self.requests.front().copied();
        match (how & 7, oldest) {
            (0, Some(id)) => self.endpoint.cancel(self.now, id),
            (1, Some(id)) => drop(self.endpoint.renew(self.now, id, options)),
            (2, Some(id)) => self.endpoint.acknowledge(id),
            (3, _) => self.endpoint.ping(self.now),
            (4, _) => self.requests.extend(self.endpoint.observe(
                self.now,
                request,
                Acknowledge::ByCaller,
            )),
            (5, _) => self.requests.extend(self.endpoint.observe(
                self.now,
                request,
                Acknowledge::AtOnce,
            )),
            _ => self
                .requests
                .extend(self.endpoint.request(self.now, request)),
        }
    }

    fn hand_message(&mut self, header: Header, options: &OptionList, payload: &[u8]) {
        let mut datagram = Vec::new();
        encode(header, options, payload, &mut datagram);
        self.hand(&datagram);
    }

    fn hand(&mut self, datagram: &[u8]) {
        // That it is no message is told for logs only.
        let _ = self.endpoint.handle_datagram(self.now, datagram);
    }

    /// Takes what has come of a step, and looks at it.
    fn settle(&mut self) {
        self.endpoint.handle_timeout(self.now);
        let timeout = self.endpoint.poll_timeout();
        assert!(timeout.is_none_or(|at| at > self.now), "woken without end");
        self.reserved
            .retain(|&(since, _)| since + EXCHANGE_LIFETIME > self.now);
        let mut count = 0;
        while let Some(datagram) = self.endpoint.poll_transmit() {
            let message = Message::parse(&datagram).expect("what is sent is a message");
            let header = message.header;
            assert!(datagram.len() < 32 + 100, "{}", datagram.len());
            if matches!(header.kind, Type::Confirmable | Type::NonConfirmable) {
                assert_ne!(header.id, 0);
                assert!(!self.reserved.iter().any(|&(_, id)| id == header.id));
                self.last = Some((header, datagram.to_vec()));
            }
            count += 1;
        }
        // Whatever is not acknowledged may be due at the same time, once.
        let most = 32 + self.endpoint.footprint().unsettled;
        assert!(count <= most, "{count} datagrams at a time");
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Request(request) => {
                    assert!(request.payload.len() <= self.config.max_request_body);
                    self.exchanges.push_back(request.exchange);
                }
                Event::Response {
                    request,
                    response,
                    observed,
                } => {
                    assert!(response.payload.len() <= self.config.max_response_body);
                    assert!(self.requests.contains(&request));
                    if !observed {
                        self.requests.retain(|&id| id != request);
                    }
                }
                Event::RequestFailed(request, _) | Event::ObservationRefused { request, .. } => {
                    assert!(self.requests.contains(&request));
                    self.requests.retain(|&id| id != request);
                }
                Event::ObservationEnded(id, _) => self.observations.retain(|&other| other != id),
                _ => {}
            }
        }
        let held = self.endpoint.footprint();
        assert!(held.exchanges <= self.config.max_exchanges);
        assert!(held.observations <= self.config.max_observations);
        assert!(held.received <= self.config.max_received);
        assert!(held.snapshots <= self.config.max_snapshots);
        assert!(held.uploads <= self.config.max_uploads);
        assert!(self.budget.used() <= BUDGET);
        assert!(held.bytes <= MEMORY, "{held:?}");
    }

    /// Lets everything come to its end: nothing is left then.
    fn end(mut self) {
        for exchange in std::mem::take(&mut self.exchanges) {
            let response = Response {
                code: Code::CONTENT,
                options: OptionList::new(),
                payload: Bytes::new(),
            };
            self.endpoint.respond(self.now, exchange, response);
        }
        for observation in std::mem::take(&mut self.observations) {
            self.endpoint.forget_observation(self.now, observation);
        }
        for request in std::mem::take(&mut self.requests) {
            self.endpoint.cancel(self.now, request);
        }
        for _ in 0..10_000 {
            self.settle();
            match self.endpoint.poll_timeout() {
                Some(timeout) => self.now = timeout,
                None => break,
            }
        }
        assert_eq!(self.endpoint.footprint(), Footprint::default());
        assert_eq!(self.budget.used(), 0);
    }
}

fn response(script: &mut Script<'_>) -> Response {
    let [code, length] = [script.byte(), script.byte()];
    Response {
        code: [Code::CONTENT, Code::CONTENT, Code::NOT_FOUND][usize::from(code % 3)],
        options: OptionList::new(),
        payload: vec![code; usize::from(length)].into(),
    }
}

fn block(byte: u8) -> BlockValue {
    BlockValue {
        number: u32::from(byte >> 4),
        more: byte & 8 != 0,
        size: BlockSize::at_most(16 << (byte & 3)),
    }
}

fn small_token(byte: u8) -> Token {
    Token::try_from(&[byte][..]).unwrap_or_default()
}
