//! What a worker does with datagrams, time and messages, without waiting for anything.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use vestibule_dtls::{
    Accept,
    server::{self, AssociationId, Handled, Path, Shared, Transmit, View},
};

use super::{
    Application, Associations, Ended, Event, Peer,
    calm::Calm,
    counters::{Counters, Dropped},
    handover::{Chute, Handed, Parcel},
};
use crate::udp::{Socket, Unsent};

/// A worker's associations and what serves them.
pub(super) struct Core<A> {
    pub(super) application: A,
    pub(super) associations: Associations,
    pub(super) place: Place,
    /// For each worker what it is to be handed.
    parcels: Vec<Parcel>,
}

/// Where a worker is: what it shares with the others.
#[derive(Clone)]
pub(super) struct Place {
    /// Its number.
    pub(super) worker: usize,
    /// The way to each worker.
    pub(super) chutes: Arc<[Chute]>,
    pub(super) sockets: Arc<[Arc<Socket>]>,
    pub(super) shared: Arc<Shared>,
    pub(super) counters: Arc<Counters>,
    /// Which workers have nothing left to answer.
    pub(super) calm: Arc<Calm>,
}

impl<A: Application> Core<A> {
    pub(super) fn new(application: A, associations: Associations, place: Place) -> Self {
        let parcels = place.chutes.iter().map(|_| Parcel::default()).collect();
        Self {
            application,
            associations,
            place,
            parcels,
        }
    }

    /// Takes a datagram that a socket has received.
    pub(super) fn handle_received(&mut self, path: Path, datagram: &[u8]) {
        let Place {
            worker,
            shared,
            counters,
            ..
        } = &self.place;
        counters.datagrams_in.add(*worker, 1);
        counters.bytes_in.add(*worker, datagram.len() as u64);
        let owner = shared.worker_of(datagram, path.remote, self.parcels.len());
        let handed = Handed {
            path,
            is_stray: false,
        };
        if owner == *worker {
            self.handle_handed(handed, datagram);
        } else {
            self.hand_over(owner, handed, datagram);
        }
    }

    /// Takes a datagram that is for this worker.
    pub(super) fn handle_handed(&mut self, handed: Handed, datagram: &[u8]) {
        let now = self.associations.now;
        let Handed { path, is_stray } = handed;
        if is_stray {
            self.associations.dtls.handle_stray(now, path, datagram);
        } else if self.associations.dtls.handle_datagram(now, path, datagram) == Handled::Elsewhere
        {
            let workers = self.parcels.len();
            let owner = self.place.shared.worker_of_address(path.remote, workers);
            if owner == self.place.worker {
                self.associations.dtls.handle_stray(now, path, datagram);
            } else {
                self.place.counters.strays.add(self.place.worker, 1);
                let is_stray = true;
                self.hand_over(owner, Handed { path, is_stray }, datagram);
            }
        }
        self.handle_events();
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self) {
        let Associations { now, dtls, .. } = &mut self.associations;
        if dtls.poll_timeout().is_some_and(|at| at <= *now) {
            dtls.handle_timeout(*now);
        }
        while let Some(id) = self.associations.take_due() {
            if self.associations.handle_due(id) {
                self.tell(id, Event::Woken);
            }
        }
        self.handle_events();
    }

    /// Gives the application a message.
    pub(super) fn handle_message(&mut self, message: A::Message) {
        let (application, associations) = (&mut self.application, &mut self.associations);
        let about = A::concerns(&message);
        let handle = || application.handle_message(associations, message);
        if self.place.contain(about, handle).is_none()
            && let Some(id) = about
        {
            self.give_up(id);
        }
        self.handle_events();
    }

    /// Tells the application that the server is about to end.
    pub(super) fn handle_shutdown(&mut self) {
        let (application, associations) = (&mut self.application, &mut self.associations);
        let handle = || application.handle_shutdown(associations);
        self.place.contain(None, handle);
        for id in self.associations.ids().collect::<Vec<_>>() {
            self.call(id, A::handle_shutdown_of);
        }
        self.handle_events();
    }

    /// Begins associations in another way from now on.
    pub(super) fn replace_accept(&mut self, accept: Box<dyn Accept>) {
        self.associations.dtls.replace_accept(accept);
    }

    /// Ends all associations.
    pub(super) fn close_all(&mut self) {
        let now = self.associations.now;
        self.associations.dtls.close_all(now);
        self.handle_events();
    }

    /// All associations.
    pub(super) fn views(&self) -> Vec<View> {
        self.associations.dtls.associations().collect()
    }

    /// Hands over what others are to have, and sends what is to be sent.
    pub(super) fn flush(&mut self) {
        for (parcel, chute) in self.parcels.iter_mut().zip(&*self.place.chutes) {
            if parcel.len() > 0
                && let Err(parcel) = chute.send(std::mem::take(parcel))
            {
                self.place.drop_datagrams(Dropped::WorkerBusy, parcel.len());
            }
        }
        while let Some(transmit) = self.associations.dtls.poll_transmit() {
            if self.place.try_send(&transmit) == Err(Unsent::Full) {
                self.place.drop_datagrams(Dropped::SendFull, 1);
            }
        }
    }

    fn hand_over(&mut self, owner: usize, handed: Handed, datagram: &[u8]) {
        if let Some(parcel) = self.parcels.get_mut(owner) {
            parcel.push(handed, datagram);
        }
    }

