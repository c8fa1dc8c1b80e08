"""Logs in to an XMPP server with slixmpp, exchanges a message with itself, and leaves.

Arguments: host, port, certificate, SASL mechanism, and how the stream is secured: by TLS from the
first byte ("direct"), by STARTTLS ("tls") or not at all ("plain").
Exits with 0 when all of it has worked.
"""

import asyncio
import sys

from slixmpp import ClientXMPP

HOST, PORT, CERTIFICATE, MECHANISM, SECURITY = sys.argv[1:6]
JID, PASSWORD = sys.argv[6:8]


class Client(ClientXMPP):
    def __init__(self):
        # PLAIN only over TLS; SCRAM keeps the password to itself.
        allowed = {"feature_mechanisms": {"unencrypted_scram": True}}
        super().__init__(JID, PASSWORD, plugin_config=allowed, sasl_mech=MECHANISM)
        self.ca_certs = CERTIFICATE
        self.enable_direct_tls = SECURITY == "direct"
        self.enable_starttls = SECURITY == "tls"
        self.enable_plaintext = SECURITY == "plain"
        self.over = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", self.begin)
        self.add_event_handler("message", self.receive)
        self.add_event_handler("failed_all_auth", lambda _: self.fail("authentication"))
        self.add_event_handler("ssl_invalid_chain", lambda _: self.fail("certificate"))

    async def begin(self, _):
        self.send_presence()
        await self.get_roster()
        self.send_message(mto=self.boundjid.full, mbody="through the vestibule", mtype="chat")

    def receive(self, message):
        if message["body"] == "through the vestibule" and not self.over.done():
            self.over.set_result(str(self.boundjid))

    def fail(self, what):
        if not self.over.done():
            self.over.set_exception(RuntimeError(f"{what} failed"))


async def main():
    client = Client()
    client.connect(HOST, int(PORT))
    print("logged in as", await asyncio.wait_for(client.over, 15))
    await client.disconnect()


asyncio.get_event_loop().run_until_complete(main())
