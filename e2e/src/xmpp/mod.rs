//! XMPP: servers, clients on command, and a relay that can fail on command.

mod clients;
mod ejabberd;
mod load;
mod login;
mod prosody;
mod relay;
mod server;
mod stage;
mod stanza;

pub use clients::{Answer, XmppClient, XmppClients};
pub use load::{Load, Report, Tally};
pub use login::Login;
pub use relay::Relay;
pub use server::{XmppKind, XmppServer, XmppSetup};
pub use stage::{Stage, on_both_servers};
pub use stanza::{Child, Stanza, StanzaError};
