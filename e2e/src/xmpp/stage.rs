use crate::{Vestibule, eventually, http_get};

use super::clients::{XmppClient, XmppClients};
use super::login::Login;
use super::server::{XmppKind, XmppServer, XmppSetup};

/// Makes two tests of each function, which takes an [`XmppKind`]: one with Prosody and one with
/// ejabberd.
#[macro_export]
#[doc(hidden)]
macro_rules! __on_both_servers {
    ($($name:ident),+ $(,)?) => {
        mod ejabberd {
            $(#[test] fn $name() { super::$name($crate::xmpp::XmppKind::Ejabberd); })+
        }
        mod prosody {
            $(#[test] fn $name() { super::$name($crate::xmpp::XmppKind::Prosody); })+
        }
    };
}

pub use __on_both_servers as on_both_servers;

/// A server with the accounts `bot`, `user` and `other`, Vestibule as the component
/// [`Stage::PROXY`] of it, and clients.
#[derive(Debug)]
pub struct Stage {
    /// The server.
    pub server: XmppServer,
    /// The program under test.
    pub vestibule: Vestibule,
    /// The clients; nobody is logged in at first.
    pub clients: XmppClients,
}

impl Stage {
    /// The domain of the component. Its target is `bot`.
    pub const PROXY: &str = "proxy.xmpp.example";

    /// `lines` are further lines of the component's table.
    pub fn new(kind: XmppKind, lines: &str) -> Self {
        Self::on(Self::setup(kind), lines)
    }

    /// As [`Self::new`] on a server of this set-up.
    pub fn on(setup: XmppSetup, lines: &str) -> Self {
        Self::with(setup, |server| {
            format!("{}{lines}\n", server.component(Self::PROXY, "bot"))
        })
    }

    /// As [`Self::new`], with the tables that `tables` makes for the server.
    pub fn with(setup: XmppSetup, tables: impl FnOnce(&XmppServer) -> String) -> Self {
        let server = setup.start();
        let tables = tables(&server);
        Self::of(server, tables)
    }

    /// Vestibule with these tables beside this server.
    pub fn of(server: XmppServer, tables: impl Into<String>) -> Self {
        Self {
            vestibule: Vestibule::start(tables),
            server,
            clients: XmppClients::start(),
        }
    }

    /// The set-up of the server.
    pub fn setup(kind: XmppKind) -> XmppSetup {
        XmppSetup::new(kind)
            .component(Self::PROXY)
            .accounts(&["bot", "user", "other"])
    }

    /// Logs in with this account and resource; an account that is a target approves.
    #[track_caller]
    pub fn login(&self, user: &str, resource: &str) -> XmppClient {
        self.clients
            .login(&Login::new(&self.server, user, resource))
    }

    /// Logs in as `bot` with these resources and waits until all of them can be asked.
    #[track_caller]
    pub fn bots<const N: usize>(&self, resources: [&str; N]) -> [XmppClient; N] {
        let bots = resources.map(|resource| self.login("bot", resource));
        self.has_resources(N as u64);
        bots
    }

    /// Waits until this many resources can be asked.
    #[track_caller]
    pub fn has_resources(&self, count: u64) {
        self.has_resources_of(Self::PROXY, count);
    }

    /// As [`Self::has_resources`] for another component.
    #[track_caller]
    pub fn has_resources_of(&self, component: &str, count: u64) {
        eventually(&format!("{count} resources of {component}"), || {
            self.value_of("resources", component) == count
        });
    }

    /// Waits until the component's link is up, or down.
    #[track_caller]
    pub fn is_up(&self, is_up: bool) {
        eventually(&format!("vestibule_component_up to be {is_up}"), || {
            self.value("up") == u64::from(is_up)
        });
    }

    /// What `vestibule_component_NAME` says of the component.
    pub fn value(&self, name: &str) -> u64 {
        self.value_of(name, Self::PROXY)
    }

    /// As [`Self::value`] for another component.
    pub fn value_of(&self, name: &str, component: &str) -> u64 {
        let name = format!("vestibule_component_{name}");
        self.vestibule
            .metrics()
            .sum(&name, &[("component", component)])
    }

    /// How many requests have ended so.
    pub fn requests(&self, outcome: &str) -> u64 {
        self.vestibule.metrics().value(
            "vestibule_component_requests_total",
            &[("component", Self::PROXY), ("outcome", outcome)],
        )
    }

    /// How many stanzas were dropped for this reason.
    pub fn dropped(&self, reason: &str) -> u64 {
        self.vestibule.metrics().value(
            "vestibule_component_dropped_stanzas_total",
            &[("component", Self::PROXY), ("reason", reason)],
        )
    }

    /// Waits until the subscription to `bot` has this state.
    #[track_caller]
    pub fn subscription_is(&self, state: &str) {
        let target = format!("bot@{}", XmppServer::DOMAIN);
        eventually(&format!("the subscription to be {state}"), || {
            let metrics = self.vestibule.metrics();
            let labels = [
                ("component", Self::PROXY),
                ("target", target.as_str()),
                ("state", state),
            ];
            metrics.value("vestibule_component_subscription", &labels) == 1
        });
    }

    /// What `/readyz` says: the status and the text.
    pub fn ready(&self) -> (u16, String) {
        http_get(self.vestibule.admin(), "/readyz")
    }
}
