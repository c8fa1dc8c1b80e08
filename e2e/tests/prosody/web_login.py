"""Logs in by BOSH (XEP-0206) or by WebSocket (RFC 7395): web_login.py bosh|websocket URL DOMAIN USER PASSWORD.

Says "bound JID" at the end."""

import base64
import os
import socket
import ssl
import struct
import sys
import urllib.parse
import urllib.request

how, url, domain, user, password = sys.argv[1:]

# Not the address that everybody on this machine has.
connect = socket.create_connection
socket.create_connection = lambda address, timeout=20, *_, **__: connect(address, timeout, ("127.0.0.7", 0))

place = urllib.parse.urlsplit(url)
plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
AUTH = f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"
BIND = "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"


def jid(text):
    return text.split("<jid>")[1].split("</jid>")[0]


def bosh():
    rid = 1000

    def post(attributes, body=""):
        nonlocal rid
        rid += 1
        text = f"<body xmlns='http://jabber.org/protocol/httpbind' rid='{rid}' {attributes}>{body}</body>"
        request = urllib.request.Request(url, text.encode(), {"Content-Type": "text/xml"})
        request.add_header("Host", domain)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode()

    xmpp = "xmlns:xmpp='urn:xmpp:xbosh'"
    first = post(f"to='{domain}' wait='2' hold='1' ver='1.6' xmpp:version='1.0' {xmpp}")
    sid = first.split("sid='")[1].split("'")[0]
    text = first
    if "mechanisms" not in text:
        text += post(f"sid='{sid}'")
    text = post(f"sid='{sid}'", AUTH)
    while "<success" not in text:
        text = post(f"sid='{sid}'")
    text = post(f"sid='{sid}' to='{domain}' xmpp:restart='true' {xmpp}")
    while "urn:ietf:params:xml:ns:xmpp-bind" not in text:
        text = post(f"sid='{sid}'")
    text = post(f"sid='{sid}'", BIND)
    while "<jid>" not in text:
        text = post(f"sid='{sid}'")
    # A long poll: nothing comes for as long as it waits.
    post(f"sid='{sid}'")
    post(f"sid='{sid}' type='terminate'")
    return jid(text)


class WebSocket:
    """RFC 6455, as much as is needed."""

    def __init__(self):
        self.stream = socket.create_connection((place.hostname, place.port), 20)
        if place.scheme == "https":
            context = ssl.create_default_context()
            self.stream = context.wrap_socket(self.stream, server_hostname=place.hostname)
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(
            f"GET {place.path} HTTP/1.1\r\nHost: {domain}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: xmpp\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.exactly(1)
        assert head.startswith(b"HTTP/1.1 101 "), head

    def exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.stream.recv(n - len(data))
            assert piece, "the connection has ended"
            data += piece
        return data

    def send(self, text):
        data = text.encode()
        mask = os.urandom(4)
        length = struct.pack("!B", 0x80 | len(data)) if len(data) < 126 else struct.pack("!BH", 0xFE, len(data))
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.stream.sendall(b"\x81" + length + mask + masked)

    def receive(self):
        first, length = self.exactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", self.exactly(2))
        data = self.exactly(length).decode()
        return data if first & 15 == 1 else self.receive()

    def until(self, wanted):
        text = ""
        while wanted not in text:
            text += self.receive()
        return text


def websocket():
    peer = WebSocket()
    opening = f"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{domain}' version='1.0'/>"
    peer.send(opening)
    peer.until("mechanisms")
    peer.send(AUTH)
    peer.until("<success")
    peer.send(opening)
    peer.until("urn:ietf:params:xml:ns:xmpp-bind")
    peer.send(BIND)
    text = peer.until("<jid>")
    peer.send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
    return jid(text)


print("bound", bosh() if how == "bosh" else websocket())
