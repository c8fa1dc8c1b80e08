//! One mistake, one diagnostic, at the right place.

mod component;
mod low_bandwidth;
mod proxy;
mod tls;

use std::collections::BTreeSet;

use super::summary;
use crate::{Code, later, parse, schema};

/// Where the text of a case stands.
#[derive(Clone, Copy)]
enum In {
    /// At the top of a file that is right. The text begins at line 1.
    Top,
    /// In a listener `a` without `bind` and `service`. The text begins at line 3.
    Listener,
    /// In a listener with both. The text begins at line 5.
    Whole,
    /// In a service without upstreams that is used. The text begins at line 2.
    Service,
    /// In a service with an upstream. The text begins at line 3.
    Used,
    /// In a component with what is required. The text begins at line 5.
    Component,
    /// In a gateway with what is required. The text begins at line 5.
    Gateway,
    /// Alone.
    File,
    /// In a service without upstreams that is used by a listener which peeks at TLS. The text
    /// begins at line 2.
    Names,
    /// In a listener's TLS that is terminated, behind `mode`. The text begins at line 10.
    Terminate,
}

impl In {
    fn file(self, text: &str) -> String {
        const SERVICE: &str = "[service.c2s]\nupstreams = \"192.0.2.1:5222\"\n";
        const LISTENER: &str =
            "[[listener]]\nname = \"a\"\nbind = \"127.0.0.1:5222\"\nservice = \"c2s\"\n";
        const CERTIFICATE: &str = "[[certificate]]\nchain = \"a.pem\"\nkey = \"a.key\"\n";
        const COMPONENT: &str = "[[component]]\ndomain = \"proxy.example\"\n\
                                 target = \"bot@example.org\"\nsecret = \"hush\"\n";
        const GATEWAY: &str = "[[low_bandwidth]]\nbind = \":8008\"\n\
                               homeserver = \"http://127.0.0.1:8009\"\n\
                               certificate = { chain = \"a.pem\", key = \"a.key\" }\n";
        const NAMED: &str = "[[listener]]\nname = \"a\"\n";
        match self {
            Self::Top => format!("{text}\n{LISTENER}{SERVICE}"),
            Self::Listener => format!("{NAMED}{text}\n{SERVICE}"),
            Self::Whole => format!("{LISTENER}{text}\n{SERVICE}"),
            Self::Service => format!("[service.c2s]\n{text}\n{LISTENER}"),
            Self::Used => format!("{SERVICE}{text}\n{LISTENER}"),
            Self::Component => format!("{COMPONENT}{text}\n"),
            Self::Gateway => format!("{GATEWAY}{text}\n"),
            Self::File => text.to_owned(),
            Self::Names => {
                format!("[service.c2s]\n{text}\n{LISTENER}tls = {{ mode = \"peek\" }}\n")
            }
            Self::Terminate => format!(
                "{CERTIFICATE}{LISTENER}[listener.tls]\nmode = \"terminate\"\n{text}\n{SERVICE}"
            ),
        }
    }
}

use In::{File, Listener, Service, Top, Used, Whole};

