//! Services of kind `connect`: the explicit proxy. Clients say by HTTP CONNECT where they want to
//! be carried (RFC 9110 section 9.3.6).

mod answer;
mod request;

use std::{io, pin::pin};

use vestibule_config::{Connect, ServiceKind};
use vestibule_peek::http::connect::Credentials;

use self::{answer::Answer, request::Client};
use crate::{
    auth::Verdict,
    ending::{Ending, Party, Refusal},
    listener::farewell,
    plan::Service,
    relay::Leg,
    upstream::{Destination, Dialed, dial},
    worker::{Connection, Interrupt, Worker},
};

/// What a client has asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) destination: Destination,
    /// Who it has proved to be.
    pub(crate) user: Option<Box<str>>,
}

/// Reads the request of the client at `leg`, of which `received` was read already, carries it out
/// and says so. Answers the client and its target.
///
/// # Errors
///
/// How the connection ends when there is no tunnel. The client has been told then.
pub(crate) async fn tunnel(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    mut leg: Leg,
    received: Vec<u8>,
) -> Result<(Leg, Dialed), Ending> {
    match open(worker, connection, service, &mut leg, received).await {
        Ok(dialed) => Ok((leg, dialed)),
        Err(Failure { ending, answer }) => {
            let mut last_words = Vec::new();
            if let Some(answer) = answer {
                connection.answered(answer.status());
                answer.write(&mut last_words);
            }
            connection.account(worker, &ending);
            farewell(worker, connection, &mut leg, &last_words).await;
            Err(ending)
        }
    }
}

/// Why there is no tunnel, and what the client is told.
struct Failure {
    ending: Ending,
    answer: Option<Box<Answer>>,
}

impl From<Ending> for Failure {
    fn from(ending: Ending) -> Self {
        let answer = Answer::to(&ending).map(Box::new);
        Self { ending, answer }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Ending::Refused(refusal).into()
    }
}

async fn open(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    leg: &mut Leg,
    received: Vec<u8>,
) -> Result<Dialed, Failure> {
    let ServiceKind::Connect(config) = &service.config.kind else {
        return Err(Ending::InternalError.into());
    };
    let mut client = Client {
        worker,
        connection,
        leg,
        received,
    };
    let asked = client.request(config.request_timeout).await?;
    let payload = client.received;
    connection.names_destination(&asked.destination.to_string());
    let user = authenticate(worker, connection, service, config, asked.credentials).await?;
    connection.asks(Request {
        destination: asked.destination,
        user,
    });
    let received = payload.len() as u64;
    connection.received.set(received);
    service.stats.received.add(worker.id, received);
    let dialed = dial(worker, connection, service, leg, payload).await?;
    say_established(worker, connection, service, leg).await?;
    Ok(dialed)
}

/// Who the client is; `None` where everyone may come.
async fn authenticate(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    config: &Connect,
    credentials: Option<Credentials>,
) -> Result<Option<Box<str>>, Failure> {
    let Some(users) = &service.users else {
        return Ok(None);
    };
    let unknown = || Failure {
        ending: Ending::Refused(Refusal::ProxyAuthRequired),
        answer: Some(Box::new(Answer::unauthenticated(&config.realm))),
    };
    let Some(Credentials::Basic(basic)) = credentials else {
        return Err(unknown());
    };
    let client = connection.client();
    let verifying = pin!(users.verify(client, basic.username(), basic.password()));
    let limit = config.request_timeout;
    match connection.within(worker, limit, verifying).await {
        Ok(Verdict::Known) => Ok(Some(basic.username().into())),
        Ok(Verdict::Wrong) => Err(unknown()),
        Ok(Verdict::Busy) | Err(Interrupt::Timeout) => Err(Refusal::ProxyAuthBusy.into()),
        Ok(Verdict::Limited { retry_after }) => Err(Failure {
            ending: Ending::Refused(Refusal::ProxyAuthLimited),
            answer: Some(Box::new(Answer::limited(retry_after))),
        }),
        Err(Interrupt::Stop(stop)) => Err(Ending::Stopped(stop).into()),
    }
}

/// Tells the client that its bytes are carried from now on.
async fn say_established(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    leg: &mut Leg,
) -> Result<(), Failure> {
    const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
    connection.answered(200);
    let saying = pin!(leg.write_all(ESTABLISHED));
    let limit = service.config.connect_timeout;
    let gone = |error| Failure {
        ending: Ending::Reset(Party::Client, error),
        answer: None,
    };
    match connection.within(worker, limit, saying).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(gone(error)),
        Err(Interrupt::Timeout) => Err(gone(io::ErrorKind::TimedOut.into())),
        Err(Interrupt::Stop(stop)) => Err(Failure {
            ending: Ending::Stopped(stop),
            answer: None,
        }),
    }
}
