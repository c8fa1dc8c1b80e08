//! Routes: which service a connection goes to. The first that matches wins; keys are ANDed, the
//! values of a key ORed.

use std::{net::SocketAddr, sync::Arc};

use vestibule_config::{DestinationMatch, NameMatch, TlvKind, TlvMatch};
use vestibule_proxy_protocol::{Decoded, Header, V2_MAX_LEN, decode, kind};

use super::{Listener, Networks, Next, Service};
use crate::identity::Identity;

/// A compiled route.
#[derive(Debug)]
pub(crate) struct Route {
    /// Empty: any hello or none.
    alpn: Vec<Vec<u8>>,
    /// `None`: any client.
    client: Option<Networks>,
    /// Empty: any destination.
    destination: Vec<DestinationMatch>,
    /// Empty: any request or none.
    http_host: Vec<NameMatch>,
    /// Empty: any header or none.
    proxy_tlv: Vec<TlvMatch>,
    /// Empty: any hello or none.
    sni: Vec<NameMatch>,
    /// Where it leads.
    pub(crate) service: Arc<Service>,
}

/// What the client's first bytes say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// The host of its HTTP request.
    pub(crate) http_host: Option<&'a str>,
    /// Its TLS hello.
    pub(crate) tls: Option<AskedByTls<'a>>,
}

/// What a TLS hello asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedByTls<'a> {
    /// The protocols that are offered by ALPN, as far as a route asks for them.
    pub(crate) alpn: &'a [Vec<u8>],
    /// The server name.
    pub(crate) server_name: Option<&'a str>,
}

impl Route {
    /// Compiles `config`, which leads to `service`.
    pub(crate) fn compile(config: &vestibule_config::Route, service: Arc<Service>) -> Self {
        Self {
            alpn: config.alpn.clone(),
            client: (!config.client.is_empty()).then(|| Networks::new(&config.client)),
            destination: config.destination.clone(),
            http_host: config.http_host.clone(),
            proxy_tlv: config.proxy_tlv.clone(),
            sni: config.sni.clone(),
            service,
        }
    }

    /// Whether it looks at TLVs.
    pub(crate) fn wants_tlvs(&self) -> bool {
        !self.proxy_tlv.is_empty()
    }

    /// Whether it asks for this protocol inside TLS.
    pub(crate) fn asks_for_alpn(&self, protocol: &[u8]) -> bool {
        self.alpn.iter().any(|wanted| wanted == protocol)
    }

    /// Whether it looks at the name in the TLS hello.
    pub(crate) fn wants_sni(&self) -> bool {
        !self.sni.is_empty()
    }

    /// Whether it looks at the HTTP request.
    pub(crate) fn wants_http(&self) -> bool {
        !self.http_host.is_empty()
    }

    fn matches(&self, identity: &Identity, header: Option<&Header<'_>>, asked: Asked<'_>) -> bool {
        let client = identity.client.0.socket_addr();
        let destination = identity.destination.0.socket_addr();
        self.client
            .as_ref()
            .is_none_or(|nets| client.is_some_and(|c| nets.contains(c.ip())))
            && (self.destination.is_empty()
                || destination.is_some_and(|d| {
                    self.destination
                        .iter()
                        .any(|rule| destination_matches(rule, d))
                }))
            && (self.proxy_tlv.is_empty()
                || header.is_some_and(|h| self.proxy_tlv.iter().any(|rule| tlv_matches(rule, h))))
            && (self.sni.is_empty()
                || asked
                    .tls
                    .is_some_and(|tls| self.sni.iter().any(|rule| rule.matches(tls.server_name))))
            && (self.alpn.is_empty()
                || asked
                    .tls
                    .is_some_and(|tls| self.alpn.iter().any(|wanted| tls.alpn.contains(wanted))))
            && (self.http_host.is_empty()
                || asked
                    .http_host
                    .is_some_and(|host| self.http_host.iter().any(|rule| rule.matches(Some(host)))))
    }
}

/// Picks the way for a connection that came in by `listener`. `header` is the raw PROXY header,
/// when its TLVs were kept.
pub(crate) fn choose(
    listener: &Listener,
    identity: &Identity,
    header: Option<&[u8]>,
    asked: Asked<'_>,
) -> Next {
    match first_match(listener, identity, header, asked) {
        Some(route) => Next::Service(Arc::clone(&route.service)),
        None => listener.default.clone(),
    }
}

/// The first route that matches.
pub(crate) fn first_match<'l>(
    listener: &'l Listener,
    identity: &Identity,
    header: Option<&[u8]>,
    asked: Asked<'_>,
) -> Option<&'l Route> {
    let header = header.and_then(|bytes| match decode(bytes, V2_MAX_LEN) {
        Ok(Decoded::Header(header)) => Some(header),
        // It was a whole, valid header when it was kept.
        Ok(Decoded::NeedMore(_)) | Err(_) => None,
    });
    listener
        .routes
        .iter()
        .find(|route| route.matches(identity, header.as_ref(), asked))
}

