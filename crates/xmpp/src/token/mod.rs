//! Tokens of Jabber Address Translation: the resources of a component's domain that stand for who
//! has asked.
//!
//! A token is the sender and the address that was asked, encrypted and authenticated by AES-SIV
//! (RFC 5297), so that nothing has to be remembered to translate an answer back and nobody can make
//! one up. The same sender has the same token for the same address as long as the key stays: what
//! clients remember of an address stays true. Who sees two tokens learns only whether they are equal,
//! and each account that gets tokens, their holder, gets others.
//!
//! A token is made of characters that no server changes in a resource: `A-Z a-z 0-9 - _`.

mod key;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

pub use key::{Key, KeyError};

use crate::jid::{self, MAX_PART_LEN};

/// The keys of one component.
#[derive(Debug)]
pub struct Tokens {
    domain: String,
    /// The first is the one that new tokens are made with.
    keys: Vec<key::DomainKey>,
}

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who has asked, a full address.
    pub sender: String,
    /// The address in the component's domain that was asked.
    pub asked: String,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// It was changed, made for another component or holder, or made up.
    Forged,
    /// It is no token at all.
    NoToken,
    /// It was made with a key that is not accepted any more, or by somebody else.
    UnknownKey,
}

/// Why no token can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unfit {
    /// The address that was asked is not one of the component's domain.
    Asked,
    /// Together, the addresses are too long for a resource.
    TooLong,
}

/// Nothing shorter is a token: 16 bytes authenticate it, and three and a sender are in it.
const SHORTEST: usize = 20;

/// What tokens of this form begin with, before they are encrypted.
const FORM: u8 = 1;

impl Tokens {
    /// Tokens of the component of this `domain`. They are made with the first of `keys`, and
    /// accepted when they were made with any of them.
    pub fn new(domain: &str, keys: &[Key]) -> Self {
        Self {
            domain: domain.to_owned(),
            keys: keys.iter().map(|key| key.for_domain(domain)).collect(),
        }
    }

    /// The token for `sender`, who has asked `asked`, an address in the component's domain. It is
    /// good for `holder` only, the bare address of who gets it.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn make(&self, holder: &str, sender: &str, asked: &str) -> Result<String, Unfit> {
        let parts = jid::parts(asked).filter(|parts| parts.domain == self.domain);
        let parts = parts.ok_or(Unfit::Asked)?;
        let [local, resource] = [parts.local, parts.resource].map(Option::unwrap_or_default);
        // What no address contains stands between the parts.
        if asked.contains('\0') {
            return Err(Unfit::Asked);
        }
        let mut plaintext = Vec::with_capacity(3 + local.len() + resource.len() + sender.len());
        plaintext.push(FORM);
        // No part is empty.
        for part in [local, resource] {
            plaintext.extend_from_slice(part.as_bytes());
            plaintext.push(0);
        }
        plaintext.extend_from_slice(sender.as_bytes());
        let key = self.keys.first().ok_or(Unfit::TooLong)?;
        let sealed = key.seal(holder, &plaintext).ok_or(Unfit::TooLong)?;
        let mut token = String::with_capacity(1 + sealed.len().div_ceil(3) * 4);
        token.push(key.id());
        URL_SAFE_NO_PAD.encode_string(sealed, &mut token);
        match token.len() <= MAX_PART_LEN {
            true => Ok(token),
            false => Err(Unfit::TooLong),
        }
    }

    /// What `token` stands for, which `holder` was given.
    ///
    /// # Errors
    ///
    /// Why it is not accepted.
    pub fn read(&self, holder: &str, token: &str) -> Result<Origin, Refused> {
        let mut characters = token.chars();
        let id = characters.next().ok_or(Refused::NoToken)?;
        // Only one way of writing each token is accepted.
        let sealed = URL_SAFE_NO_PAD.decode(characters.as_str());
        let sealed = sealed.map_err(|_| Refused::NoToken)?;
        if sealed.len() < SHORTEST {
            return Err(Refused::NoToken);
        }
        let mut refused = Refused::UnknownKey;
        for key in self.keys.iter().filter(|key| key.id() == id) {
            match key
                .open(holder, &sealed)
                .and_then(|plaintext| origin(&self.domain, &plaintext))
            {
                Some(origin) => return Ok(origin),
                None => refused = Refused::Forged,
            }
        }
        Err(refused)
    }
}

fn origin(domain: &str, plaintext: &[u8]) -> Option<Origin> {
    let text = str::from_utf8(plaintext.strip_prefix(&[FORM])?).ok()?;
    let (local, rest) = text.split_once('\0')?;
    let (resource, sender) = rest.split_once('\0')?;
    let mut asked = String::with_capacity(local.len() + domain.len() + resource.len() + 2);
    if !local.is_empty() {
        asked.push_str(local);
        asked.push('@');
    }
    asked.push_str(domain);
    if !resource.is_empty() {
        asked.push('/');
        asked.push_str(resource);
    }
    Some(Origin {
        sender: sender.to_owned(),
        asked,
    })
}

#[cfg(test)]
mod tests;
