//! The names of mod_net_proxy.

use std::net::SocketAddr;

use super::{flawless, summary, usable};
use crate::{Bind, Destination, Listener, ProxyProtocolMode, parse};

const SERVICES: &str = "
[service.c2s]
upstreams = [\"127.0.0.1:5222\"]

[service.s2s]
upstreams = [\"127.0.0.1:5269\"]
";

#[test]
fn a_mapping_is_all_that_is_needed() {
    let top = "proxy_port_mappings = { 15222 = \"c2s\", 15269 = \"s2s\" }\n";
    let listeners = flawless(&(top.to_owned() + SERVICES)).listeners;
    let [c2s, s2s] = &listeners[..] else {
        panic!("{listeners:?}")
    };
    assert_eq!(c2s.name, "proxy-15222");
    assert_eq!(c2s.bind, [bind("0.0.0.0:15222"), bind("[::]:15222")]);
    assert_eq!(c2s.default, Destination::Service(0));
    let policy = c2s.proxy_protocol.as_ref().unwrap();
    assert_eq!(
        policy.trusted,
        ["127.0.0.1/32".parse().unwrap(), "::1/128".parse().unwrap()]
    );
    assert_eq!(policy.mode, ProxyProtocolMode::Require);
    assert_eq!((policy.timeout.as_secs(), policy.max_header), (3, 65_551));
    assert_eq!(
        (s2s.name.as_str(), &s2s.default),
        ("proxy-15269", &Destination::Service(1))
    );
}

#[test]
fn every_name_has_its_meaning() {
    let top = "proxy_port_mappings = { 15222 = \"c2s\", 15269 = \"s2s\" }
proxy_trusted_proxies = [\"192.168.10.0/24\"]
proxy_ports = [15269, 15222]
proxy_interfaces = [\"*\", \"127.0.0.2\", \"*\"]
";
    // The address overlaps the wildcard, as it would in the module.
    let report = parse("test.toml", &(top.to_owned() + SERVICES)).report;
    assert_eq!(
        summary(&report),
        ["address_overlap 3:16", "address_overlap 3:23"]
    );

    let listeners = flawless(&(top.replace("127.0.0.2", "::1") + SERVICES)).listeners;
    assert_eq!(
        listeners[0].bind,
        [bind("0.0.0.0:15222"), bind("[::1]:15222")]
    );
    let trusted = &listeners[0].proxy_protocol.as_ref().unwrap().trusted;
    assert_eq!(trusted, &["192.168.10.0/24".parse().unwrap()]);
}

#[test]
fn a_port_without_mapping_or_service_is_dropped_with_a_warning() {
    let top = "proxy_port_mappings = { 15222 = \"c2s\", 15280 = \"http\" }
proxy_ports = [15222, 15280, 15300]
";
    let (config, report) =
        usable(&(top.to_owned() + SERVICES.split("[service.s2s").next().unwrap()));
    let expected = ["mapped_service_missing 1:48", "port_without_mapping 2:30"];
    assert_eq!(summary(&report), expected);
    let destinations: Vec<_> = config
        .listeners
        .iter()
        .map(|listener| &listener.default)
        .collect();
    let missing = Destination::Missing(Some("http".to_owned()));
    assert_eq!(
        destinations,
        [
            &Destination::Service(0),
            &missing,
            &Destination::Missing(None)
        ]
    );
}

#[test]
fn anyone_is_trusted_with_a_warning() {
    let top =
        "proxy_port_mappings = { 15222 = \"c2s\", 15269 = \"s2s\" }\nproxy_trusted_proxies = []\n";
    let (config, report) = usable(&(top.to_owned() + SERVICES));
    assert_eq!(summary(&report), ["trusts_everyone 2:25"]);
    let trusts_all = |listener: &Listener| {
        listener
            .proxy_protocol
            .as_ref()
            .is_some_and(|policy| policy.trusted.is_empty())
    };
    assert!(config.listeners.iter().all(trusts_all));
}

#[test]
fn listeners_of_both_kinds_stand_side_by_side() {
    let listener =
        "[[listener]]\nname = \"proxy-15222\"\nbind = \"[::1]:15222\"\nservice = \"s2s\"\n";
    let top = "proxy_port_mappings = { 15222 = \"c2s\" }\nproxy_interfaces = \"127.0.0.1\"\n";
    let text = format!("{top}{listener}{SERVICES}");
    let report = parse("test.toml", &text).report;
    assert_eq!(summary(&report), ["duplicate_name 1:25"]);
    let renamed = text.replace("\"proxy-15222\"", "\"other\"");
    let names: Vec<_> = flawless(&renamed)
        .listeners
        .into_iter()
        .map(|found| found.name)
        .collect();
    assert_eq!(names, ["other", "proxy-15222"]);
}

#[test]
fn as_a_table_it_works_too() {
    let text = format!("[proxy_port_mappings]\n15222 = \"c2s\"\n\"15269\" = \"s2s\"\n{SERVICES}");
    assert_eq!(flawless(&text).listeners.len(), 2);
}

#[test]
fn inside_a_table_it_is_recognised() {
    let text =
        format!("[log]\nlevel = \"info\"\nproxy_port_mappings = {{ 15222 = \"c2s\" }}\n{SERVICES}");
    let report = parse("test.toml", &text).report;
    let found = report.errors().next().unwrap();
    assert_eq!(
        (found.code, found.line, found.column),
        ("misplaced_key", 3, 1)
    );
    assert_eq!(
        found.message,
        "`proxy_port_mappings` must stand before the first table"
    );
    let help = "here it belongs to [log]: move it to the top of the file, above the first `[`";
    assert_eq!(found.help.as_deref(), Some(help));
}

fn bind(text: &str) -> Bind {
    Bind::Tcp(text.parse::<SocketAddr>().unwrap())
}
