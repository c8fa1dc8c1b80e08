"""A server by aiocoap on a free port of 127.0.0.1.

It prints `port N`, then a line for each request that it executes: its method, its path and the
length of its body. What aiocoap has to complain about goes to standard error.

It serves /large?n= and PUT and POST of /store, /slow (an answer after half a second), and /state,
observable, whose state is each line of standard input in turn: a number stands for that many
letters, "end" ends all observations.
"""

import asyncio
import logging
import sys

import aiocoap
from aiocoap import resource


def pattern(length):
    return "".join(f"{at:05} " for at in range(length // 6 + 1))[:length].encode()


def executed(request, path):
    print(f"{request.code.name} {path} {len(request.payload)}", flush=True)


class Large(resource.Resource):
    async def render_get(self, request):
        executed(request, "/large")
        (query,) = request.opt.uri_query
        return aiocoap.Message(payload=pattern(int(query.removeprefix("n="))))


class Store(resource.Resource):
    body = b""

    async def render_get(self, request):
        executed(request, "/store")
        return aiocoap.Message(payload=self.body)

    async def render_put(self, request):
        executed(request, "/store")
        self.body = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_post(self, request):
        executed(request, "/store")
        return aiocoap.Message(code=aiocoap.CHANGED, payload=request.payload)


class Slow(resource.Resource):
    async def render_get(self, request):
        executed(request, "/slow")
        await asyncio.sleep(0.5)
        return aiocoap.Message(payload=b"at last")


class State(resource.ObservableResource):
    state = b"first"

    def update_observation_count(self, newcount):
        print(f"observers {newcount}", flush=True)

    def publish(self, line):
        if line == "end":
            gone = aiocoap.Message(code=aiocoap.NOT_FOUND, payload=b"gone")
            self.updated_state(gone)
            return
        self.state = b"x" * int(line) if line.isdigit() else line.encode()
        self.updated_state()

    async def render_get(self, request):
        return aiocoap.Message(payload=self.state)


async def main():
    state = State()
    site = resource.Site()
    site.add_resource(["large"], Large())
    site.add_resource(["store"], Store())
    site.add_resource(["slow"], Slow())
    site.add_resource(["state"], state)
    transports = ["simplesocketserver"]
    context = await aiocoap.Context.create_server_context(
        site, bind=("127.0.0.1", 0), transports=transports
    )
    interface = context.request_interfaces[0].token_interface.message_interface
    socket = interface._pool._transport.get_extra_info("socket")
    print("port", socket.getsockname()[1], flush=True)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        state.publish(line.decode().strip())


logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
asyncio.run(main())
