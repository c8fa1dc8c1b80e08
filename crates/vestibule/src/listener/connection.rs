//! The life of one connection, from accept to close.

use std::{rc::Rc, sync::Arc};

use vestibule_config::ServiceKind;

use super::{
    header,
    understand::{Understood, understand},
};
use crate::{
    addr::{Endpoint, PeerAddr},
    ending::{Ending, Refusal},
    explicit, http,
    limits::Place,
    plan::{Asked, Listener, Next, Service, choose, first_match},
    relay::{Leg, Relay, Stream},
    upstream::{Dialed, dial},
    worker::{Connection, Live, Worker},
};

/// Carries one accepted connection, and accounts for it when it has ended.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    listener: Arc<Listener>,
    stream: Stream,
    peer: PeerAddr,
    local: Option<Endpoint>,
    _place: Place,
) {
    let live = Live::open(worker, listener, peer, local);
    let (Ok(ending) | Err(ending)) = carry(&live.worker, &live.connection, stream).await;
    live.close(&ending);
}

async fn carry(
    worker: &Rc<Worker>,
    connection: &Rc<Connection>,
    mut stream: Stream,
) -> Result<Ending, Ending> {
    let listener = connection.listener();
    let opening = match header::expected(listener, connection.peer())? {
        Some(policy) => header::read(worker, connection, policy, &mut stream).await?,
        None => header::plain(worker, connection, &stream)?,
    };
    let _client_place = worker
        .limits
        .client_place(connection.client())
        .map_err(|()| Ending::Refused(Refusal::ClientLimit))?;
    let Understood {
        mut leg,
        opening,
        service,
    } = if listener.looks_inside() {
        // Boxed, because it is large and over before the connection is idle.
        Box::pin(understand(worker, connection, stream, opening)).await?
    } else {
        Understood {
            service: route(connection, Asked::default())?,
            leg: Leg::Plain(stream),
            opening,
        }
    };
    // Boxed, because it is large and over before the connection is idle.
    let dialed = match service.config.kind {
        ServiceKind::Connect(_) => {
            let received = opening.into_payload();
            let tunnel = Box::pin(explicit::tunnel(
                worker, connection, &service, leg, received,
            ));
            let (client, dialed) = tunnel.await?;
            leg = client;
            dialed
        }
        ServiceKind::Http(_) => {
            let received = opening.into_payload();
            return Ok(Box::pin(http::serve(worker, connection, service, leg, received)).await);
        }
        ServiceKind::Tcp => {
            let payload = header::payload(worker, connection, opening, &mut leg).await?;
            let received = payload.len() as u64;
            connection.received.set(received);
            service.stats.received.add(worker.id, received);
            Box::pin(dial(worker, connection, &service, &leg, payload)).await?
        }
    };
    let Dialed {
        leg: upstream,
        active: _active,
        early,
        first,
    } = dialed;
    let mut relay = Relay::new(worker, connection, &service, leg, upstream, early, first);
    Ok(relay.run().await)
}

/// Picks the service. Apart from [`carry`], so that nothing of it lives on in the future.
pub(super) fn route(connection: &Connection, asked: Asked<'_>) -> Result<Arc<Service>, Ending> {
    // Both ways of opening have said who the client is.
    let identity = connection.identity().ok_or(Ending::InternalError)?;
    let header = connection.header.take();
    match choose(connection.listener(), identity, header.as_deref(), asked) {
        Next::Service(service) => Ok(routed(connection, service, header)),
        Next::Missing => Err(Ending::Refused(Refusal::NoService)),
        Next::Refuse => Err(Ending::Refused(Refusal::Refused)),
    }
}

/// Picks the service among those that a route leads to; when none does, the connection is refused
/// for the reason `otherwise`.
pub(super) fn route_without_default(
    connection: &Connection,
    asked: Asked<'_>,
    otherwise: Refusal,
) -> Result<Arc<Service>, Ending> {
    let identity = connection.identity().ok_or(Ending::InternalError)?;
    let header = connection.header.take();
    match first_match(connection.listener(), identity, header.as_deref(), asked) {
        Some(route) => Ok(routed(connection, Arc::clone(&route.service), header)),
        None => Err(Ending::Refused(otherwise)),
    }
}

fn routed(
    connection: &Connection,
    service: Arc<Service>,
    header: Option<Box<[u8]>>,
) -> Arc<Service> {
    // Further requests are routed too.
    let asks_again =
        connection.listener().peeks_http && matches!(service.config.kind, ServiceKind::Http(_));
    if service.takes_tlvs() || asks_again {
        connection.header.replace(header);
    }
    connection.routed(Arc::clone(&service));
    service
}

#[cfg(test)]
mod tests {
    use super::*;

    fn future_size<F>(
        _: impl Fn(Rc<Worker>, Arc<Listener>, Stream, PeerAddr, Option<Endpoint>, Place) -> F,
    ) -> usize {
        size_of::<F>()
    }

    /// An idle connection is this future and a [`Connection`]: its memory is what an operator
    /// with many idle clients pays.
    #[test]
    fn a_connection_stays_small() {
        let (future, known) = (future_size(serve), size_of::<Connection>());
        assert!(
            future <= 1024,
            "the future of a connection has {future} bytes"
        );
        assert!(
            known <= 384,
            "what is known of a connection has {known} bytes"
        );
    }
}
