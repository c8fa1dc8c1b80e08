//! What `check` prints of a right file.

use super::usable;

#[test]
fn everything_that_matters_is_told() {
    let text = r#"proxy_port_mappings = { 15222 = "c2s", 15280 = "http" }
proxy_interfaces = "127.0.0.1"
[runtime]
workers = 2
user = "vestibule"
[limits]
connections = 8000
connections_per_client = 20
[tcp]
keepalive_idle = "off"
user_timeout = "off"
[admin]
listen = "127.0.0.1:9180"
control = "/run/control.sock"
[log]
access = "off"
[[listener]]
name = "front"
bind = ["127.0.0.1:443", "unix:/run/in.sock"]
routes = [
  { client = ["10.0.0.0/8", "::1"], destination = ":443", service = "c2s" },
  { proxy_tlv = "authority=a.example", service = "s2s" },
]
[listener.proxy_protocol]
mode = "mixed"
[service.c2s]
upstreams = "127.0.0.1:5222"
idle_timeout = { client = "1h" }
[service.s2s]
upstreams = ["xmpp.example:5269", "unix:/run/s2s.sock"]
balance = "source_hash"
send_proxy = { tlvs = ["ssl"], pass_tlvs = [0xE0] }
health = true
"#;
    let expected = "\
listener front
  bind         127.0.0.1:443, unix:/run/in.sock
  PROXY header required from 127.0.0.1, ::1; others are plain clients; within 3s, at most 65551 bytes
  route 1      client 10.0.0.0/8, ::1 and destination :443 -> c2s
  route 2      proxy_tlv authority=a.example -> s2s
  all else     refused

listener proxy-15222
  bind         127.0.0.1:15222
  PROXY header required from 127.0.0.1, ::1; others are closed unread; within 3s, at most 65551 bytes
  all          -> c2s

listener proxy-15280
  bind         127.0.0.1:15280
  PROXY header required from 127.0.0.1, ::1; others are closed unread; within 3s, at most 65551 bytes
  all          dropped: there is no service http

service c2s
  upstreams    127.0.0.1:5222
  timeouts     connect 5s (retries 2), idle 1h client, 24h upstream, half-closed 1m

service s2s
  upstreams    xmpp.example:5269, unix:/run/s2s.sock
  balance      by source address
  sends        PROXY v2 with ssl; passes on 0xE0
  health       checked every 5s for 2s; up after 2, down after 3
  timeouts     connect 5s (retries 2), idle 24h, half-closed 1m

process
  workers      2
  becomes      user vestibule, group its own group
  limits       8000 connections, 20 per client; peek 5s, handshake 10s, drain 30s
  tcp          no keepalive; given up by the kernel's rule
  admin        http://127.0.0.1:9180
  control      /run/control.sock
  access log   off
";
    assert_eq!(usable(text).0.describe(), expected);
}

#[test]
fn where_clients_may_go_and_how_is_told() {
    let text = r#"
[tcp]
mark = 0x76
[[listener]]
name = "in"
bind = "127.0.0.1:1"
transparent = true
service = "original"
routes = [
  { destination = "192.0.2.0/24", service = "asked" },
  { destination = ":25", service = "web" },
  { destination = ":26", service = "open" },
]
[service.original]
upstreams = "original"
deny = ["10.0.0.0/8", "192.0.2.66:25"]
source = "client"
mark = 7
[service.asked]
kind = "connect"
allow = ["*.example.org:443", ":80", "[2001:db8::]/32:1-2"]
deny = "a.example.org"
allow_networks = "10.0.0.0/8"
users = "/etc/htpasswd"
request_timeout = "90s"
via = ["http://u:secret@[2001:db8::1]:3128", { url = "https://proxy.example:443", tls = { verify = false } }]
[service.open]
kind = "connect"
allow = "*"
[service.web]
kind = "http"
upstreams = "127.0.0.1:5280"
trusted_proxies = ["192.0.2.10", "10.0.0.0/8"]
"#;
    let expected = "\
listener in
  bind         127.0.0.1:1
  PROXY header not looked for
  intercepts   TPROXY and REDIRECT
  route 1      destination 192.0.2.0/24 -> asked
  route 2      destination :25 -> web
  route 3      destination :26 -> open
  all else     -> original

service original
  upstreams    original
  allows       everything but ourselves
  but not      10.0.0.0/8, 192.0.2.66:25
  source       the client's address
  mark         0x7
  timeouts     connect 5s (retries 2), idle 24h, half-closed 1m

service asked
  kind         explicit proxy (HTTP CONNECT)
  requests     head within 1m30s
  users        /etc/htpasswd, realm vestibule
  upstreams    whatever the client asks for
  allows       *.example.org:443, *:80, [2001:db8::]/32:1-2; names lead to public addresses and 10.0.0.0/8
  but not      a.example.org
  via          http://[2001:db8::1]:3128 as u, https://proxy.example:443 (not verified)
  timeouts     connect 5s (retries 2), idle 24h, half-closed 1m

service open
  kind         explicit proxy (HTTP CONNECT)
  requests     head within 10s
  users        everyone who can reach it
  upstreams    whatever the client asks for
  allows       *; names lead to public addresses only
  timeouts     connect 5s (retries 2), idle 24h, half-closed 1m

service web
  kind         reverse proxy (HTTP)
  requests     head within 10s, answered within 5m, next within 1m
  believes     X-Forwarded-* of 192.0.2.10, 10.0.0.0/8
  upstreams    127.0.0.1:5280
  timeouts     connect 5s (retries 2), idle 24h, half-closed 1m
";
    let described = usable(text).0.describe();
    let (before, process) = described.split_once("\nprocess\n").unwrap();
    assert_eq!(before, expected);
    assert!(process.contains("; marked 0x76"), "{process}");
}

