//! A client of low bandwidth Matrix: HTTP here, CoAP by DTLS on the network.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{Method, StatusCode};
use serde_json::Value;
use tokio::{net::UdpSocket, time::timeout_at};
use vestibule_coap::{
    Endpoint,
    endpoint::{Acknowledge, Budget, Config, Event, RequestId, Response, Tokens},
};
use vestibule_dtls::{
    Client,
    client::{self, Memory, PeerName, Trust, UnixTime},
    session::Agreement,
};
use vestibule_lowband::mapping::client::{
    self as mapping, CoapRequest, Exchange, Outcome, Request, Session, Settings,
};

use super::table::Missed;

/// An association with a gateway.
pub(super) struct MatrixClient {
    socket: UdpSocket,
    association: Client,
    agreement: Option<Agreement>,
    endpoint: Endpoint,
    session: Session,
    settings: Settings,
    /// `Bearer` and the access token, once there is one.
    authorization: Option<String>,
    carried: Carried,
    buffer: Vec<u8>,
}

/// What has passed, in both directions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carried {
    pub(super) datagrams: usize,
    /// Of the datagrams, without the headers of IP and UDP.
    pub(super) bytes: usize,
}

/// An answer, as HTTP would have it.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

/// A sync that is observed.
pub(super) struct Observation {
    id: RequestId,
    exchange: Exchange,
}

/// The longest datagram that is received.
const DATAGRAM: usize = 2_048;

/// How much the endpoint may keep for the gateway.
const BUDGET: usize = 1 << 20;

/// When a request fails. The table gives up sooner.
const DEADLINE: Duration = Duration::from_secs(30);

/// How often a request is sent that the gateway did not understand as it was.
const ATTEMPTS: usize = 3;

