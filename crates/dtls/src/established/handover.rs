//! From the stack to what comes after it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use super::{
    Established, Reading, Retired, Writing,
    flight::Flight,
    message::{self, ACK, HANDSHAKE, Inbox, Number},
};
use crate::{
    protection::{Header, Keys, Secret, Suite, Window},
    session::{Agreement, ConnectionId},
    wire::Fragment,
};

/// The first epoch of payloads (RFC 9147 section 6.1).
const FIRST_EPOCH: u64 = 3;

/// What the stack logs of one association.
#[derive(Default)]
pub(crate) struct Secrets {
    logged: Mutex<Logged>,
}

/// The secrets that are needed, as they were logged.
#[derive(Default)]
struct Logged {
    client_handshake: Option<Raw>,
    client: Option<Raw>,
    server: Option<Raw>,
    exporter: Option<Raw>,
}

type Raw = zeroize::Zeroizing<Vec<u8>>;

impl Secrets {
    /// Takes what is logged, by the names that key logs have.
    pub(crate) fn log(&self, label: &str, secret: &[u8]) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match label {
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET" => &mut logged.client_handshake,
            "CLIENT_TRAFFIC_SECRET_0" => &mut logged.client,
            "SERVER_TRAFFIC_SECRET_0" => &mut logged.server,
            "EXPORTER_SECRET" => &mut logged.exporter,
            _ => return,
        };
        *place = Some(secret.to_vec().into());
    }
}

/// What the stack tells of an association whose handshake is over.
pub(crate) struct Handover<'a> {
    /// What was agreed.
    pub(crate) agreement: Agreement,
    /// Its secrets.
    pub(crate) secrets: &'a Arc<Secrets>,
    /// Our Connection ID.
    pub(crate) id: Option<ConnectionId>,
    /// The peer's.
    pub(crate) peer: &'a [u8],
    /// The number of the next message of the client.
    pub(crate) next_message: u16,
    /// Whether the client's Finished was the newest record, and had our Connection ID.
    pub(crate) is_newest: bool,
}

impl Established {
    /// The association as it goes on without the stack, which had all this ready to be sent ([`Self::say`]). `None`:
    /// something is other than it should be, and the stack must go on.
    pub(crate) fn take_over(
        now: Instant,
        handover: Handover<'_>,
        datagrams: &[Vec<u8>],
    ) -> Option<Self> {
        let suite = Suite::from_number(handover.agreement.suite)?;
        let logged = handover.secrets.logged.lock();
        let mut logged = logged.unwrap_or_else(PoisonError::into_inner);
        let secret = |logged: &mut Option<Raw>| Secret::new(suite, &logged.take()?);
        let retired = Retired {
            epoch: FIRST_EPOCH - 1,
            secret: secret(&mut logged.client_handshake)?,
            window: Window::default(),
            until: None,
        };
        let client = secret(&mut logged.client)?;
        let server = secret(&mut logged.server)?;
        let exporter = secret(&mut logged.exporter)?;
        let keys = Keys::new(&server)?;
        let said = Said::read(now, &keys, handover.peer, datagrams)?;
        Some(Self {
            agreement: handover.agreement,
            exporter,
            read: Reading {
                epoch: FIRST_EPOCH,
                keys: Keys::new(&client)?,
                secret: client,
                window: Window::default(),
            },
            retired: Some(Box::new(retired)),
            write: Writing {
                epoch: FIRST_EPOCH,
                keys,
                secret: server,
                next: said.next,
            },
            id: handover.id,
            spare_ids: Vec::new(),
            peer: handover.peer.into(),
            inbox: Inbox::new(handover.next_message),
            flight: said.flight,
            next_message: said.next_message?,
            updating: false,
            unconfirmed: said.acknowledged,
            ids_owed: 0,
            ids_asked: 0,
            updates: (None, 0),
            forged: 0,
            sent: 0,
            // Nothing of an epoch before is the newest any more.
            newest: (FIRST_EPOCH - 1, u64::MAX),
            is_newest: handover.is_newest,
            said_goodbye: false,
            closed_by_peer: false,
            failed: false,
            received: Vec::new(),
            outgoing: VecDeque::new(),
        })
    }
}

impl Established {
    /// Lets go of what the stack had ready.
    pub(crate) fn say(&mut self, datagrams: Vec<Vec<u8>>) {
        self.outgoing.extend(datagrams);
    }
}

/// What the stack has said in the first epoch of payloads.
#[derive(Default)]
struct Said {
    /// The number of the next record.
    next: u64,
    /// The number of the next message.
    next_message: Option<u16>,
    /// The messages, which are not acknowledged.
    flight: Flight,
    /// What it has acknowledged.
    acknowledged: Vec<Number>,
}

impl Said {
    /// `None`: there is something that we cannot read.
    fn read(now: Instant, keys: &Keys, peer: &[u8], datagrams: &[Vec<u8>]) -> Option<Self> {
        let mut said = Self::default();
        for datagram in datagrams {
            let mut rest = &datagram[..];
            // Records in the clear are of the handshake, and nothing of another epoch follows in the same datagram.
            while rest.first().is_some_and(|first| first >> 5 == 1) {
                let header = Header::parse(rest, peer.len())?;
                rest = rest.get(header.len()..)?;
                if header.may_be_of(FIRST_EPOCH) {
                    said.record(now, keys, &header)?;
                }
            }
        }
        Some(said)
    }

    fn record(&mut self, now: Instant, keys: &Keys, header: &Header<'_>) -> Option<()> {
        let number = keys.number(header, self.next)?;
        let opened = keys.open(header, number)?;
        // The stack counts from 0, and so do we: no number may ever come twice.
        (number == self.next).then_some(())?;
        self.next += 1;
        let content = opened.content();
        match opened.kind? {
            HANDSHAKE => {
                let fragment = Fragment::next(content)?;
                fragment.rest.is_empty().then_some(())?;
                self.next_message = Some(fragment.message_seq.checked_add(1)?);
                self.flight
                    .add(now, (FIRST_EPOCH, number), content.to_vec());
            }
            ACK => self.acknowledged.extend(message::acknowledged(content)?),
            _ => return None,
        }
        Some(())
    }
}
