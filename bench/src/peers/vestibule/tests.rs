use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;

use vestibule_config::ServiceKind;

use super::{configuration, listening_address};
use crate::peers::{Service, Setup, TlsRole};

const GATEWAY: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5684));

#[test]
fn the_address_is_known_when_all_is_ready() {
    let listening = r#"{"level":"INFO","message":"listening","address":"127.0.0.1:41233"}"#;
    let ready = r#"{"level":"INFO","message":"ready"}"#;
    assert_eq!(listening_address(listening), None);
    assert_eq!(
        listening_address(&format!("not json\n{listening}\n{ready}\n")),
        Some(([127, 0, 0, 1], 41233).into())
    );
}

#[test]
fn a_component_needs_no_listener() {
    let setup = Setup {
        origin: ([127, 0, 0, 1], 5347).into(),
        accept_proxy: false,
        send_proxy: false,
        service: Service::Component,
        tls: TlsRole::None,
    };
    let text = configuration(&setup, GATEWAY, Path::new("/tmp/access.log"));
    let loaded = vestibule_config::parse("vestibule.toml", &text);
    let errors: Vec<_> = loaded.report.errors().collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    assert_eq!(loaded.config.unwrap().components.len(), 1);
}

#[test]
fn a_gateway_needs_no_listener() {
    let setup = Setup {
        origin: ([127, 0, 0, 1], 8008).into(),
        accept_proxy: false,
        send_proxy: false,
        service: Service::LowBandwidth,
        tls: TlsRole::None,
    };
    let text = configuration(&setup, GATEWAY, Path::new("/tmp/access.log"));
    let loaded = vestibule_config::parse("vestibule.toml", &text);
    let errors: Vec<_> = loaded.report.errors().collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    let config = loaded.config.unwrap();
    assert_eq!(config.low_bandwidth[0].bind, [GATEWAY]);
    assert_eq!(config.low_bandwidth[0].limits.requests_per_minute, 0);
}

#[test]
fn every_configuration_is_right() {
    for (service, accept_proxy, send_proxy, tls) in [
        (Service::Connect, false, false, TlsRole::None),
        (Service::Http, false, false, TlsRole::None),
        (Service::Tcp, false, false, TlsRole::None),
        (Service::Tcp, false, true, TlsRole::None),
        (Service::Tcp, true, false, TlsRole::None),
        (Service::Tcp, true, true, TlsRole::None),
        (Service::Tcp, false, false, TlsRole::Originate),
        (Service::Tcp, false, false, TlsRole::Passthrough),
        (Service::Tcp, false, false, TlsRole::Terminate),
    ] {
        let origin = ([127, 0, 0, 1], 7000).into();
        let setup = Setup {
            origin,
            accept_proxy,
            send_proxy,
            service,
            tls,
        };
        let text = configuration(&setup, GATEWAY, Path::new("/tmp/access.log"));
        let loaded = vestibule_config::parse("vestibule.toml", &text);
        let errors: Vec<_> = loaded.report.errors().collect();
        assert!(errors.is_empty(), "{errors:?}\n{text}");
        let config = loaded.config.unwrap();
        assert_eq!(config.listeners[0].proxy_protocol.is_some(), accept_proxy);
        let listener_tls = matches!(tls, TlsRole::Passthrough | TlsRole::Terminate);
        assert_eq!(config.listeners[0].tls.is_some(), listener_tls);
        let kind = match config.services[0].kind {
            ServiceKind::Connect(_) => Service::Connect,
            ServiceKind::Http(_) => Service::Http,
            ServiceKind::Tcp => Service::Tcp,
        };
        assert_eq!(kind, service);
        let service_tls = tls == TlsRole::Originate;
        assert_eq!(config.services[0].tls.is_some(), service_tls);
    }
}