impl MatrixClient {
    /// Opens an association with the gateway of this name.
    ///
    /// # Errors
    ///
    /// When there is none, or it is somebody else.
    pub(super) async fn connect(
        gateway: SocketAddr,
        name: PeerName,
        trust: Trust,
    ) -> Result<Self, Missed> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        socket.connect(gateway).await?;
        let config = client::Config::new(name, gateway.port(), trust);
        let association = Client::new(config, Memory::new(0), Instant::now(), UnixTime::now())
            .map_err(|fault| failed("no DTLS", &fault))?;
        let mut config = Config {
            tokens: Tokens::Counted,
            max_exchanges: 0,
            ..Config::default()
        };
        mapping::configure(&mut config);
        let mut client = Self {
            socket,
            association,
            agreement: None,
            endpoint: Endpoint::new(Arc::new(config), Budget::new(BUDGET), rand::random()),
            session: Session::new(),
            settings: Settings::default(),
            authorization: None,
            carried: Carried::default(),
            buffer: vec![0; DATAGRAM],
        };
        client.settle().await?;
        while client.agreement.is_none() {
            client.wait().await?;
            client.settle().await?;
        }
        Ok(client)
    }

    /// What was agreed on.
    pub(super) fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    /// This side of the association.
    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// What has passed so far.
    pub(super) fn carried(&self) -> Carried {
        self.carried
    }

    /// Asks by this access token from now on.
    pub(super) fn set_token(&mut self, token: &str) {
        self.authorization = Some(format!("Bearer {token}"));
    }

    /// Lets this be asked for, which a client should know not to.
    pub(super) fn allow(&mut self, path: &str) {
        if let Ok(policy) = self.settings.policy.clone().allow(path) {
            self.settings.policy = policy;
        }
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// When it cannot be sent, or there is no answer.
    pub(super) async fn ask(
        &mut self,
        method: &Method,
        path_and_query: &str,
        body: &Value,
    ) -> Result<Answered, Missed> {
        for _ in 0..ATTEMPTS {
            let (request, exchange) = self.open(method, path_and_query, body)?;
            let sent = self.endpoint.request(Instant::now(), request);
            let id = sent.map_err(|error| Missed::Failed(format!("not sent: {error:?}")))?;
            let response = self.response(id).await?;
            if let Some(answered) = self.close(&exchange, &response)? {
                return Ok(answered);
            }
        }
        Err(Missed::Failed(
            "the gateway wants it again and again".into(),
        ))
    }

    /// Observes a sync. What it answers at first is of no interest.
    ///
    /// # Errors
    ///
    /// When the gateway does not take note.
    pub(super) async fn observe(&mut self, path_and_query: &str) -> Result<Observation, Missed> {
        let (request, exchange) = self.open(&Method::GET, path_and_query, &Value::Null)?;
        let now = Instant::now();
        let sent = self.endpoint.observe(now, request, Acknowledge::AtOnce);
        let id = sent.map_err(|error| Missed::Failed(format!("not sent: {error:?}")))?;
        let response = self.response(id).await?;
        match response.code.is_success() {
            true => Ok(Observation { id, exchange }),
            false => Err(Missed::Failed(format!("it answers {}", response.code))),
        }
    }

    /// The next thing that an observed sync has to say.
    ///
    /// # Errors
    ///
    /// When that is nothing any more.
    pub(super) async fn notified(&mut self, observation: &Observation) -> Result<Value, Missed> {
        let response = self.response(observation.id).await?;
        let answered = self.close(&observation.exchange, &response)?;
        answered
            .map(|answered| answered.body)
            .ok_or_else(|| Missed::Failed("the notification makes no sense".into()))
    }

    fn open(
        &mut self,
        method: &Method,
        path_and_query: &str,
        body: &Value,
    ) -> Result<(vestibule_coap::endpoint::Request, Exchange), Missed> {
        let text = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = Request {
            method,
            path_and_query,
            authorization: self.authorization.as_deref(),
            body: text.as_bytes(),
        };
        let opened = mapping::open(&mut self.session, &self.settings, &request, Instant::now());
        let CoapRequest {
            code,
            options,
            payload,
            once,
            exchange,
        } = opened.map_err(|why| failed("not for CoAP", &why))?;
        let request = vestibule_coap::endpoint::Request {
            code,
            options,
            payload,
            confirmable: true,
            deadline: DEADLINE,
            once,
        };
        Ok((request, exchange))
    }

    /// `None`: it is to be asked again.
    fn close(
        &mut self,
        exchange: &Exchange,
        response: &Response,
    ) -> Result<Option<Answered>, Missed> {
        match mapping::close(&mut self.session, &self.settings, exchange, response) {
            Outcome::Again => Ok(None),
            Outcome::Answer(answer) => Ok(Some(Answered {
                status: answer.status,
                body: serde_json::from_slice(&answer.body)
                    .map_err(|error| failed("no JSON", &error))?,
            })),
        }
    }

    /// Waits for what comes for a request: the answer, or a notification.
    async fn response(&mut self, id: RequestId) -> Result<Response, Missed> {
        loop {
            self.settle().await?;
            let Some(event) = self.endpoint.poll_event() else {
                self.wait().await?;
                continue;
            };
            match event {
                Event::Response {
                    request, response, ..
                }
                | Event::Notification { request, response }
                | Event::ObservationRefused { request, response }
                    if request == id =>
                {
                    self.settle().await?;
                    return Ok(response);
                }
                Event::RequestFailed(request, why) if request == id => {
                    return Err(Missed::Failed(format!("no answer: {why:?}")));
                }
                _ => {}
            }
        }
    }

    /// Hands on what one layer has for the other, and sends what there is.
    async fn settle(&mut self) -> Result<(), Missed> {
        while let Some(event) = self.association.poll_event() {
            match event {
                client::Event::Connected(agreement) => self.agreement = Some(agreement),
                client::Event::Received(message) => {
                    // The endpoint answers to what is wrong as it should.
                    let _ = self.endpoint.handle_datagram(Instant::now(), &message);
                }
                client::Event::Closed(why) => return Err(failed("the association", &why)),
            }
        }
        self.transmit().await?;
        while self.agreement.is_some() {
            let Some(message) = self.endpoint.poll_transmit() else {
                break;
            };
            let sent = self.association.send(&message);
            sent.map_err(|error| Missed::Failed(format!("not sent: {error:?}")))?;
            self.transmit().await?;
        }
        Ok(())
    }

    async fn transmit(&mut self) -> Result<(), Missed> {
        while let Some(datagram) = self.association.poll_transmit() {
            self.carried.count(datagram.len());
            self.socket.send(&datagram).await?;
        }
        Ok(())
    }

    /// Waits for a datagram, or for something to be due.
    async fn wait(&mut self) -> Result<(), Missed> {
        let due = [
            self.association.poll_timeout(),
            self.agreement
                .is_some()
                .then(|| self.endpoint.poll_timeout())
                .flatten(),
        ];
        let due = due.into_iter().flatten().min();
        let until = due.unwrap_or_else(|| Instant::now() + DEADLINE);
        match timeout_at(until.into(), self.socket.recv(&mut self.buffer)).await {
            Ok(received) => {
                let length = received?;
                self.carried.count(length);
                let datagram = &self.buffer[..length];
                self.association.handle_datagram(Instant::now(), datagram);
            }
            Err(_) => {
                let now = Instant::now();
                self.association.handle_timeout(now);
                self.endpoint.handle_timeout(now);
            }
        }
        Ok(())
    }
}

impl Carried {
    fn count(&mut self, bytes: usize) {
        self.datagrams += 1;
        self.bytes += bytes;
    }

    /// What has passed since.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            datagrams: self.datagrams - before.datagrams,
            bytes: self.bytes - before.bytes,
        }
    }
}

fn failed(what: &str, why: &dyn std::fmt::Display) -> Missed {
    Missed::Failed(format!("{what}: {why}"))
}