fn destination_matches(rule: &DestinationMatch, destination: SocketAddr) -> bool {
    rule.network
        .is_none_or(|network| network.contains(&destination.ip()))
        && rule.port.is_none_or(|port| port == destination.port())
}

fn tlv_matches(rule: &TlvMatch, header: &Header<'_>) -> bool {
    let value = match rule.kind {
        TlvKind::Top(kind) => header.tlv(kind),
        TlvKind::Ssl(kind) => header.ssl().and_then(|ssl| ssl.sub(kind)),
    };
    match (value, &rule.value) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(value), Some(wanted)) if rule.kind == TlvKind::Top(kind::AUTHORITY) => {
            value.eq_ignore_ascii_case(wanted)
        }
        (Some(value), Some(wanted)) => value == wanted.as_slice(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use vestibule_proxy_protocol::V2Builder;

    use super::*;
    use crate::{
        addr::{ClientAddr, Endpoint, OriginalDst},
        identity::HeaderKind,
        plan::Plan,
    };

    const CLIENT: &str = "192.0.2.1:40000";
    const DESTINATION: &str = "198.51.100.1:5222";

    /// The service that a connection from [`CLIENT`] to [`DESTINATION`] reaches by `routes`.
    fn service(routes: &str, header: Option<&[u8]>) -> Option<String> {
        let mut text = format!(
            "[[listener]]\nname = \"l\"\nbind = \"127.0.0.1:0\"\nservice = \"default\"\n\
             routes = [{routes}]\n[listener.proxy_protocol]\n"
        );
        for (port, name) in ["default", "a", "b"].iter().enumerate() {
            let _ = write!(
                text,
                "[service.{name}]\nupstreams = [\"127.0.0.1:{}\"]\n",
                port + 1
            );
        }
        let loaded = vestibule_config::parse("test.toml", &text);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{}", loaded.report.render(false)));
        let plan = Plan::first(config, 1);
        let identity = Identity {
            client: ClientAddr(Endpoint::ip(CLIENT.parse().unwrap())),
            destination: OriginalDst(Endpoint::ip(DESTINATION.parse().unwrap())),
            header: Some(HeaderKind::V2),
        };
        match choose(&plan.listeners[0], &identity, header, Asked::default()) {
            Next::Service(service) => Some(service.name().to_owned()),
            Next::Missing | Next::Refuse => None,
        }
    }

    fn header(authority: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let builder = V2Builder::new(CLIENT.parse().unwrap(), DESTINATION.parse().unwrap());
        let mut writer = builder.start(&mut bytes);
        writer.authority(authority).tlv(0xE0, b"\x01\x02");
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn the_first_match_wins() {
        let to = |routes: &str| service(routes, None).unwrap();
        let a = r#"{ client = ["192.0.2.0/24"], service = "a" }"#;
        let b = r#"{ destination = [":5222"], service = "b" }"#;
        assert_eq!(to(&format!("{a}, {b}")), "a");
        assert_eq!(to(&format!("{b}, {a}")), "b");
        assert_eq!(to(""), "default");
    }

    #[test]
    fn keys_are_anded_and_values_ored() {
        let to = |routes: &str| service(routes, None).unwrap();
        let both = |client: &str, destination: &str| {
            to(&format!(
                "{{ client = [{client}], destination = [{destination}], service = \"a\" }}"
            ))
        };
        assert_eq!(both(r#""192.0.2.1""#, r#""198.51.100.0/24:5222""#), "a");
        assert_eq!(both(r#""192.0.2.9", "192.0.2.1""#, r#"":1", ":5222""#), "a");
        assert_eq!(both(r#""192.0.2.9""#, r#"":5222""#), "default");
        assert_eq!(both(r#""192.0.2.1""#, r#"":5269""#), "default");
        assert_eq!(both(r#""2001:db8::/32""#, r#"":5222""#), "default");
    }

    #[test]
    fn tlvs_match_by_presence_and_by_value() {
        let bytes = header("chat.example.org");
        let to = |tlv: &str, header| {
            service(
                &format!("{{ proxy_tlv = [\"{tlv}\"], service = \"a\" }}"),
                header,
            )
            .unwrap()
        };
        let with = Some(&*bytes);
        assert_eq!(to("authority", with), "a");
        assert_eq!(to("authority=Chat.Example.ORG", with), "a");
        assert_eq!(to("authority=example.org", with), "default");
        assert_eq!(to("0xE0=hex:0102", with), "a");
        assert_eq!(to("0xE0=hex:0103", with), "default");
        assert_eq!(to("0xE1", with), "default");
        assert_eq!(to("ssl", with), "default");
        assert_eq!(to("ssl.cn=x", with), "default");
        assert_eq!(to("authority", None), "default");
    }
}
