//! The certificates that we show to clients, and which of them a client gets.

mod pair;
mod x509;

#[cfg(test)]
mod tests;

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    SignatureScheme,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use vestibule_config::FileRef;

use crate::material::{FromFiles, Moment, Reader};
pub(super) use pair::{Pair, Role, now, read_certificates, read_key, read_sections};
pub(crate) use x509::{common_name, has_expired};

/// All certificates of a configuration, in its order, which listeners share; or the one of a listener
/// that has its own.
#[derive(Debug)]
pub(super) struct Table {
    sources: Vec<vestibule_config::Certificate>,
    index: ArcSwap<Index>,
}

impl Table {
    /// `pairs` is what was read from `sources`.
    pub(super) fn new(sources: Vec<vestibule_config::Certificate>, pairs: Vec<Arc<Pair>>) -> Self {
        Self {
            sources,
            index: ArcSwap::from_pointee(Index::new(pairs)),
        }
    }

    /// The certificates in use now.
    pub(super) fn views(&self) -> Vec<CertificateView> {
        let index = self.index.load();
        let views = index.pairs.iter().map(|pair| CertificateView {
            label: pair.label.clone(),
            not_after: pair.details.not_after,
        });
        views.collect()
    }

    /// Where something is told that no certificate is to blame for.
    pub(super) fn place(&self) -> Option<FileRef> {
        self.sources.first().map(|source| source.chain.clone())
    }

    /// Whether a certificate has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.index.load().named(&normal(name)).next().is_some()
    }

    /// The certificate for a client that asks for `name` and can verify `schemes`: of those that
    /// have the name the first that suits, an exact name before a wildcard. When none has the name,
    /// the first in the file that suits, unless that is `strict`. When none suits, the first all
    /// the same: the handshake then fails with the alert that says so.
    pub(super) fn choose(
        &self,
        name: Option<&str>,
        schemes: &[SignatureScheme],
        strict: bool,
    ) -> Option<Arc<Pair>> {
        let index = self.index.load();
        let suits = |pair: &&Arc<Pair>| pair.key.key.choose_scheme(schemes).is_some();
        if let Some(name) = name.map(normal)
            && let Some(first) = index.named(&name).next()
        {
            return index.named(&name).find(suits).or(Some(first)).cloned();
        }
        if strict {
            return None;
        }
        let suiting = index.pairs.iter().find(suits);
        suiting.or(index.pairs.first()).cloned()
    }
}

/// The table's certificate at this place, to be kept fresh.
pub(super) struct Entry {
    pub(super) table: Arc<Table>,
    pub(super) at: usize,
}

impl FromFiles for Entry {
    fn refresh(&self, reader: &mut Reader) -> bool {
        let Some(pair) = Pair::load(&self.table.sources[self.at], Role::Server, reader) else {
            return false;
        };
        let pair = Arc::new(pair);
        tracing::info!(
            chain = %pair.label,
            names = pair.details.names.join(" "),
            expires = %pair.details.not_after,
            "certificate replaced"
        );
        self.table.index.rcu(|index| {
            let mut pairs = index.pairs.clone();
            pairs[self.at] = Arc::clone(&pair);
            Index::new(pairs)
        });
        true
    }
}

/// Gives rustls the certificate for a client.
#[derive(Debug)]
pub(super) struct Resolver {
    pub(super) table: Arc<Table>,
    pub(super) strict: bool,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let (name, schemes) = (hello.server_name(), hello.signature_schemes());
        let pair = self.table.choose(name, schemes, self.strict)?;
        let key = Arc::clone(&pair.key);
        CHOSEN.set(Some(pair));
        Some(key)
    }
}

thread_local! {
    static CHOSEN: RefCell<Option<Arc<Pair>>> = const { RefCell::new(None) };
}

/// The certificate that was chosen last on this thread, once. rustls does not tell which it was, so
/// this is to be asked after every step of a handshake, before another handshake has its turn.
pub(crate) fn take_chosen() -> Option<Chosen> {
    CHOSEN.take().map(Chosen)
}

/// The certificate that a client was shown.
#[derive(Clone, Debug)]
pub(crate) struct Chosen(Arc<Pair>);

impl Chosen {
    /// What it is signed with, by its short name in OpenSSL, such as `ecdsa-with-SHA256`.
    pub(crate) fn signature_algorithm(&self) -> &str {
        &self.0.details.signature_algorithm
    }

    /// The kind and size of its key, such as `RSA2048` or `EC256`; `None`: another kind.
    pub(crate) fn key_algorithm(&self) -> Option<&str> {
        self.0.details.key_algorithm.as_deref()
    }
}

/// A certificate, as metrics show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateView {
    /// The path of its chain.
    pub(crate) label: String,
    /// When its time is over.
    pub(crate) not_after: Moment,
}

#[derive(Debug)]
struct Index {
    pairs: Vec<Arc<Pair>>,
    exact: HashMap<String, Vec<usize>>,
    /// By what follows `*.`.
    wildcard: HashMap<String, Vec<usize>>,
}

impl Index {
    fn new(pairs: Vec<Arc<Pair>>) -> Self {
        let (mut exact, mut wildcard) = (HashMap::new(), HashMap::new());
        for (at, pair) in pairs.iter().enumerate() {
            for name in &pair.details.names {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut wildcard, parent),
                    None => (&mut exact, &**name),
                };
                let places: &mut Vec<usize> = names.entry(name.to_owned()).or_default();
                places.push(at);
            }
        }
        Self {
            pairs,
            exact,
            wildcard,
        }
    }

    /// The certificates that have `name`, which is in normal form.
    fn named(&self, name: &str) -> impl Iterator<Item = &Arc<Pair>> {
        let exact = self.exact.get(name);
        // A wildcard stands for exactly one label (RFC 9525 section 6.3).
        let wildcard = match name.split_once('.') {
            Some((label, parent)) if !label.is_empty() => self.wildcard.get(parent),
            _ => None,
        };
        exact
            .into_iter()
            .chain(wildcard)
            .flatten()
            .map(|at| &self.pairs[*at])
    }
}

/// In lower case, without the dot of the root.
fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
