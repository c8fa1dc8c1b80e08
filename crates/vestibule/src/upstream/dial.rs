//! Dialing: from a service to a connected stream that has been told who the client is.

use std::{cell::Cell, io, sync::Arc};

use super::{
    Active,
    attempt::{Attempt, Deadline},
    balance::Attempts,
};
use crate::{
    ending::{Ending, Party},
    plan::Service,
    relay::Leg,
    tls::ClientCertificate,
    worker::{Connection, Worker},
};

/// A connection to a target.
pub(crate) struct Dialed {
    pub(crate) leg: Leg,
    /// Counts the connection while it lives.
    pub(crate) active: Active,
    /// What has already come from the target, to be read before anything else.
    pub(crate) early: Vec<u8>,
    /// What is still owed to the target: all of the PROXY header and of the client's first bytes
    /// that it did not take at once.
    pub(crate) first: Vec<u8>,
}

/// The client, as far as dialing needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) enum Front<'a> {
    /// One of several requests of a connection. With the client's certificate in DER, when it has
    /// shown a good one.
    Request(Option<&'a [u8]>),
    /// The whole connection.
    Stream(&'a Leg),
}

/// Connects `connection` to a target of `service`: up to `1 + retries` attempts in balance order,
/// each within `connect_timeout`, unless `client` is gone by then. The PROXY header goes first;
/// without TLS, `payload`, what the client has sent so far, is written together with it, so that
/// they share the first segment.
///
/// # Errors
///
/// How the connection ends when no target could be reached.
pub(crate) async fn dial(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    client: &Leg,
    payload: Vec<u8>,
) -> Result<Dialed, Ending> {
    let front = Front::Stream(client);
    let dialed = attempt_all(worker, connection, service, front, payload).await?;
    connection.header.take();
    Ok(dialed)
}

/// As [`dial`], for one request of a connection that may have several: it can be called again, and
/// while another call is under way. `certificate` is the client's in DER, when it has shown a good
/// one. It does not look whether the connection was told to end; the caller does.
///
/// # Errors
///
/// How the request ends when no target could be reached.
pub(crate) async fn dial_for_request(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    certificate: Option<&[u8]>,
) -> Result<Dialed, Ending> {
    let front = Front::Request(certificate);
    attempt_all(worker, connection, service, front, Vec::new()).await
}

async fn attempt_all(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    front: Front<'_>,
    payload: Vec<u8>,
) -> Result<Dialed, Ending> {
    let mut attempts = Attempts::new(service);
    let mut last_error = io::Error::other("the service has no target");
    for number in 0..=service.config.retries {
        if number > 0 && front.has_failed() {
            return Err(Ending::Reset(
                Party::Client,
                io::ErrorKind::ConnectionReset.into(),
            ));
        }
        let Some(target) = attempts.next(service, connection.client()) else {
            break;
        };
        connection.dialed(Arc::clone(target));
        let limit = service.config.connect_timeout;
        let attempt = Attempt {
            worker,
            connection,
            service,
            target,
            number,
            deadline: match front {
                Front::Request(_) => Deadline::Instant(tokio::time::Instant::now() + limit),
                Front::Stream(_) => Deadline::Tick(worker.timers.now().after(limit)),
            },
            front,
            choices: Cell::new(usize::MAX),
        };
        let active = Active::new(target);
        let error = match attempt.reach().await? {
            Err(error) => error,
            Ok(reached) => {
                let header = attempt.header(reached.leg.socket());
                let header = header.map_err(Ending::ConnectFailed)?;
                let secured = match &service.tls {
                    None => Ok((reached, header)),
                    // Boxed, because it is large and over before the connection is idle.
                    Some(policy) => Box::pin(attempt.secure(policy, reached, header))
                        .await?
                        .map(|reached| (reached, Vec::new())),
                };
                match secured {
                    Err(error) => error,
                    Ok((reached, header)) => {
                        attempt.succeeded();
                        let first = first_bytes(&reached.leg, header, payload);
                        return Ok(Dialed {
                            leg: reached.leg,
                            active,
                            early: reached.early,
                            first,
                        });
                    }
                }
            }
        };
        attempt.failed();
        last_error = error;
        if usize::try_from(number).is_ok_and(|number| number + 1 >= attempt.choices.get()) {
            break;
        }
    }
    Err(Ending::ConnectFailed(last_error))
}

impl<'a> Front<'a> {
    /// The client's certificate, when it has shown a good one.
    pub(super) fn certificate(self) -> Option<ClientCertificate<'a>> {
        match self {
            Self::Request(certificate) => certificate.map(ClientCertificate::new),
            Self::Stream(leg) => leg.client_certificate(),
        }
    }

    /// Whether the connection is for one of several requests.
    pub(super) fn is_request(self) -> bool {
        matches!(self, Self::Request(_))
    }

    fn has_failed(self) -> bool {
        match self {
            // Whoever carries its requests sees that.
            Self::Request(_) => false,
            Self::Stream(leg) => leg.has_failed(),
        }
    }
}

/// Writes the PROXY header, unless it went before TLS, and the client's first bytes; answers what
/// the target did not take yet.
fn first_bytes(leg: &Leg, header: Vec<u8>, payload: Vec<u8>) -> Vec<u8> {
    let mut first = header;
    match first.is_empty() {
        true => first = payload,
        false => first.extend_from_slice(&payload),
    }
    let Leg::Plain(stream) = leg else {
        return first;
    };
    if first.is_empty() {
        return first;
    }
    match stream.write_now(&first) {
        Ok(written) if written == first.len() => Vec::new(),
        Ok(written) => first.split_off(written),
        // The relay meets the same error again, if it is one.
        Err(_) => first,
    }
}
