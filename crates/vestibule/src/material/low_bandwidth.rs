//! What a low bandwidth gateway needs from files: its certificate, and what is needed for TLS towards the
//! homeserver.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use vestibule_config::{Certificate, FileRef, LowBandwidth};
use vestibule_dtls::Identity;

use super::{FromFiles, Gather, Reader, Reason, readable_by_others};
use crate::tls::{self, ClientPolicy};

/// What is needed for one gateway. Each part is replaced in place when its file changes.
#[derive(Clone, Debug)]
pub(crate) struct LowBandwidthMaterial {
    /// What is shown to clients by DTLS.
    pub(crate) identity: Arc<GatewayIdentity>,
    /// What is spoken with the homeserver; `None`: no TLS.
    pub(crate) tls: Option<Arc<ClientPolicy>>,
}

impl LowBandwidthMaterial {
    /// Reads what `gateway` names. `None`: `gather` has the reasons.
    pub(super) fn load(gateway: &LowBandwidth, gather: &mut Gather) -> Option<Self> {
        let name = &gateway.name;
        let identity =
            gather.item(|reader| GatewayIdentity::load(name, &gateway.certificate, reader));
        let tickets = gateway.ticket_key_file.as_ref();
        let has_tickets = tickets.is_none_or(|file| can_have_tickets(file, gather));
        let tls = gateway.homeserver.tls.as_ref();
        let tls = tls.map(|source| gather.item(|r| ClientPolicy::load(name, source, r)));
        // Only now, so that everything wrong is told at once.
        let material = Self {
            identity: identity?,
            tls: match tls {
                None => None,
                Some(tls) => Some(tls?),
            },
        };
        has_tickets.then_some(material)
    }
}

/// Whether the file has a key of tickets, which is read when the gateway is started, or is to be made
/// then. `gather` has what is wrong or doubtful.
fn can_have_tickets(file: &FileRef, gather: &mut Gather) -> bool {
    let mut reader = Reader::default();
    let found = match reader.try_read(file) {
        Ok(text) => tls::first_ticket_key(&text).map(drop),
        Err(Reason::Unreadable {
            error: io::ErrorKind::NotFound,
            ..
        }) => match file.path.parent() {
            // One of the working directory has an empty parent.
            Some(parent) if parent.is_dir() || parent.as_os_str().is_empty() => Ok(()),
            _ => Err(Reason::NoDirectory),
        },
        Err(reason) => Err(reason),
    };
    let is_good = found.is_ok();
    match found {
        Ok(()) if readable_by_others(&file.path) => reader.note(file, Reason::ReadableByOthers),
        Ok(()) => {}
        Err(reason) => reader.note(file, reason),
    }
    gather.problems.append(&mut reader.problems);
    is_good
}

/// What a gateway shows to clients.
#[derive(Debug)]
pub(crate) struct GatewayIdentity {
    current: ArcSwap<Identity>,
    /// How often it was replaced.
    changes: AtomicU64,
    gateway: String,
    source: Certificate,
}

impl GatewayIdentity {
    fn load(gateway: &str, source: &Certificate, reader: &mut Reader) -> Option<Arc<Self>> {
        let identity = tls::dtls::load_identity(source, reader)?;
        Some(Arc::new(Self {
            current: ArcSwap::from_pointee(identity),
            changes: AtomicU64::new(0),
            gateway: gateway.to_owned(),
            source: source.clone(),
        }))
    }

    /// It as it is now.
    pub(crate) fn current(&self) -> Identity {
        Identity::clone(&self.current.load())
    }

    /// How often it was replaced.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }
}

impl FromFiles for GatewayIdentity {
    fn refresh(&self, reader: &mut Reader) -> bool {
        let Some(identity) = tls::dtls::load_identity(&self.source, reader) else {
            return false;
        };
        self.current.store(Arc::new(identity));
        self.changes.fetch_add(1, Ordering::Release);
        let (gateway, file) = (&self.gateway, self.source.chain.path.display());
        tracing::info!(gateway, %file, "certificate read again: new associations get it");
        true
    }
}
