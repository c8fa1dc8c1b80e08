//! What the protocol costs on the air, in bytes of CoAP: without DTLS, UDP and IP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{
    Acknowledge, Assurance, Budget, Config, Event, IncomingRequest, ObservationId, Request,
};
use vestibule_lowband::mapping::{client, server, token::Token};

const TOKEN: &str = "Bearer syt_YWxpY2U_abcdefghijklmnop_1a2b3c";
const SEND: &str =
    "/_matrix/client/v3/rooms/!7mqP7DYBUOmwAweF:localhost/send/m.room.message/m1620000000.1";
const HELLO: &str = r#"{"msgtype":"m.text","body":"Hello World"}"#;
/// With an id of 44 characters.
const SENT: &str = r#"{"event_id":"$xk7ECvG2ITmGzM3fCXrGjJ5bTvhd4cwRBPcYdJBxAHU"}"#;
const SYNC: &str = "/_matrix/client/v3/sync?since=s72594_4483_1934&timeout=30000&filter=1";

/// A companion and a gateway, and the datagrams between them.
struct Path {
    now: Instant,
    companion: Endpoint,
    gateway: Endpoint,
    companion_session: client::Session,
    gateway_session: server::Session,
    companion_settings: client::Settings,
    gateway_settings: server::Settings,
    /// The lengths of the datagrams up and down.
    up: Vec<usize>,
    down: Vec<usize>,
}

impl Path {
    fn new() -> Self {
        let budget = Budget::new(1 << 20);
        let mut ours = Config::default();
        client::configure(&mut ours);
        let mut theirs = Config::default();
        server::configure(&mut theirs);
        Self {
            now: Instant::now(),
            companion: Endpoint::new(Arc::new(ours), budget.clone(), [1; 32]),
            gateway: Endpoint::new(Arc::new(theirs), budget, [2; 32]),
            companion_session: client::Session::new(),
            gateway_session: server::Session::new(),
            companion_settings: client::Settings::default(),
            gateway_settings: server::Settings::default(),
            up: Vec::new(),
            down: Vec::new(),
        }
    }

    fn carry(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(datagram) = self.companion.poll_transmit() {
                self.up.push(datagram.len());
                self.gateway
                    .handle_datagram(self.now, &datagram)
                    .expect("a message");
                quiet = false;
            }
            while let Some(datagram) = self.gateway.poll_transmit() {
                self.down.push(datagram.len());
                self.companion
                    .handle_datagram(self.now, &datagram)
                    .expect("a message");
                quiet = false;
            }
            if quiet {
                return;
            }
        }
    }

    fn ask(
        &mut self,
        method: &Method,
        path_and_query: &str,
        body: &str,
        observe: bool,
    ) -> client::Exchange {
        self.up.clear();
        self.down.clear();
        let request = client::Request {
            method,
            path_and_query,
            authorization: Some(TOKEN),
            body: body.as_bytes(),
        };
        let session = &mut self.companion_session;
        let asked =
            client::open(session, &self.companion_settings, &request, self.now).expect("it fits");
        let request = Request {
            code: asked.code,
            options: asked.options,
            payload: asked.payload,
            confirmable: true,
            deadline: Duration::from_secs(300),
            once: asked.once,
        };
        if observe {
            let acknowledge = Acknowledge::AtOnce;
            self.companion
                .observe(self.now, request, acknowledge)
                .expect("it fits");
        } else {
            self.companion.request(self.now, request).expect("it fits");
        }
        self.carry();
        asked.exchange
    }

    /// The request that has come to the gateway, as it goes to the homeserver.
    fn asked(&mut self) -> (IncomingRequest, server::HttpRequest) {
        let incoming = loop {
            match self.gateway.poll_event() {
                Some(Event::Partial(_)) => {}
                Some(Event::Request(incoming)) => break incoming,
                other => panic!("no request: {other:?}"),
            }
        };
        let request = server::Request {
            code: incoming.code,
            options: &incoming.options,
            payload: &incoming.payload,
            message_id: incoming.message_id,
            received: self.now,
        };
        let session = &mut self.gateway_session;
        let opened = server::open(session, &self.gateway_settings, &request, self.now);
        match opened.expect("it fits") {
            server::Opened::Forward(request) => (incoming, *request),
            held => panic!("{held:?}"),
        }
    }

    fn response(
        &mut self,
        request: &server::HttpRequest,
        body: &str,
    ) -> vestibule_coap::endpoint::Response {
        let upstream = server::Upstream {
            status: StatusCode::OK,
            retry_after: None,
            body: body.as_bytes(),
        };
        server::close(
            &mut self.gateway_session,
            &self.gateway_settings,
            request,
            &upstream,
        )
    }

    /// A whole exchange: bytes up and down.
    fn exchange(
        &mut self,
        method: &Method,
        path: &str,
        body: &str,
        answer: &str,
    ) -> (usize, usize) {
        let exchange = self.ask(method, path, body, false);
        let (incoming, request) = self.asked();
        assert_eq!(
            request.token.as_ref().map(Token::as_str),
            TOKEN.strip_prefix("Bearer ")
        );
        assert_eq!(json(&request.body), json(body.as_bytes()));
        let response = self.response(&request, answer);
        self.gateway.respond(self.now, incoming.exchange, response);
        self.carry();
        let Some(Event::Response { response, .. }) = self.companion.poll_event() else {
            panic!("no response");
        };
        let session = &mut self.companion_session;
        let outcome = client::close(session, &self.companion_settings, &exchange, &response);
        let client::Outcome::Answer(heard) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(json(&heard.body), json(answer.as_bytes()));
        (self.up.iter().sum(), self.down.iter().sum())
    }

    /// Registers an observation of sync with nothing new: bytes up and down.
    fn register(&mut self) -> (ObservationId, server::HttpRequest, (usize, usize)) {
        self.ask(&Method::GET, SYNC, "", true);
        let (incoming, request) = self.asked();
        let response = self.response(&request, r#"{"next_batch":"s72594_4483_1934"}"#);
        let observation = self
            .gateway
            .respond_observed(self.now, incoming.exchange, response, Assurance::None)
            .expect("it fits");
        self.carry();
        let bytes = (self.up.iter().sum(), self.down.iter().sum());
        assert!(matches!(
            self.companion.poll_event(),
            Some(Event::Response { observed: true, .. })
        ));
        (observation, request, bytes)
    }

    /// Notifies: bytes up and down.
    fn notify(
        &mut self,
        observation: ObservationId,
        request: &server::HttpRequest,
        body: &str,
    ) -> (usize, usize) {
        self.up.clear();
        self.down.clear();
        let response = self.response(request, body);
        self.gateway
            .notify(self.now, observation, response)
            .expect("it fits");
        self.carry();
        assert!(matches!(
            self.companion.poll_event(),
            Some(Event::Notification { .. })
        ));
        assert!(matches!(
            self.gateway.poll_event(),
            Some(Event::NotificationDelivered(_))
        ));
        (self.up.iter().sum(), self.down.iter().sum())
    }
}

