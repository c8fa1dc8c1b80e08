"""A TLS client of Python's ssl module: says a line, reads it back, and says close_notify.

Arguments: host, port, server name, certificate authority, version ("1.2" or "1.3"), and the
protocol to offer. Prints what was agreed on as JSON when all of it has worked.
"""

import json
import socket
import ssl
import sys

HOST, PORT, NAME, AUTHORITY, VERSION, PROTOCOL = sys.argv[1:7]
LINE = b"said by Python\n"

context = ssl.create_default_context(cafile=AUTHORITY)
version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[VERSION]
context.minimum_version = context.maximum_version = version
context.set_alpn_protocols([PROTOCOL])

with socket.create_connection((HOST, int(PORT)), timeout=10) as connection:
    stream = context.wrap_socket(connection, server_hostname=NAME)
    stream.sendall(LINE)
    answer = b""
    while len(answer) < len(LINE):
        answer += stream.recv(len(LINE) - len(answer))
    assert answer == LINE, answer
    facts = {
        "version": stream.version(),
        "cipher": stream.cipher()[0],
        "alpn": stream.selected_alpn_protocol(),
    }
    # Says close_notify and waits for the other end's.
    below = stream.unwrap()
    facts["fin"] = below.recv(1) == b""

print(json.dumps(facts))
