//! A key log for tests.

use std::sync::{Arc, Mutex};

use crate::stack::KeyLog;

/// A secret that was logged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Secret {
    /// What it is.
    pub label: String,
    /// The random of the hello.
    pub client_random: [u8; 32],
    /// It.
    pub secret: Vec<u8>,
}

/// Keeps what is logged.
#[derive(Debug, Default)]
pub struct Keys(Mutex<Vec<Secret>>);

impl Keys {
    /// None so far.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// All of them, in order.
    ///
    /// # Panics
    /// If somebody has panicked here before.
    #[must_use]
    pub fn all(&self) -> Vec<Secret> {
        self.0.lock().expect("not poisoned").clone()
    }

    /// The first with this label.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn secret(&self, label: &str) -> Vec<u8> {
        let all = self.all();
        let found = all.into_iter().find(|secret| secret.label == label);
        found.expect("logged").secret
    }
}

impl KeyLog for Keys {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        let mut all = self.0.lock().expect("not poisoned");
        all.push(Secret {
            label: label.to_owned(),
            client_random: *client_random,
            secret: secret.to_vec(),
        });
    }
}
