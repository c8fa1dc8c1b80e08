//! What random files are made of.

/// Files in which together every key stands.
pub(super) const VALID: [&str; 2] = [CONNECTIONS, GATEWAYS];

const CONNECTIONS: &str = r#"proxy_port_mappings = { 15222 = "c2s", 15269 = "s2s" }
proxy_trusted_proxies = ["127.0.0.1", "::1"]
proxy_ports = [15222, 15269]
proxy_interfaces = ["0.0.0.0", "::"]

[runtime]
workers = 2
user = "vestibule"
group = "vestibule"
[limits]
connections = 8_000
connections_per_client = 0x10
peek_timeout = "5s"
handshake_timeout = "10s"
drain_timeout = "1m30s"
[tcp]
keepalive_idle = "2m"
keepalive_interval = "30s"
user_timeout = "off"
mark = 0x76
[admin]
listen = "127.0.0.1:9180"
control = "/run/vestibule/control.sock"
[log]
format = "text"
access = 'stdout'
level = """info"""
[[certificate]]
chain = "ec.pem"
key = "ec.key"
[[listener]]
name = "in" # behind HAProxy
bind = ["127.0.0.1:5222", "[::1]:5222", "unix:/run/c2s.sock"]
service = "c2s"
routes = [
  { client = "10.0.0.0/8", destination = ["[2001:db8::]/32:443", ":80"], service = "s2s" },
  { proxy_tlv = ["alpn=xmpp-client", "0xE0=hex:0011"], service = "c2s" },
  { sni = ["chat.example.org", "*.example.net", ""], alpn = "xmpp-client", service = "c2s" },
  { http_host = ["web.example.org", "192.0.2.7"], service = "s2s" },
]
[listener.proxy_protocol]
trusted = ["192.0.2.0/24"]
mode = "mixed"
timeout = "3s"
max_header = "64KiB"
[listener.tls]
mode = "terminate"
min_version = "1.2"
max_version = "1.3"
cipher_suites = ["TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"]
prefer_server_ciphers = false
groups = ["X25519MLKEM768", "P-256"]
alpn = ["xmpp-client"]
strict_sni = true
client_auth = { mode = "required", ca = "ca.pem", crl = ["a.crl", "b.crl"] }
tickets = { key_file = "tickets.key", lifetime = "12h" }
[[listener]]
name = "by-name"
bind = "127.0.0.1:8443"
service = "by-name"
tls = { mode = "peek" }
[service.by-name]
upstreams = "sni:443"
allow = ["*.example.org", "example.org"]
allow_networks = ["10.0.0.0/8"]
deny = "admin.example.org:443"
[[listener]]
name = "intercepted"
bind = ["127.0.0.1:15443", "[::1]:15443"]
service = "as-asked"
transparent = "tproxy"
routes = [{ destination = "192.0.2.0/24:5222", service = "far" }]
[service.as-asked]
upstreams = "original"
deny = ["10.0.0.0/8", ":25"]
source = "client"
mark = 7
[[listener]]
name = "proxy"
bind = "127.0.0.1:3128"
service = "egress"
[service.egress]
kind = "connect"
allow = ["*.example.org:443", "a.example:5222-5269", "203.0.113.0/24", "[2001:db8::]/32:443", ":80"]
deny = ["b.example.org", "203.0.113.66"]
allow_networks = ["10.0.0.0/8"]
users = "htpasswd"
realm = "proxy"
request_timeout = "10s"
via = "http://user:secret@127.0.0.1:8080"
[[listener]]
name = "web"
bind = "127.0.0.1:8080"
service = "web"
[service.web]
kind = "http"
upstreams = ["127.0.0.1:5280"]
trusted_proxies = ["192.0.2.0/24"]
request_timeout = "10s"
keep_alive_timeout = "60s"
response_timeout = "5m"
[service.far]
upstreams = "far.example:1"
via = [
  "http://[::1]:3128",
  { url = "https://p.example:443", username = "u", password = { file = "p.secret" }, tls = { ca = "ca.pem", server_name = "q", verify = true } },
]
[service.c2s]
kind = "tcp"
upstreams = ["127.0.0.1:5223", "xmpp.example:5222"]
balance = "least_connections"
send_proxy = { version = "v2", tlvs = ["alpn", "ssl"], pass_tlvs = [0xE0] }
health = { interval = "5s", timeout = "2s", rise = 2, fall = 3 }
connect_timeout = "5s"
retries = 2
idle_timeout = { client = "24h", upstream = "24h" }
half_close_timeout = "1m"
[service."s2s"]
upstreams = "unix:/run/s2s.sock"
tls = { server_name = "xmpp.internal", sni = true, alpn = "forward", ca = "ca.pem", certificate = { chain = "c.pem", key = "c.key" }, min_version = "1.3", max_version = "1.3", cipher_suites = ["TLS_AES_128_GCM_SHA256"], groups = ["X25519"], verify = true }
[[component]]
domain = "proxy.example.org"
server = "127.0.0.1:5347"
tls = { server_name = "xmpp.example.org", ca = "ca.pem" }
secret = { file = "component.secret" }
target = ["bot@example.org", "bot2@example.org"]
balance = "sticky"
policy_key = "bare"
timeout = "20s"
attempt_timeout = "8s"
attempts = 2
retry_sets = ["jabber:iq:search"]
jat = { mode = "opaque", key_file = "jat.key" }
allow = ["example.org", "user@example.net"]
deny = ["guest@example.org/a"]
namespaces = ["jabber:iq:version"]
rate = "20/s"
max_stanza = 500_000
max_pending = 1000
max_pending_per_requester = 64
max_pending_bytes = "64MiB"
disco = "local"
version = "forward"
ping = "local"
name = "Bot"
features = ["urn:a"]
required = true
[[component]]
domain = "b.example.org"
server = "unix:/run/c.sock"
secret = "hush"
target_address = "bot@example.org"
jat = { mode = "compat" }
"#;