    /// Acts on everything that has happened.
    fn handle_events(&mut self) {
        loop {
            if let Some(event) = self.associations.dtls.poll_event() {
                self.handle_event(event);
            } else if let Some(id) = self.associations.take_touched() {
                self.settle(id);
            } else {
                return;
            }
        }
    }

    fn handle_event(&mut self, event: server::Event) {
        match event {
            server::Event::Opened {
                id,
                agreement,
                path,
            } => {
                self.associations.slots.entry(id).or_default().path = Some(path);
                self.tell(id, Event::Opened { agreement, path });
            }
            server::Event::Received { id, path, payload } => self.receive(id, path, &payload),
            server::Event::ProofWanted { id, trial, path } => {
                self.associations.want_proof(id, trial, path);
            }
            server::Event::Moved { id, path } => self.tell(id, Event::Moved { path }),
            server::Event::Closed { id, why, meter } => {
                self.associations.forget(id);
                let (application, associations) = (&mut self.application, &mut self.associations);
                let ended = Ended { id, why, meter };
                let handle = || application.handle_closed(associations, ended);
                self.place.contain(Some(id), handle);
            }
        }
    }

    /// A payload has come, by `path`.
    fn receive(&mut self, id: AssociationId, path: Path, payload: &[u8]) {
        if self.associations.hear_proof(id, path, payload) {
            return;
        }
        let Some(slot) = self.associations.unfailed(id) else {
            return;
        };
        let before = slot.path.replace(path);
        let application = &mut self.application;
        let Some(mut peer) = self.associations.peer(id) else {
            return;
        };
        let handle = || application.handle_payload(&mut peer, payload);
        let taken = self.place.contain(Some(id), handle);
        let now = self.associations.now;
        let Some(is_taken) = taken else {
            return self.give_up(id);
        };
        if !is_taken {
            let result = self.associations.endpoint(id).handle_datagram(now, payload);
            if result.is_err() {
                self.place.counters.malformed.add(self.place.worker, 1);
            }
        }
        let slot = self.associations.slots.get_mut(&id);
        if before.is_some_and(|before| before != path)
            && let Some(endpoint) = slot.and_then(|slot| slot.endpoint.as_mut())
        {
            endpoint.path_changed(now);
        }
        // What is sent because of it goes to where the peer is by now.
        if !is_taken {
            self.tell(id, Event::Heard);
        }
        self.settle(id);
    }

    /// Acts on what the endpoint of an association says, sends what it has, and sets its timer.
    fn settle(&mut self, id: AssociationId) {
        loop {
            let slot = self.associations.unfailed(id);
            let Some(endpoint) = slot.and_then(|slot| slot.endpoint.as_mut()) else {
                return;
            };
            let Some(event) = endpoint.poll_event() else {
                break;
            };
            self.tell(id, Event::Coap(event));
        }
        self.associations.transmit(id);
        self.associations.arm(id);
    }

    /// Tells the application what has happened to an association.
    fn tell(&mut self, id: AssociationId, event: Event) {
        self.call(id, |application, peer| {
            application.handle_event(peer, event);
        });
    }

    /// Calls the application for an association, which ends if that fails.
    fn call(&mut self, id: AssociationId, work: impl FnOnce(&mut A, &mut Peer<'_>)) {
        if self.associations.unfailed(id).is_none() {
            return;
        }
        let application = &mut self.application;
        let Some(mut peer) = self.associations.peer(id) else {
            return;
        };
        let handle = || work(application, &mut peer);
        if self.place.contain(Some(id), handle).is_none() {
            self.give_up(id);
        }
    }

    /// Ends an association that the application failed with. It hears nothing more of it but that.
    fn give_up(&mut self, id: AssociationId) {
        if let Some(slot) = self.associations.slots.get_mut(&id) {
            slot.has_failed = true;
        }
        self.associations.dtls.close(self.associations.now, id);
    }
}

impl Place {
    /// Calls the application. `None`: it has panicked. What it was about ends; that its state may be
    /// half changed concerns only itself.
    fn contain<T>(&self, id: Option<AssociationId>, call: impl FnOnce() -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(value) => Some(value),
            Err(_) => {
                self.counters.panics.add(self.worker, 1);
                let association = id.map(tracing::field::display);
                tracing::error!(
                    worker = self.worker,
                    association,
                    "the application has failed"
                );
                None
            }
        }
    }

    /// Sends a datagram, and counts it, sent or lost.
    ///
    /// # Errors
    ///
    /// Why it is not sent. [`Unsent::Full`] is not counted: there may be room later.
    pub(super) fn try_send(&self, transmit: &Transmit) -> Result<(), Unsent> {
        let Transmit { path, bytes } = transmit;
        let Some(socket) = self.sockets.get(usize::from(path.local.socket)) else {
            return Ok(());
        };
        let sent = socket.send(path.local.address, path.remote, bytes);
        match sent {
            Ok(()) => {
                self.counters.datagrams_out.add(self.worker, 1);
                self.counters.bytes_out.add(self.worker, bytes.len() as u64);
            }
            Err(Unsent::Full) => {}
            Err(Unsent::Refused) => self.drop_datagrams(Dropped::SendRefused, 1),
        }
        sent
    }

    /// Counts datagrams that are lost.
    pub(super) fn drop_datagrams(&self, why: Dropped, count: usize) {
        self.counters.dropped(why).add(self.worker, count as u64);
    }
}