#[test]
fn the_plan_of_tls_is_told() {
    let text = r#"
[[certificate]]
chain = "/etc/tls/a.pem"
key = "/etc/tls/a.key"
[[certificate]]
chain = "b.pem"
key = "b.key"
[[listener]]
name = "outer"
bind = "127.0.0.1:443"
service = "by-name"
routes = [{ sni = ["*.example.org", ""], alpn = "h2", service = "web" }]
[listener.tls]
mode = "peek"
[[listener]]
name = "inner"
bind = "127.0.0.1:444"
routes = [{ http_host = "a.example.org", service = "web" }]
[listener.tls]
mode = "terminate"
max_version = "1.2"
alpn = ["http/1.1"]
groups = ["P-256"]
client_auth = { mode = "required", ca = "ca.pem", crl = ["a.crl", "b.crl"] }
tickets = { key_file = "t.key" }
[[listener]]
name = "plain"
bind = "127.0.0.1:445"
service = "web"
[listener.tls]
mode = "terminate"
strict_sni = true
prefer_server_ciphers = false
tickets = false
[service.web]
upstreams = "192.0.2.1:443"
tls = { server_name = "web.internal", ca = "ca.pem", alpn = ["h2"], sni = false, min_version = "1.3", cipher_suites = ["TLS_AES_128_GCM_SHA256"], certificate = { chain = "c.pem", key = "c.key" } }
[service.by-name]
upstreams = "sni:443"
allow = ["*.example.org"]
allow_networks = "10.0.0.0/8"
tls = true
"#;
    let expected = "\
certificates
  default      /etc/tls/a.pem, key /etc/tls/a.key
  2            b.pem, key b.key

listener outer
  bind         127.0.0.1:443
  PROXY header not looked for
  TLS          the hello is peeked at, nothing is changed
  route 1      sni *.example.org, \"\" and alpn h2 -> web
  all else     -> by-name

listener inner
  bind         127.0.0.1:444
  PROXY header not looked for
  TLS          terminated: TLS 1.2, our order of suites; unknown names get the default certificate
  groups       secp256r1
  ALPN         http/1.1
  client cert  required, signed by ca.pem, not revoked by a.crl, b.crl
  tickets      for 12h, keys of t.key
  route 1      http_host a.example.org -> web
  all else     refused

listener plain
  bind         127.0.0.1:445
  PROXY header not looked for
  TLS          terminated: TLS 1.2 to 1.3, the client's order of suites; unknown names are refused
  client cert  not asked for
  tickets      none
  all          -> web

service web
  upstreams    192.0.2.1:443
  TLS          TLS 1.3 as web.internal, without SNI, verified by ca.pem
  suites       TLS_AES_128_GCM_SHA256
  ALPN         h2
  certificate  c.pem, key c.key
  timeouts     connect 5s (retries 2), idle 24h, half-closed 1m

service by-name
  upstreams    sni:443
  allows       *.example.org; names lead to public addresses and 10.0.0.0/8
  TLS          TLS 1.2 to 1.3 as the upstream is named, verified by the system's CAs
  ALPN         what was negotiated with the client
  timeouts     connect 5s (retries 2), idle 24h, half-closed 1m
";
    let described = usable(text).0.describe();
    let (before, process) = described.split_once("\nprocess\n").unwrap();
    assert_eq!(before, expected);
    assert!(process.contains("handshake 10s"));
}
