"""Sends one request with aiocoap and prints what comes of it, a JSON object a line.

The argument is a JSON object: `url`; `method`; `payload`, a text, or
`payload_hex`; `hex`, to be told bodies in hexadecimal digits as well; `token`, the access token of
MSC3079; `block`, the exponent of the
largest block; `accept`, `format`, `request_tag` (hexadecimal); `non`, for a request that is not
confirmable; `timeout`, ACK_TIMEOUT in seconds; `observe`, how many notifications to wait for before
the observation is given up, or the body of the last one, or null for all until the server ends it;
`linger`, for how many seconds to stay after that.

What aiocoap has to complain about goes to standard error.
"""

import asyncio
import json
import logging
import sys

import aiocoap
from aiocoap.numbers import OptionNumber
from aiocoap.numbers.constants import TransportTuning
from aiocoap.optiontypes import OpaqueOption

ACCESS_TOKEN = OptionNumber(256)


def tell(**what):
    print(json.dumps(what), flush=True)


def tell_message(message, order):
    tell(
        code=message.code.dotted,
        format=None if message.opt.content_format is None else int(message.opt.content_format),
        observe=message.opt.observe,
        max_age=None if message.opt.max_age is None else int(message.opt.max_age),
        body=message.payload.decode("utf-8", "backslashreplace"),
        hex=message.payload.hex() if order.get("hex") else "",
    )


def to_message(order):
    message = aiocoap.Message(
        code=getattr(aiocoap, order.get("method", "GET")),
        uri=order["url"],
        payload=order.get("payload", "").encode("utf-8") or bytes.fromhex(order.get("payload_hex", "")),
    )
    if "token" in order:
        message.opt.add_option(OpaqueOption(ACCESS_TOKEN, order["token"].encode("utf-8")))
    if order.get("non"):
        message.transport_tuning = aiocoap.Unreliable
    if "accept" in order:
        message.opt.accept = order["accept"]
    if "format" in order:
        message.opt.content_format = order["format"]
    if "request_tag" in order:
        message.opt.request_tag = [bytes.fromhex(order["request_tag"])]
    if "observe" in order:
        message.opt.observe = 0
    return message


async def follow(request, order):
    wanted = order["observe"]
    seen = 0
    async for notification in request.observation:
        tell_message(notification, order)
        seen += 1
        if wanted in (seen, notification.payload.decode("utf-8", "replace")):
            request.observation.cancel()
            tell(end="cancelled")
            return
    tell(end="ended")


async def main(order):
    TransportTuning.ACK_TIMEOUT = order.get("timeout", TransportTuning.ACK_TIMEOUT)
    if "timeout" in order:
        # Who repeats quickly may do it more often.
        TransportTuning.MAX_RETRANSMIT = 8
    context = await aiocoap.Context.create_client_context(transports=["udp6"])
    message = to_message(order)
    if "block" in order:
        await context.find_remote_and_interface(message)
        message.remote.maximum_block_size_exp = order["block"]
    request = context.request(message)
    tell_message(await request.response, order)
    if "observe" in order:
        await follow(request, order)
    await asyncio.sleep(order.get("linger", 0))
    await context.shutdown()


logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
asyncio.run(main(json.loads(sys.argv[1])))
