use std::net::SocketAddr;

use serde_json::{Value, json};

use super::server::XmppServer;

/// How a client logs in.
#[derive(Clone, Debug)]
pub struct Login {
    jid: String,
    through: SocketAddr,
    approves: bool,
    presence: String,
    resumption: bool,
}

impl Login {
    /// As `user@DOMAIN/resource`, with presence; who subscribes is let.
    pub fn new(server: &XmppServer, user: &str, resource: &str) -> Self {
        Self {
            jid: format!("{user}@{}/{resource}", XmppServer::DOMAIN),
            through: server.client_address(),
            approves: true,
            presence: "<presence/>".to_owned(),
            resumption: false,
        }
    }

    /// Connects here instead of to the server.
    pub fn through(mut self, address: SocketAddr) -> Self {
        self.through = address;
        self
    }

    /// Who subscribes is not answered.
    pub fn silent(mut self) -> Self {
        self.approves = false;
        self
    }

    /// Its first presence.
    pub fn presence(mut self, xml: &str) -> Self {
        xml.clone_into(&mut self.presence);
        self
    }

    /// Its stream may be resumed (XEP-0198).
    pub fn resumption(mut self) -> Self {
        self.resumption = true;
        self
    }

    pub(super) fn jid(&self) -> &str {
        &self.jid
    }

    pub(super) fn order(&self) -> Value {
        let Self {
            jid,
            through,
            approves,
            presence,
            resumption,
        } = self;
        json!({
            "order": "login",
            "jid": jid,
            "password": XmppServer::PASSWORD,
            "host": through.ip().to_string(),
            "port": through.port(),
            "approves": approves,
            "presence": presence,
            "resumption": resumption,
        })
    }
}
