//! Sessions out of hellos.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use purecrypto::tls::{Config, Connection, ConnectionId as StackId};

use super::{
    KeyLog, ServerSettings, config,
    entropy::MarkingEntropy,
    server::{ServerSession, Tap},
    session::StackSession,
};
use crate::{
    cookie::CookieSecrets,
    established::Secrets,
    identity::Identity,
    session::{Accept, Answer, ConnectionId, Session, Version},
    wire::{self, Hello},
};

/// Answers hellos.
///
/// A client of 1.3 may ask its session for further Connection IDs (RFC 9147 section 9), which the stack makes up by
/// itself. Nobody else knows them: a record with one of them is found by the address it comes from, or not at all.
pub struct Acceptor {
    dtls12: Option<Configs>,
    dtls13: Option<Configs>,
    identity: Identity,
    key_log: Option<Arc<dyn KeyLog>>,
    cookies: CookieSecrets,
    epoch: Instant,
}

impl Acceptor {
    /// One for a worker. All workers of a process have the same `cookies` and the same `epoch`, which lies in the past:
    /// cookies tell their age from it.
    #[must_use]
    pub fn new(settings: &ServerSettings, cookies: CookieSecrets, epoch: Instant) -> Self {
        let configs = |version| {
            let speaks = settings.versions.contains(&version);
            speaks.then(|| Configs::new(version, settings))
        };
        Self {
            dtls12: configs(Version::Dtls12),
            dtls13: configs(Version::Dtls13),
            identity: settings.identity.clone(),
            key_log: settings.key_log.clone(),
            cookies,
            epoch,
        }
    }
}

impl Accept for Acceptor {
    fn handle_hello(
        &mut self,
        now: Instant,
        from: SocketAddr,
        record: &[u8],
        id: ConnectionId,
        skip_cookie: bool,
    ) -> Answer {
        let Some(hello) = Hello::peek(record).filter(|hello| hello.whole) else {
            return Answer::Nothing;
        };
        let also_13 = self.dtls13.is_some();
        let (configs, version) = match (&mut self.dtls12, &mut self.dtls13) {
            (_, Some(configs)) if hello.offers_13 => (configs, Version::Dtls13),
            (Some(configs), _) => (configs, Version::Dtls12),
            _ => return Answer::Nothing,
        };
        let age = now.saturating_duration_since(self.epoch);
        let secrets = self.cookies.at(age);
        let may_skip = skip_cookie && hello.offers_13 && hello.ticket;
        if !hello.cookie && !may_skip {
            let config = &mut configs.cookie;
            set_secrets(config, secrets);
            set_address(config, from);
            return ask_for_cookie(config, age, record);
        }
        let config = &mut configs.session;
        set_secrets(config, secrets);
        set_address(config, from);
        config.connection_id = Some(StackId::Fixed(id.to_vec()));
        let marked = version == Version::Dtls12 && also_13;
        if marked {
            config.rng = Some(Arc::new(MarkingEntropy::new()));
        }
        let secrets = (version == Version::Dtls13).then(Arc::<Secrets>::default);
        if let Some(secrets) = &secrets {
            config.key_log = Some(Arc::new(Tap::new(secrets.clone(), self.key_log.clone())));
        }
        let connection = Connection::server(config);
        if secrets.is_some() {
            // It is the session's alone.
            config.key_log = None;
        }
        let Ok(connection) = connection else {
            return Answer::Nothing;
        };
        let identity = self.identity.clone();
        let mut session = StackSession::server(connection, version, self.epoch, identity, record);
        if session.handle_record(now, record).is_err() {
            return Answer::Nothing;
        }
        let first = session.next_record();
        match wire::server_random_advertises_13(first) {
            // The ticket did not do: it was given to another address, or is too old.
            Some(_) if wire::is_retry(first) => reply(first, record),
            // The mark has gone astray.
            Some(false) if marked => Answer::Nothing,
            Some(_) => Answer::Session(match secrets {
                Some(secrets) => Box::new(ServerSession::new(session, secrets, hello.message_seq)),
                None => Box::new(session),
            }),
            // The stack says nothing to a cookie that is not its own.
            None => Answer::Nothing,
        }
    }
}

/// How the stack is set to one version.
struct Configs {
    cookie: Config,
    session: Config,
}

impl Configs {
    fn new(version: Version, settings: &ServerSettings) -> Self {
        Self {
            cookie: config::cookie(version, settings),
            session: config::server(version, settings),
        }
    }
}

/// The cookie for a hello, of which nothing is kept.
fn ask_for_cookie(config: &Config, age: Duration, hello: &[u8]) -> Answer {
    let Ok(mut connection) = Connection::server(config) else {
        return Answer::Nothing;
    };
    connection.set_now(age);
    match connection.feed(hello).and_then(|_| connection.pop()) {
        Ok(record) => reply(&record, hello),
        Err(_) => Answer::Nothing,
    }
}

/// An answer to somebody who may not be where the hello claims to be from: it must not be longer than that (RFC 9147
/// section 5.1).
fn reply(record: &[u8], hello: &[u8]) -> Answer {
    if record.is_empty() || record.len() > hello.len() {
        return Answer::Nothing;
    }
    Answer::Reply(record.to_vec())
}

fn set_secrets(config: &mut Config, (current, previous): (&[u8; 32], &[u8; 32])) {
    if config.cookie_secret.as_ref().map(AsRef::as_ref) != Some(current) {
        config.cookie_secret = Some((*current).into());
        config.previous_cookie_secret = Some((*previous).into());
    }
}

/// Cookies are bound to these bytes, and tickets to the first 16 of them: the form is the one that the stack expects.
fn set_address(config: &mut Config, from: SocketAddr) {
    let address = match from.ip() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    config.peer_address.clear();
    config.peer_address.extend(address.octets());
    config.peer_address.extend(from.port().to_be_bytes());
}
