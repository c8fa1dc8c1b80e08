//! The configuration that the demo runs with. The certificates are in the same directory.

use std::{collections::HashMap, fmt::Write, net::SocketAddr, path::Path};

use super::{
    matrix::Matrix,
    xmpp_server::{DOMAIN, TARGET},
};

/// The upstreams' addresses by their names.
pub(super) type Upstreams = HashMap<&'static str, String>;

/// The configuration as text. Without `ipv6` nothing listens there.
pub(super) fn configuration(
    access_log: &Path,
    upstreams: &Upstreams,
    xmpp_server: SocketAddr,
    matrix: &Matrix,
    ipv6: bool,
) -> String {
    let mut text = format!(
        "# Made by `vestibule demo`.\n[runtime]\nworkers = 2\n\n[limits]\ndrain_timeout = \"1s\"\n\
         \n[log]\nlevel = \"error\"\naccess = {:?}\n",
        access_log.display().to_string()
    );
    // Writing to a string does not fail.
    let mut listener = |name: &str, service: &str, more: &str| {
        let _ = write!(
            text,
            "\n[[listener]]\nname = \"{name}\"\nbind = \"127.0.0.1:0\"\nservice = \"{service}\"\n\
             {more}"
        );
    };
    for (name, service) in PLAIN {
        listener(name, service, "");
    }
    for (name, service) in PROXIED {
        listener(name, service, "[listener.proxy_protocol]\n");
    }
    text.push_str(SPECIAL);
    text.push_str(TLS);
    text.push_str(EXPLICIT);
    if ipv6 {
        text.push_str(IPV6);
    }
    for (name, to, more) in SERVICES {
        let to: Vec<_> = to.iter().map(|name| &upstreams[name]).collect();
        let _ = write!(text, "\n[service.{name}]\nupstreams = {to:?}\n{more}\n");
    }
    let _ = write!(
        text,
        "\n[[component]]\ndomain = \"{DOMAIN}\"\nserver = \"{xmpp_server}\"\nsecret = \"demo\"\n\
         target = \"{TARGET}\"\n"
    );
    let (homeserver, gateway) = (matrix.homeserver().address(), matrix.gateway());
    let _ = write!(
        text,
        "\n[[low_bandwidth]]\nname = \"gateway\"\nbind = \"{gateway}\"\n\
         homeserver = \"http://{homeserver}\"\nadvertise = \"http://{gateway}\"\n\
         certificate = {{ chain = \"gateway.pem\", key = \"gateway.key\" }}\n\
         limits = {{ poll_spacing = \"100ms\" }}\n"
    );
    text
}

/// What is added once it is known where the remote proxy listens: a local proxy, which leads to
/// `upstream` or to where clients say, through `remote`.
pub(super) fn local_proxy(remote: SocketAddr, upstream: &str) -> String {
    let via = format!(
        "via = {{ url = \"https://{remote}\", username = \"alice\", password = {{ file = \
         \"alice.secret\" }}, tls = {{ ca = \"ca.pem\", server_name = \"chat.example.org\" }} }}"
    );
    format!(
        r#"
[[listener]]
name = "ingress"
bind = "127.0.0.1:0"
service = "ingress"

[[listener]]
name = "as-if-it-were-the-server"
bind = "127.0.0.1:0"
service = "onward"

[service.ingress]
kind = "connect"
allow = "127.0.0.0/8"
send_proxy = "v2"
{via}

[service.onward]
upstreams = "{upstream}"
send_proxy = "v2"
{via}
"#
    )
}

