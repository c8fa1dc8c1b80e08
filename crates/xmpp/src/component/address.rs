//! Jabber Address Translation: the address in our domain that stands for who has asked.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use rand::{RngCore, rngs::StdRng};

use super::{Mode, memory::Memory};
use crate::{
    jid::{self, MAX_PART_LEN},
    token::{Origin, Refused, Tokens, Unfit},
};

/// How many senders that are too long for a token are remembered, and for how long.
const HANDLES: usize = 2000;
const HANDLE_LIFETIME: Duration = Duration::from_secs(600);

/// How many of them a domain may have. Who makes long addresses up does not push others out.
const HANDLES_PER_DOMAIN: usize = 200;

/// A handle is told from a token by its first character.
const HANDLE: char = '~';

/// Makes addresses and tells what they stand for.
#[derive(Debug)]
pub(super) struct Translation {
    domain: String,
    pub(super) mode: Mode,
    pub(super) tokens: Tokens,
    /// The handle of holder, sender and asked address.
    handles: Memory<String>,
    /// What a handle stands for, and who holds it.
    origins: Memory<(String, Origin)>,
    /// How many handles were made for each domain of senders since when.
    domains: Memory<(usize, Instant)>,
}

/// Why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untranslated {
    /// The sender is too long.
    TooLong,
    /// There are too many handles.
    TooMany,
}

impl Translation {
    pub(super) fn new(domain: &str, mode: Mode, tokens: Tokens) -> Self {
        Self {
            domain: domain.to_owned(),
            mode,
            tokens,
            handles: Memory::new(HANDLE_LIFETIME, HANDLES),
            origins: Memory::new(HANDLE_LIFETIME, HANDLES),
            domains: Memory::new(HANDLE_LIFETIME, HANDLES),
        }
    }

    /// The address that stands for `sender`, who has asked `asked`, for the account `holder`.
    pub(super) fn address(
        &mut self,
        now: Instant,
        random: &mut StdRng,
        holder: &str,
        origin: (&str, &str),
    ) -> Result<String, Untranslated> {
        let (sender, asked) = origin;
        match self.mode {
            Mode::Opaque => match self.tokens.make(holder, sender, asked) {
                Ok(token) => Ok(format!("{}/{token}", self.domain)),
                Err(Unfit::Asked) => Err(Untranslated::TooLong),
                Err(Unfit::TooLong) => {
                    let handle = self.handle(now, random, holder, origin)?;
                    Ok(format!("{}/{handle}", self.domain))
                }
            },
            Mode::Compat if sender.len() <= MAX_PART_LEN => Ok(format!("{}/{sender}", self.domain)),
            Mode::Compat => Err(Untranslated::TooLong),
            Mode::Escaped => escaped(&self.domain, sender).ok_or(Untranslated::TooLong),
        }
    }

    /// What a resource of our domain stands for, which the account `holder` was given. Only opaque
    /// addresses can be read.
    pub(super) fn origin(
        &mut self,
        now: Instant,
        holder: &str,
        resource: &str,
    ) -> Result<Origin, Refused> {
        if self.mode != Mode::Opaque {
            return Err(Refused::NoToken);
        }
        if !resource.starts_with(HANDLE) {
            return self.tokens.read(holder, resource);
        }
        match self.origins.value(now, resource) {
            Some((owner, origin)) if owner == holder => Ok(origin.clone()),
            Some(_) => Err(Refused::Forged),
            None => Err(Refused::NoToken),
        }
    }

    fn handle(
        &mut self,
        now: Instant,
        random: &mut StdRng,
        holder: &str,
        (sender, asked): (&str, &str),
    ) -> Result<String, Untranslated> {
        // No part of an address contains this.
        let name = format!("{holder}\0{asked}\0{sender}");
        if let Some(handle) = self.handles.value(now, &name) {
            self.origins.value(now, handle);
            return Ok(handle.clone());
        }
        let domain = jid::domain(sender);
        match self.domains.value(now, domain) {
            Some((made, since)) if *since + HANDLE_LIFETIME > now => {
                if *made >= HANDLES_PER_DOMAIN {
                    return Err(Untranslated::TooMany);
                }
                *made += 1;
            }
            _ => self.domains.insert(now, domain, (1, now)),
        }
        let mut handle = HANDLE.to_string();
        for _ in 0..4 {
            // Writing to a string does not fail.
            let _ = write!(handle, "{:08x}", random.next_u32());
        }
        let origin = Origin {
            sender: sender.to_owned(),
            asked: asked.to_owned(),
        };
        self.handles.insert(now, &name, handle.clone());
        self.origins
            .insert(now, &handle, (holder.to_owned(), origin));
        Ok(handle)
    }
}

/// `user\40example.org@proxy.example/res` (XEP-0106). `None`: it is too long.
fn escaped(domain: &str, sender: &str) -> Option<String> {
    let parts = jid::parts(sender)?;
    let bare = jid::bare(sender);
    let mut local = String::with_capacity(bare.len() + 8);
    for (at, c) in bare.char_indices() {
        let must = match c {
            ' ' | '"' | '&' | '\'' | '/' | ':' | '<' | '>' | '@' => true,
            // Only where it would be taken for one of ours (XEP-0106 section 4.2).
            '\\' => {
                const CODES: [&str; 10] =
                    ["20", "22", "26", "27", "2f", "3a", "3c", "3e", "40", "5c"];
                CODES
                    .iter()
                    .any(|code| bare[at + 1..].get(..2) == Some(code))
            }
            _ => false,
        };
        if must {
            // Writing to a string does not fail.
            let _ = write!(local, "\\{:02x}", u32::from(c));
        } else {
            local.push(c);
        }
    }
    if local.len() > MAX_PART_LEN {
        return None;
    }
    let mut address = format!("{local}@{domain}");
    if let Some(resource) = parts.resource {
        address.push('/');
        address.push_str(resource);
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_escaped() {
        for (sender, address) in [
            ("user@b.example/abc", r"user\40b.example@p.example/abc"),
            ("b.example", r"b.example@p.example"),
            ("d'artagnan@b/a@b", r"d\27artagnan\40b@p.example/a@b"),
            (r"c\d@b", r"c\d\40b@p.example"),
            (r"c\20d@b", r"c\5c20d\40b@p.example"),
        ] {
            assert_eq!(escaped("p.example", sender).as_deref(), Some(address));
        }
        let long = format!("{}@b", "x".repeat(1021));
        assert_eq!(escaped("p.example", &long), None);
    }
}
