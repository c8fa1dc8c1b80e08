//! What random files are made of.

/// A file in which every key stands.
pub(super) const VALID: &str = r#"proxy_port_mappings = { 15222 = "c2s", 15269 = "s2s" }
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
];