/// The services and who carries them: name, upstreams, and what else stands in their table.
const SERVICES: [(&str, &[&str], &str); 14] = [
    ("balanced", &["a", "b"], "balance = \"round_robin\""),
    ("chat", &["chat"], "send_proxy = \"v2\""),
    ("failover", &["dead", "b"], "retries = 1"),
    ("office", &["office"], "send_proxy = \"v2\""),
    ("patient", &["patient"], "send_proxy = \"v2\""),
    ("plain", &["plain"], ""),
    (
        "secret",
        &["secret"],
        "send_proxy = { version = \"v2\", tlvs = [\"authority\"] }",
    ),
    (
        "secured",
        &["secret"],
        "send_proxy = \"v2\"\ntls = { server_name = \"xmpp.internal\", ca = \"ca.pem\" }",
    ),
    (
        "terminated",
        &["terminated"],
        "send_proxy = { version = \"v2\", tlvs = [\"alpn\", \"authority\", \"ssl\"] }",
    ),
    (
        "tlvs",
        &["tlvs"],
        "send_proxy = { version = \"v2\", tlvs = [\"alpn\", \"authority\", \"unique_id\", \
         \"crc32c\"], pass_tlvs = [0xE0] }",
    ),
    ("unix", &["unix"], "send_proxy = \"v2\""),
    ("v1", &["v1"], "send_proxy = \"v1\""),
    ("v2", &["v2"], "send_proxy = \"v2\""),
    ("web", &["plain"], "kind = \"http\""),
];

/// Listeners that take plain connections, and where they lead.
const PLAIN: [(&str, &str); 5] = [
    ("balanced", "balanced"),
    ("failover", "failover"),
    ("plain", "plain"),
    ("plain-to-v2", "v2"),
    ("to-unix", "unix"),
];

/// Listeners that take PROXY headers from loopback, and where they lead.
const PROXIED: [(&str, &str); 5] = [
    ("http", "web"),
    ("patient", "patient"),
    ("proxied", "v2"),
    ("proxied-to-v1", "v1"),
    ("v2-to-tlvs", "tlvs"),
];

/// Listeners that are different.
const SPECIAL: &str = r#"
[[listener]]
name = "routed"
bind = "127.0.0.1:0"
routes = [
  { client = ["203.0.113.0/24"], service = "office" },
  { proxy_tlv = ["authority=chat.example.org"], service = "chat" },
]
[listener.proxy_protocol]

[[listener]]                       # nobody here is in this network
name = "strangers"
bind = "127.0.0.1:0"
service = "v2"
[listener.proxy_protocol]
trusted = ["192.0.2.0/24"]

[[listener]]                       # 127.0.0.1 must send a header, 127.0.0.2 is a plain client
name = "mixed"
bind = "127.0.0.1:0"
service = "v2"
[listener.proxy_protocol]
trusted = ["127.0.0.1"]
mode = "mixed"
"#;

const TLS: &str = r#"
[[certificate]]
chain = "chat.pem"
key = "chat.key"

[[certificate]]
chain = "web.pem"
key = "web.key"

[[listener]]
name = "tls"
bind = "127.0.0.1:0"
service = "terminated"
[listener.tls]
mode = "terminate"
alpn = ["xmpp-client"]

[[listener]]                       # the PROXY header comes first, in clear
name = "proxied-tls"
bind = "127.0.0.1:0"
service = "terminated"
[listener.proxy_protocol]
[listener.tls]
mode = "terminate"
alpn = ["xmpp-client"]

[[listener]]
name = "mutual-tls"
bind = "127.0.0.1:0"
service = "terminated"
[listener.tls]
mode = "terminate"
client_auth = { mode = "required", ca = "ca.pem" }

[[listener]]                       # without tickets each handshake shows the certificate
name = "tls-to-tls"
bind = "127.0.0.1:0"
service = "secured"
[listener.tls]
mode = "terminate"
tickets = false

[[listener]]
name = "by-name"
bind = "127.0.0.1:0"
routes = [
  { sni = "chat.example.org", service = "secret" },
  { sni = "echo.example.org", service = "plain" },
]
[listener.tls]
mode = "peek"
"#;

/// `members` is the remote proxy of [`local_proxy`].
const EXPLICIT: &str = r#"
[[listener]]
name = "connect"
bind = "127.0.0.1:0"
service = "egress"

[[listener]]                       # an HTTPS proxy
name = "members"
bind = "127.0.0.1:0"
service = "members"
[listener.tls]
mode = "terminate"
alpn = ["http/1.1"]

[[listener]]
name = "members-in-clear"
bind = "127.0.0.1:0"
service = "members"

[service.egress]
kind = "connect"
allow = "127.0.0.0/8"
send_proxy = "v2"

[service.members]
kind = "connect"
users = "htpasswd"
allow = "127.0.0.0/8"
"#;

const IPV6: &str = r#"
[[listener]]
name = "ipv6"
bind = "[::1]:0"
service = "v2"
[listener.proxy_protocol]
"#;