/// Where, what, and every diagnostic of the file.
type Case = (In, &'static str, &'static [&'static str]);

fn cases() -> impl Iterator<Item = &'static Case> {
    CASES
        .iter()
        .chain(component::CASES)
        .chain(low_bandwidth::CASES)
        .chain(proxy::CASES)
        .chain(tls::CASES)
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Values of the wrong type.
    (Top, "limits = 3", &["wrong_type 1:10"]),
    (Top, "[[limits]]", &["wrong_type 1:1"]),
    (Top, "[limits]\nconnections = \"8000\"", &["wrong_type 2:15"]),
    (Top, "[limits]\npeek_timeout = 5", &["wrong_type 2:16"]),
    (Top, "[log]\nlevel = 3", &["wrong_type 2:9"]),
    (Top, "[admin]\nlisten = 9180", &["wrong_type 2:10"]),
    (File, "[listener]\nname = \"a\"", &["wrong_type 1:1"]),
    (Listener, "service = \"c2s\"\nbind = 5222", &["wrong_type 4:8"]),
    (Listener, "service = \"c2s\"\nbind = [\"127.0.0.1:1\", 2]", &["wrong_type 4:24"]),
    (Whole, "routes = {}", &["wrong_type 5:10"]),
    (Whole, "routes = [\"c2s\"]", &["wrong_type 5:11"]),
    (Whole, "routes = [{ client = 1, service = \"c2s\" }]", &["wrong_type 5:22"]),
    (Whole, "proxy_protocol = true", &["wrong_type 5:18"]),
    (Whole, "[listener.proxy_protocol]\nmax_header = true", &["wrong_type 6:14"]),
    (Used, "retries = 1.5", &["wrong_type 3:11"]),
    (Used, "health = \"on\"", &["wrong_type 3:10"]),
    (Used, "send_proxy = 2", &["wrong_type 3:14"]),
    (Used, "send_proxy = { pass_tlvs = [\"0xE0\"] }", &["wrong_type 3:29"]),
    (Used, "send_proxy = { pass_tlvs = 0xE0 }", &["wrong_type 3:28"]),
    (Used, "idle_timeout = 1979-05-27", &["wrong_type 3:16"]),
    (Top, "service = 3", &["wrong_type 1:11", "syntax 6:2"]),
    (Listener, "bind = \"127.0.0.1:1\"\nservice = [\"c2s\"]", &["wrong_type 4:11"]),
    // Keys.
    (Top, "[limit]\nconnections = 1", &["unknown_key 1:2"]),
    (Top, "frobnicate = 1", &["unknown_key 1:1"]),
    (Top, "[limits]\nconections = 1", &["unknown_key 2:1"]),
    (Top, "[limits]\nworkers = 1", &["misplaced_key 2:1"]),
    (Top, "bind = \"127.0.0.1:1\"", &["misplaced_key 1:1"]),
    (Top, "[limits]\nproxy_ports = [1]", &["misplaced_key 2:1"]),
    (Used, "proxy_port_mappings = { 1 = \"c2s\" }", &["misplaced_key 3:1"]),
    (Top, "[proxy_port_mappings]\nproxy_ports = [1]", &["misplaced_key 2:1"]),
    (Top, "[service]\nupstreams = \"a:1\"", &["misplaced_key 2:1"]),
    (Top, "[service]\nproxy_ports = [1]", &["misplaced_key 2:1"]),
    (Service, "upstream = \"192.0.2.1:5222\"", &["unknown_key 2:1"]),
    (Whole, "[listener.proxy_protocol]\ntrust = []", &["unknown_key 6:1"]),
    (Whole, "[listener.proxy_protocol]\nservice = \"c2s\"", &["misplaced_key 6:1"]),
    (Listener, "binds = \"127.0.0.1:1\"\nservice = \"c2s\"", &["unknown_key 3:1"]),
    (Service, "", &["missing_key 1:1"]),
    (Listener, "service = \"c2s\"", &["missing_key 1:1"]),
    (File, "[[listener]]\nbind = \"unix:a\"\nservice = \"a\"\n[service.a]\nupstreams = \"b:1\"", &["missing_key 1:1"]),
    (Whole, "routes = [{ client = \"::1\" }]", &["missing_key 5:11"]),
    (Listener, "bind = \"127.0.0.1:1\"", &["empty_listener 1:1", "unused_service 4:10"]),
    (Listener, "bind = \"127.0.0.1:1\"\nroutes = []", &["empty_listener 1:1", "unused_service 5:10"]),
    // Lists.
    (Listener, "bind = []\nservice = \"c2s\"", &["empty_list 3:8"]),
    (Service, "upstreams = []", &["empty_list 2:13"]),
    (Whole, "routes = [{ client = [], service = \"c2s\" }]", &["empty_list 5:22"]),
    (Service, "upstreams = [\"a:1\", \"b:1\", \"A.:1\"]", &["duplicate_upstream 2:28"]),
    (Service, "upstreams = [\"127.0.0.1:1\", \"[::ffff:127.0.0.1]:1\"]", &["duplicate_upstream 2:29"]),
    (Used, "send_proxy = { tlvs = [\"alpn\", \"alpn\"] }", &["duplicate_value 3:32"]),
    (Used, "send_proxy = { pass_tlvs = [1, 1] }", &["duplicate_value 3:32"]),
    (Used, "send_proxy = { tlvs = [\"ssl\"], pass_tlvs = [0x20] }", &["duplicate_value 3:45"]),
    // Numbers, durations and sizes.
    (Top, "[limits]\nconnections = 0", &["out_of_range 2:15"]),
    (Top, "[limits]\nconnections = -1", &["out_of_range 2:15"]),
    (Top, "[limits]\nconnections = 10\nconnections_per_client = 11", &["client_limit_unreachable 3:26"]),
    (Top, "[runtime]\nworkers = 99999999999999999999", &["out_of_range 2:11"]),
    (Top, "[limits]\ndrain_timeout = \"\"", &["invalid_duration 2:17"]),
    (Top, "[limits]\ndrain_timeout = \"30\"", &["invalid_duration 2:17"]),
    (Top, "[limits]\ndrain_timeout = \"30s1m\"", &["invalid_duration 2:17"]),
    (Top, "[limits]\ndrain_timeout = \"2d\"", &["out_of_range 2:17"]),
    (Top, "[limits]\ndrain_timeout = \"99999999999999999999d\"", &["invalid_duration 2:17"]),
    (Top, "[limits]\ndrain_timeout = \"9999999999999999d\"", &["out_of_range 2:17"]),
    (Top, "[tcp]\nkeepalive_idle = \"1500ms\"", &["out_of_range 2:18"]),
    (Top, "[tcp]\nkeepalive_interval = \"off\"", &["invalid_duration 2:22"]),
    (Top, "[tcp]\nuser_timeout = \"100ms\"", &["out_of_range 2:16"]),
    (Whole, "[listener.proxy_protocol]\ntimeout = \"2m\"", &["out_of_range 6:11"]),
    (Whole, "[listener.proxy_protocol]\nmax_header = 107", &["out_of_range 6:14"]),
    (Whole, "[listener.proxy_protocol]\nmax_header = \"64KiB\"\ntimeout=\"0s\"", &["out_of_range 7:9"]),
    (Whole, "[listener.proxy_protocol]\nmax_header = \"1MiB\"", &["out_of_range 6:14"]),
    (Whole, "[listener.proxy_protocol]\nmax_header = \"64k\"", &["invalid_size 6:14"]),
    (Used, "retries = 101", &["out_of_range 3:11"]),
    (Used, "connect_timeout = \"1h\"", &["out_of_range 3:19"]),
    (Used, "idle_timeout = { client = \"1s\", upstream = \"31d\" }", &["out_of_range 3:44"]),
    (Used, "health = { rise = 0 }", &["out_of_range 3:19"]),
    (Used, "health = { interval = \"1s\" }", &["health_overlap 3:23"]),
    (Used, "send_proxy = { pass_tlvs = [256] }", &["out_of_range 3:29"]),
    // Words and names.
    (Top, "[log]\nformat = \"xml\"", &["unknown_value 2:10"]),
    (Top, "[log]\nlevel = \"warning\"", &["unknown_value 2:9"]),
    (Top, "[log]\naccess = \"stderr\"", &["unknown_value 2:10"]),
    (Used, "balance = \"round-robin\"", &["unknown_value 3:11"]),
    (Used, "kind = \"udp\"", &["unknown_value 3:8"]),
    (Used, "send_proxy = \"v3\"", &["unknown_value 3:14"]),
    (Used, "send_proxy = { tlvs = [\"sni\"] }", &["unknown_value 3:24"]),
    (Used, "send_proxy = { version = \"v1\", tlvs = [\"alpn\"] }", &["tlv_needs_v2 3:32"]),
    (Whole, "[listener.proxy_protocol]\nmode = \"optional\"", &["unknown_value 6:8"]),
    (Top, "[runtime]\nuser = \"\"", &["invalid_name 2:8"]),
    (Top, "[runtime]\ngroup = \"vestibule\"", &["group_without_user 2:1"]),
    (File, "[[listener]]\nname = \"a b\"\nbind = \"unix:a\"\nservice = \"é\"\n[service.\"é\"]\nupstreams = \"b:1\"", &["invalid_name 2:8", "invalid_name 5:10"]),
    (Whole, "[[listener]]\nname = \"a\"\nbind = \"127.0.0.1:1\"\nservice = \"c2s\"", &["duplicate_name 6:8"]),
    (Listener, "bind = \"127.0.0.1:1\"\nservice = \"c2\"", &["unknown_service 4:11"]),
    (Whole, "routes = [{ client = \"::1\", service = \"web\" }]", &["unknown_service 5:39"]),
    // Addresses.
    (Listener, "service = \"c2s\"\nbind = \"5222\"", &["invalid_address 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \":5222\"", &["invalid_address 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"*:5222\"", &["invalid_address 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"localhost:5222\"", &["invalid_address 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"127.0.0.1\"", &["invalid_address 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"::1:5222\"", &["invalid_address 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"127.0.0.1:70000\"", &["invalid_address 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"tcp://127.0.0.1:1\"", &["invalid_address 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"/run/a.sock\"", &["invalid_address 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"unix:\"", &["invalid_path 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"unix:@a\"", &["invalid_path 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"unix:/run/\"", &["invalid_path 4:8"]),
    (Listener, "service = \"c2s\"\nbind = \"unix:a\\u0000\"", &["invalid_path 4:8"]),
    (Listener, "service = \"c2s\"\nbind = [\"127.0.0.1:1\", \"0.0.0.0:1\"]", &["address_overlap 4:24"]),
    (Whole, "[[listener]]\nname = \"b\"\nbind = \"0.0.0.0:5222\"\nservice = \"c2s\"", &["address_overlap 7:8"]),
    (Whole, "[[listener]]\nname = \"b\"\nbind = \"127.0.0.1:5222\"\nservice = \"c2s\"", &["address_overlap 7:8"]),
    (Top, "[admin]\nlisten = \"127.0.0.1:5222\"", &["address_overlap 2:10"]),
    (Top, "[admin]\nlisten = \"192.0.2.1:1\"", &["admin_not_loopback 2:10"]),
    (Top, "[admin]\ncontrol = \"unix:/run/a\"", &["invalid_path 2:11"]),
    (Service, "upstreams = \"127.0.0.1\"", &["invalid_address 2:13"]),
    (Service, "upstreams = \"xmpp.example\"", &["invalid_address 2:13"]),
    (Service, "upstreams = \"xmpp.example:0\"", &["invalid_address 2:13"]),
    (Service, "upstreams = \"127.0.0.1:0\"", &["invalid_address 2:13"]),
    (Service, "upstreams = \"0.0.0.0:1\"", &["invalid_address 2:13"]),
    (Service, "upstreams = \"224.0.0.1:1\"", &["invalid_address 2:13"]),
    (Service, "upstreams = \"300.0.0.1:1\"", &["invalid_address 2:13"]),
    (Service, "upstreams = \"http://a.example:1/\"", &["invalid_address 2:13"]),
    (Service, "upstreams = [\"a..b:1\"]", &["invalid_address 2:14"]),
    (Service, "upstreams = \"127.0.0.1:5222\"", &["proxy_loop 2:13"]),
    (Service, "upstreams = \"unix://a\"", &["invalid_path 2:13"]),
    // Networks, routes and trust.
    (Whole, "[listener.proxy_protocol]\ntrusted = \"10.0.0.0/33\"", &["invalid_network 6:11"]),
    (Whole, "[listener.proxy_protocol]\ntrusted = [\"localhost\"]", &["invalid_network 6:12"]),
    (Whole, "[listener.proxy_protocol]\ntrusted = [\"10.0.0.1/8\"]", &["host_bits_set 6:12"]),
    (Whole, "[listener.proxy_protocol]\ntrusted = [\"10.0.0.0/255.0.0.0\"]", &["invalid_network 6:12"]),
    (Whole, "[listener.proxy_protocol]\ntrusted = [\"10.0.0.1:80\"]", &["invalid_network 6:12"]),
    (Whole, "[listener.proxy_protocol]\ntrusted = []", &["trusts_everyone 6:11"]),
    (Whole, "[listener.proxy_protocol]\ntrusted = [\"::1\", \"::/0\"]", &["trusts_everyone 6:19"]),
    (Whole, "[listener.proxy_protocol]\ntrusted = [\"0.0.0.0/1\", \"128.0.0.0/1\"]", &["trusts_everyone 6:11"]),
    (Whole, "routes = [{ destination = \"2001:db8::1\", service = \"c2s\" }]", &["invalid_address 5:27"]),
    (Whole, "routes = [{ destination = \":0\", service = \"c2s\" }]", &["invalid_address 5:27"]),
    (Whole, "routes = [{ destination = \"443\", service = \"c2s\" }]", &["invalid_address 5:27"]),
    (Whole, "routes = [{ destination = \":443\", service = \"c2s\" }]", &["route_never_matches 5:13"]),
    (Whole, "routes = [{ proxy_tlv = \"alpn\", service = \"c2s\" }]", &["route_never_matches 5:13"]),
    (Whole, "routes = [{ proxy_tlv = \"sni\", service = \"c2s\" }]", &["invalid_tlv 5:25"]),
    (Whole, "routes = [{ proxy_tlv = \"alpn=hex:0\", service = \"c2s\" }]", &["invalid_tlv 5:25"]),
    (Whole, "routes = [{ proxy_tlv = \"0x100\", service = \"c2s\" }]", &["invalid_tlv 5:25"]),
    (Whole, "routes = [{ proxy_tlv = \"ssl=on\", service = \"c2s\" }]", &["invalid_tlv 5:25"]),
    (Whole, "routes = [\n{ client = \"10.0.0.0/8\", service = \"c2s\" },\n{ client = [\"10.1.0.0/16\", \"10.2.0.1\"], service = \"c2s\" },\n]", &["unreachable_route 7:1"]),
    (Whole, "routes = [{ service = \"c2s\" }]", &["unreachable_route 4:11"]),
    (File, "[[listener]]\nname = \"a\"\nbind = \"unix:a\"\nroutes = [{ client = \"::1\", service = \"b\" }]\n[service.b]\nupstreams = \"b:1\"", &["route_never_matches 4:13"]),
    // Services.
    (Top, "[service.web]\nupstreams = \"a:1\"", &["unused_service 1:10"]),
    // What later versions have.
    (Top, "[[companion]]", &["not_supported_yet 1:3"]),
    (Service, "upstreams = [\"srv:_a._tcp.b\"]", &["not_supported_yet 2:14"]),
    // The shorthand.
    (Top, "proxy_port_mappings = [15222]", &["wrong_type 1:23"]),
    (Top, "proxy_port_mappings = { 15222 = 5222 }", &["wrong_type 1:33"]),
    (Top, "proxy_port_mappings = { 0 = \"c2s\" }", &["out_of_range 1:25"]),
    (Top, "proxy_port_mappings = { 65536 = \"c2s\" }", &["out_of_range 1:25"]),
    (Top, "proxy_port_mappings = { 015222 = \"c2s\" }", &["out_of_range 1:25"]),
    (Top, "proxy_port_mappings = { xmpp = \"c2s\" }", &["out_of_range 1:25"]),
    (Top, "proxy_port_mappings = { 15222 = \"s2s\" }", &["mapped_service_missing 1:33"]),
    (Top, "proxy_port_mappings = { 15222 = \"c2s\" }\nproxy_ports = [15222, 15269]", &["port_without_mapping 2:23"]),
    (Top, "proxy_port_mappings = { 15222 = \"c2s\" }\nproxy_ports = []", &["mapped_port_not_listened 1:25"]),
    (Top, "proxy_port_mappings = { 15222 = \"c2s\" }\nproxy_ports = [15222, 15222]", &["duplicate_value 2:23"]),
    (Top, "proxy_port_mappings = { 15222 = \"c2s\" }\nproxy_ports = \"15222\"", &["wrong_type 2:15"]),
    (Top, "proxy_port_mappings = { 15222 = \"c2s\" }\nproxy_ports = [\"15222\"]", &["wrong_type 2:16"]),
    (Top, "proxy_port_mappings = { 15222 = \"c2s\" }\nproxy_interfaces = \"eth0\"", &["invalid_address 2:20"]),
    (Top, "proxy_port_mappings = { 15222 = \"c2s\" }\nproxy_interfaces = []", &["empty_list 2:20"]),
    (Top, "proxy_port_mappings = { 15222 = \"c2s\" }\nproxy_trusted_proxies = []", &["trusts_everyone 2:25"]),
    (Top, "proxy_port_mappings = { 5222 = \"c2s\" }\nproxy_interfaces = \"0.0.0.0\"", &["address_overlap 1:25"]),
    (Top, "proxy_trusted_proxies = \"::1\"", &["shorthand_without_ports 1:1"]),
    // The file.
    (File, "", &["no_listeners 1:1"]),
    (File, "# nothing", &["no_listeners 1:1"]),
    (Top, "[log\nlevel = \"info\"", &["syntax 1:1"]),
    (Top, "[log]\nlevel = info", &["syntax 2:9"]),
    (Top, "[log]\nlevel = \"info\"\nlevel = \"warn\"", &["duplicate_key 3:1"]),
];

#[test]
fn each_is_reported_where_it_stands() {
    let mut wrong = String::new();
    for (place, text, expected) in cases() {
        let file = place.file(text);
        let loaded = parse("test.toml", &file);
        let found = summary(&loaded.report);
        if found != *expected {
            let rendered = loaded.report.render(false);
            wrong += &format!("in\n{file}\nexpected {expected:?}, found\n{rendered}\n");
        }
        assert_eq!(
            loaded.config.is_none(),
            loaded.report.has_errors(),
            "in\n{file}"
        );
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_error_says_what_would_be_right() {
    for (place, text, _) in cases() {
        for found in parse("test.toml", &place.file(text)).report.diagnostics {
            let help = found.help.unwrap_or_default();
            // These messages say what was expected.
            let expected = ["syntax", "wrong_type"].contains(&found.code);
            assert!(!help.is_empty() || expected, "{text}: {}", found.message);
        }
    }
}

#[test]
fn every_key_of_later_versions_is_refused_unless_it_is_off() {
    let tables = [
        (Top, &schema::ROOT, "KEY = VALUE", "1:1"),
        (Whole, &schema::LISTENER, "KEY = VALUE", "5:1"),
        (
            Whole,
            &schema::ROUTE,
            "routes = [{ KEY = VALUE, client = \"::1\", service = \"c2s\" }]",
            "5:13",
        ),
        (Used, &schema::SERVICE, "KEY = VALUE", "3:1"),
    ];
    let mut count = 0;
    for (place, table, line, at) in tables {
        for key in later::keys(table) {
            let text = place.file(&line.replace("KEY", key));
            let asked = parse("test.toml", &text.replace("VALUE", "\"a\"")).report;
            assert_eq!(
                summary(&asked),
                [format!("not_supported_yet {at}")],
                "{key}"
            );
            let off = parse("test.toml", &text.replace("VALUE", "false")).report;
            assert!(off.diagnostics.is_empty(), "{key}");
            count += 1;
        }
    }
    assert_eq!(
        count,
        schema::ALL
            .iter()
            .flat_map(|table| later::keys(table))
            .count()
    );
}

/// The codes of files that cannot be read, or that the configuration names, are tested with such
/// files.
#[test]
fn every_code_has_a_case() {
    let seen: BTreeSet<_> = cases().flat_map(|(.., expected)| *expected).collect();
    let seen: BTreeSet<_> = seen
        .iter()
        .filter_map(|found| found.split(' ').next())
        .collect();
    let files = [
        Code::CertificateExpired,
        Code::FileTooLarge,
        Code::NotUtf8,
        Code::UnreadableFile,
        Code::UnusableFile,
    ];
    for code in Code::ALL.iter().filter(|code| !files.contains(code)) {
        assert!(seen.contains(code.name()), "no case for {}", code.name());
    }
}

#[test]
fn ten_mistakes_are_reported_at_once() {
    let text = r#"proxy_port_mappings = { 0 = "c2s" }
[limits]
conections = 8000
drain_timeout = 30
[log]
level = info
[[listener]]
name = "c2s"
bind = "localhost:5222"
service = "c3s"
[listener.proxy_protocol]
trusted = ["10.0.0.1/8"]
max_header = 4
[service.c2s]
upstreams = ["127.0.0.1:5222", "127.0.0.1:5222"]
balance = "roundrobin"
"#;
    let loaded = parse("test.toml", text);
    let expected = [
        "out_of_range 1:25",
        "unknown_key 3:1",
        "wrong_type 4:17",
        "syntax 6:9",
        "invalid_address 9:8",
        "unknown_service 10:11",
        "host_bits_set 12:12",
        "out_of_range 13:14",
        "duplicate_upstream 15:32",
        "unknown_value 16:11",
    ];
    assert_eq!(
        summary(&loaded.report),
        expected,
        "{}",
        loaded.report.render(false)
    );
    assert_eq!(loaded.report.errors().count(), 10);
    assert!(loaded.config.is_none());
}
