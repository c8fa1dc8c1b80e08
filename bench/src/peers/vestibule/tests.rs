use std::path::Path;

use super::{configuration, listening_address};
use crate::peers::{Setup, TlsRole};

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
fn every_configuration_is_right() {
    for (accept_proxy, send_proxy, tls) in [
        (false, false, TlsRole::None),
        (false, true, TlsRole::None),
        (true, false, TlsRole::None),
        (true, true, TlsRole::None),
        (false, false, TlsRole::Originate),
        (false, false, TlsRole::Passthrough),
        (false, false, TlsRole::Terminate),
    ] {
        let origin = ([127, 0, 0, 1], 7000).into();
        let setup = Setup {
            origin,
            accept_proxy,
            send_proxy,
            tls,
        };
        let text = configuration(&setup, Path::new("/tmp/access.log"));
        let loaded = vestibule_config::parse("vestibule.toml", &text);
        let errors: Vec<_> = loaded.report.errors().collect();
        assert!(errors.is_empty(), "{errors:?}\n{text}");
        let config = loaded.config.unwrap();
        assert_eq!(config.listeners[0].proxy_protocol.is_some(), accept_proxy);
        let listener_tls = matches!(tls, TlsRole::Passthrough | TlsRole::Terminate);
        assert_eq!(config.listeners[0].tls.is_some(), listener_tls);
        let service_tls = tls == TlsRole::Originate;
        assert_eq!(config.services[0].tls.is_some(), service_tls);
    }
}