fn json(text: &[u8]) -> Option<serde_json::Value> {
    serde_json::from_slice(text).ok()
}

/// The sync body with one message in one room, or several.
fn lines(count: usize) -> String {
    let events: Vec<String> = (0..count)
        .map(|at| {
            format!(
                r#"{{"type":"m.room.message","sender":"@alice:localhost","content":{{"msgtype":"m.text","body":"Line number {at}"}},"origin_server_ts":{},"event_id":"$xk7ECvG2ITmGzM3fCXrGjJ5bTvhd4cwRBPcYdJB{at:04}"}}"#,
                1_620_000_000_000_u64 + at as u64 * 12_345
            )
        })
        .collect();
    let events = events.join(",");
    format!(
        r#"{{"next_batch":"s72595_4484_1935","rooms":{{"join":{{"!7mqP7DYBUOmwAweF:localhost":{{"timeline":{{"events":[{events}],"limited":false,"prev_batch":"t1-2"}}}}}}}}}}"#
    )
}

fn device_keys() -> String {
    let keys: Vec<String> = (0..20)
        .map(|at| {
            format!(
                r#""signed_curve25519:AAAA{at:02}":{{"key":"{}","signatures":{{"@alice:localhost":{{"ed25519:JLAFKJWSCS":"{}"}}}}}}"#,
                "k".repeat(43),
                "s".repeat(86)
            )
        })
        .collect();
    format!(r#"{{"one_time_keys":{{{}}}}}"#, keys.join(","))
}

#[test]
fn byte_table() {
    let mut path = Path::new();
    let mut rows = Vec::new();
    let mut row = |name: &'static str, (up, down): (usize, usize), limit: (usize, usize)| {
        rows.push(format!(
            "{name:<52}{up:>7}{down:>7}   at most {} and {}",
            limit.0, limit.1
        ));
        assert!(
            up <= limit.0 && down <= limit.1,
            "{name}: {up} up, {down} down, {limit:?}"
        );
    };
    let put = &Method::PUT;
    row(
        "first send, with the token",
        path.exchange(put, SEND, HELLO, SENT),
        (140, 57),
    );
    row("send", path.exchange(put, SEND, HELLO, SENT), (94, 57));
    let (observation, request, bytes) = path.register();
    row("register an observation, nothing new", bytes, (60, 36));
    row(
        "notification of one line",
        path.notify(observation, &request, &lines(1)),
        (4, 240),
    );
    let catch_up = lines(20);
    row(
        "notification of 20 lines, in 3 blocks, any gateway",
        path.notify(observation, &request, &catch_up),
        (130, 2600),
    );
    path.gateway.forget_observation(path.now, observation);
    path.companion_settings.has_short_follow_ups = true;
    let (observation, request, _) = path.register();
    row(
        "notification of 20 lines, in 3 blocks",
        path.notify(observation, &request, &catch_up),
        (70, 2600),
    );
    assert_eq!((path.up.len(), path.down.len()), (4, 4));
    let keys = device_keys();
    let upload = path.exchange(
        &Method::POST,
        "/_matrix/client/v3/keys/upload",
        &keys,
        r#"{"one_time_key_counts":{"signed_curve25519":20}}"#,
    );
    row("upload of 20 keys, in 4 blocks", upload, (4300, 110));
    path.up.clear();
    path.down.clear();
    path.companion.ping(path.now);
    path.carry();
    row("ping", (path.up[0], path.down[0]), (4, 4));
    println!("{:<52}{:>7}{:>7}", "bytes of CoAP", "up", "down");
    println!("{}", rows.join("\n"));
    println!(
        "(20 lines are {} bytes of JSON, 20 keys {})",
        catch_up.len(),
        keys.len()
    );
}
