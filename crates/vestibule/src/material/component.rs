//! What a component needs from files: its secret, the keys of its tokens, and what is needed for TLS.

#[cfg(test)]
mod tests;

use std::{io, sync::Arc};

use arc_swap::ArcSwap;
use vestibule_config::{Component, FileRef, Secret};
use vestibule_xmpp::token::Key;
use zeroize::Zeroizing;

use super::{FromFiles, Gather, Reader, Reason, password, readable_by_others};
use crate::tls::ClientPolicy;

/// What is needed for one component. Each part is replaced in place when its file changes.
#[derive(Clone, Debug)]
pub(crate) struct ComponentMaterial {
    /// What the server knows it by.
    pub(crate) secret: Arc<ComponentSecret>,
    /// The keys of its tokens; `None`: it makes none.
    pub(crate) keys: Option<Arc<TokenKeys>>,
    /// What is spoken with the server; `None`: no TLS.
    pub(crate) tls: Option<Arc<ClientPolicy>>,
}

impl ComponentMaterial {
    /// Reads what `component` names. `None`: `gather` has the reasons.
    pub(super) fn load(component: &Component, gather: &mut Gather) -> Option<Self> {
        let domain = &component.settings.domain;
        let secret = gather.item(|reader| ComponentSecret::load(domain, &component.secret, reader));
        let keys = component.key_file.as_ref();
        let keys = keys.map(|file| gather.item(|reader| TokenKeys::load(domain, file, reader)));
        let tls = component.tls.as_ref();
        let tls = tls.map(|source| gather.item(|r| ClientPolicy::load(domain, source, r)));
        // Only now, so that everything wrong is told at once.
        Some(Self {
            secret: secret?,
            keys: match keys {
                None => None,
                Some(keys) => Some(keys?),
            },
            tls: match tls {
                None => None,
                Some(tls) => Some(tls?),
            },
        })
    }
}

/// What a server knows a component by.
#[derive(Debug)]
pub(crate) struct ComponentSecret {
    current: ArcSwap<Value>,
    component: String,
    /// Where it is read from again.
    file: Option<FileRef>,
}

/// Never shown.
struct Value(Zeroizing<String>);

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(…)")
    }
}

impl ComponentSecret {
    fn load(component: &str, secret: &Secret, reader: &mut Reader) -> Option<Arc<Self>> {
        let (value, file) = match secret {
            Secret::Text(text) => (Value(Zeroizing::new(text.clone())), None),
            Secret::File(file) => (secret_of(file, reader)?, Some(file.clone())),
        };
        Some(Arc::new(Self {
            current: ArcSwap::from_pointee(value),
            component: component.to_owned(),
            file,
        }))
    }

    /// It as it is now.
    pub(crate) fn value(&self) -> Zeroizing<String> {
        self.current.load().0.clone()
    }
}

impl FromFiles for ComponentSecret {
    fn refresh(&self, reader: &mut Reader) -> bool {
        let Some(file) = &self.file else {
            return true;
        };
        let Some(value) = secret_of(file, reader) else {
            return false;
        };
        self.current.store(Arc::new(value));
        let (component, file) = (&self.component, file.path.display());
        tracing::info!(component, %file, "secret read again: the next connection uses it");
        true
    }
}

fn secret_of(file: &FileRef, reader: &mut Reader) -> Option<Value> {
    let bytes = password::read(file, reader)?;
    let Ok(text) = str::from_utf8(&bytes) else {
        reader.note(file, Reason::SecretUnusable);
        return None;
    };
    Some(Value(Zeroizing::new(text.to_owned())))
}

/// The keys of a component's tokens.
#[derive(Debug)]
pub(crate) struct TokenKeys {
    current: ArcSwap<Vec<Key>>,
    component: String,
    file: FileRef,
}

impl TokenKeys {
    fn load(component: &str, file: &FileRef, reader: &mut Reader) -> Option<Arc<Self>> {
        let keys = match reader.try_read(file) {
            Ok(text) => keys_of(file, &text, reader)?,
            // It is made at start.
            Err(Reason::Unreadable {
                error: io::ErrorKind::NotFound,
                ..
            }) => Vec::new(),
            Err(reason) => {
                reader.note(file, reason);
                return None;
            }
        };
        Some(Arc::new(Self {
            current: ArcSwap::from_pointee(keys),
            component: component.to_owned(),
            file: file.clone(),
        }))
    }

    /// The keys as they are now: the first makes new tokens, all are accepted. Empty when there is
    /// no such file yet: then it has to be made, and read by [`FromFiles::refresh`].
    pub(crate) fn current(&self) -> Arc<Vec<Key>> {
        self.current.load_full()
    }

    /// Where they are.
    pub(crate) fn file(&self) -> &FileRef {
        &self.file
    }
}

impl FromFiles for TokenKeys {
    fn refresh(&self, reader: &mut Reader) -> bool {
        let keys = reader.read(&self.file);
        let Some(keys) = keys.and_then(|text| keys_of(&self.file, &text, reader)) else {
            return false;
        };
        if are_same_keys(&self.current(), &keys) {
            return true;
        }
        self.current.store(Arc::new(keys));
        let (component, file) = (&self.component, self.file.path.display());
        tracing::info!(component, %file, "keys of tokens read");
        true
    }
}

/// Whether they are the same keys, in the same order.
pub(crate) fn are_same_keys(some: &[Key], others: &[Key]) -> bool {
    let same = |(one, other): (&Key, &Key)| *one.to_hex() == *other.to_hex();
    some.len() == others.len() && some.iter().zip(others).all(same)
}

/// One key a line; comments and empty lines count for nothing.
fn keys_of(file: &FileRef, text: &[u8], reader: &mut Reader) -> Option<Vec<Key>> {
    let mut keys = Vec::new();
    for (number, line) in (1_usize..).zip(text.split(|byte| *byte == b'\n')) {
        let digits = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        let digits = digits.trim_ascii();
        if digits.is_empty() {
            continue;
        }
        let key = str::from_utf8(digits).ok();
        match key.and_then(|digits| Key::from_hex(digits).ok()) {
            Some(key) => keys.push(key),
            None => {
                reader.note(file, Reason::TokenKeyLine(number));
                return None;
            }
        }
    }
    if keys.is_empty() {
        reader.note(file, Reason::NoTokenKey);
        return None;
    }
    if readable_by_others(&file.path) {
        reader.note(file, Reason::ReadableByOthers);
    }
    Some(keys)
}