const GATEWAYS: &str = r#"[[low_bandwidth]]
name = "lb"
bind = ["0.0.0.0:8448", "[::]:8448"]
homeserver = "https://matrix.internal:8448"
tls = { ca = "ca.pem", server_name = "matrix.example.org" }
x_forwarded_for = "auto"
advertise = "https://lb.example.org:8448"
tcp_bind = ["127.0.0.1:8449"]
trusted_proxies = ["127.0.0.1"]
certificate = { chain = "lb.pem", key = "lb.key" }
ticket_key_file = "lb-tickets.key"
min_version = "1.2"
max_version = "1.3"
plain_debug_bind = "127.0.0.1:5683"
profile = "standard"
block_size = 1024
handshake_timeout = "60s"
ack_window = "1500ms"
request_timeout = "60s"
sync_timeout = "5m"
cbor_keys = "always"
upstream_prefix = "auto"
stable_key = false
allow_paths = ["/_synapse/client"]
[low_bandwidth.limits]
associations = 10000
associations_per_source = 1024
half_open = 1000
half_open_per_source = 128
handshakes_per_minute = 240
handshake_burst = 120
idle_timeout = "30m"
observe_idle_timeout = "24h"
request_body = "128KiB"
uploads = 4
upload_idle_timeout = "60s"
upload_timeout = "5m"
response_body = "16MiB"
responses = 4
response_idle_timeout = "2m"
bodies = "512MiB"
waiting_bodies = "256MiB"
requests = 512
requests_per_association = 16
queue_per_association = 64
queue_timeout = "30s"
requests_per_minute = 300
polls = 10000
syncs_per_association = 8
observations = 10000
observers_per_association = 2
observations_per_token = 8
long_poll = "30s"
poll_spacing = "1s"
orphan_timeout = "30m"
[[low_bandwidth]]
bind = ":8008"
homeserver = "http://127.0.0.1:8008"
certificate = { chain = "a.pem", key = "a.key" }
"#;

/// What may stand anywhere in a file, right or wrong.
pub(super) const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "=",
    ",",
    ".",
    "\n",
    "\r\n",
    "#",
    "\\",
    "\\u0000",
    "\0",
    "\u{feff}",
    "é",
    "\u{1F600}",
    "-",
    "0",
    "99999999999999999999",
    "0x",
    "nan",
    "true",
    "1979-05-27",
    "[service.a]\n",
    "[[listener]]\n",
    "proxy_ports = [1]\n",
    "[log\n",
    "\"127.0.0.1:1\"",
    "\"[::ffff:1.2.3.4]:1\"",
    "\"::/0\"",
    "\"9d9h9m9s9ms\"",
    "\"unix:\"",
    "\"=hex:\"",
    "\"[]:/\"",
    "service = \"c2s\"\n",
    "a.b.c = 1\n",
    "[listener.tls]\nmode = \"peek\"\n",
    "mode = \"terminate\"\n",
    "tls = true\n",
    "\"sni:443\"",
    "\"*.\"",
    "kind = \"connect\"\n",
    "kind = \"http\"\n",
    "\"original\"",
    "transparent = true\n",
    "source = \"client\"\n",
    "via = \"http://u:p@a:1\"\n",
    "password = \"",
    "\"https://a:@[\"",
    "\":1-\"",
    "[[component]]\n",
    "domain = \"a\"\n",
    "target = \"a@b\"\n",
    "secret = \"",
    "\"@\"",
    "\"1/s\"",
    "\"/\"",
    "[[low_bandwidth]]\n",
    "[low_bandwidth.limits]\n",
    "bind = \":1\"\n",
    "homeserver = \"http://a\"\n",
    "advertise = \"https://a:1\"\n",
    "certificate = { chain = \"a\", key = \"b\" }\n",
    "profile = \"hf\"\n",
    "\"https://[::1]:1/\"",
];
