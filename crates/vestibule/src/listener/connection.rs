//! The life of one connection, from accept to close.

use std::{rc::Rc, sync::Arc};

use super::header;
use crate::{
    addr::{Endpoint, PeerAddr},
    ending::{Ending, Refusal},
    limits::Place,
    plan::{Listener, Next, Service, choose},
    relay::{Relay, Stream},
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
    worker: &Worker,
    connection: &Connection,
    mut stream: Stream,
) -> Result<Ending, Ending> {
    let listener = connection.listener();
    let opening = match header::expected(listener, connection.peer())? {
        Some(policy) => header::read(worker, connection, policy, &mut stream).await?,
        None => header::plain(connection, &stream),
    };
    let service = route(connection)?;
    let _client_place = worker
        .limits
        .client_place(connection.client())
        .map_err(|()| Ending::Refused(Refusal::ClientLimit))?;
    let payload = header::payload(worker, connection, opening, &mut stream).await?;
    let received = payload.len() as u64;
    connection.received.set(received);
    service.stats.received.add(worker.id, received);
    let Dialed {
        stream: upstream,
        active: _active,
        first,
    } = dial(worker, connection, &service, &stream, payload).await?;
    let mut relay = Relay::new(worker, connection, &service, stream, upstream, first);
    Ok(relay.run().await)
}

/// Picks the service. Apart from [`carry`], so that nothing of it lives on in the future.
fn route(connection: &Connection) -> Result<Arc<Service>, Ending> {
    // Both ways of opening have said who the client is.
    let identity = connection.identity().ok_or(Ending::InternalError)?;
    let header = connection.header.take();
    let service = match choose(connection.listener(), identity, header.as_deref()) {
        Next::Service(service) => service,
        Next::Missing => return Err(Ending::Refused(Refusal::NoService)),
        Next::Refuse => return Err(Ending::Refused(Refusal::Refused)),
    };
    if service.takes_tlvs() {
        connection.header.replace(header);
    }
    connection.routed(Arc::clone(&service));
    Ok(service)
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
