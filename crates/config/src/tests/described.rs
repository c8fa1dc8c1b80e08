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
