"""XMPP clients that do as they are told: one order in JSON per line of standard input, one answer in
JSON per line of standard output, {"n": number of the order, "value" or "error": ...}.

An implementing client answers requests as the orders `answer` say. A requester asks by `ask`, or, many
times, by `load`, which is strict: an answer counts only with the id, the address and the key of its
request, and a second one is counted too.
"""

import asyncio
import json
import logging
import sys
import time
from collections import Counter, deque
from xml.sax.saxutils import quoteattr

from slixmpp import ClientXMPP
from slixmpp.xmlstream import tostring

CLIENT = "jabber:client"
ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
WORK = "urn:vestibule:e2e:work"

# What was done, by key: a set that is done twice is a fault.
done = {"get": Counter(), "set": Counter()}


def split(tag):
    """The namespace and the name of ElementTree's {namespace}name."""
    namespace, _, name = tag.rpartition("}")
    return namespace.lstrip("{"), name


def described(element):
    """What Rust is told of a stanza."""
    error = None
    children = []
    for child in element:
        namespace, name = split(child.tag)
        if (namespace, name) == (CLIENT, "error"):
            inner = [split(e.tag)[1] for e in child if split(e.tag)[0] == ERRORS]
            text = child.findtext(f"{{{ERRORS}}}text") or ""
            condition = next((e for e in inner if e != "text"), "")
            error = {"kind": child.get("type", ""), "condition": condition, "text": text}
        else:
            children.append({"namespace": namespace, "name": name, "attributes": dict(child.attrib)})
    return {
        "name": split(element.tag)[1],
        "kind": element.get("type", ""),
        "id": element.get("id", ""),
        "from": element.get("from", ""),
        "to": element.get("to", ""),
        "children": children,
        "error": error,
        "xml": tostring(element, xmlns=CLIENT),
    }


class Load:
    """Many requests of one client to one address."""

    def __init__(self, client, order):
        self.client, self.order = client, order
        self.kinds = {kind: {"sent": 0, "results": 0, "errors": Counter(), "unanswered": 0} for kind in ("get", "set")}
        self.by, self.texts, self.problems = Counter(), {}, []
        self.waiting, self.over = {}, set()
        self.answered, self.slowest = 0, 0.0
        self.window = asyncio.Semaphore(order["window"])
        self.task = asyncio.ensure_future(self.run())

    async def run(self):
        name = f"{self.client.name}-{self.order['label']}"
        asked = []
        for k in range(self.order["count"]):
            await asyncio.sleep(self.order["pace"])
            await self.window.acquire()
            every = self.order["sets"]
            kind = "set" if every and k % every == 0 else "get"
            asked.append(asyncio.ensure_future(self.ask(f"{name}-{k}", kind)))
        await asyncio.gather(*asked)
        # For answers that come twice.
        await asyncio.sleep(self.order["linger"])

    async def ask(self, key, kind):
        future = asyncio.get_running_loop().create_future()
        self.waiting[key] = (future, kind)
        self.kinds[kind]["sent"] += 1
        begun = time.monotonic()
        self.client.write(
            f"<iq type='{kind}' id='{key}' to={quoteattr(self.order['to'])}><work xmlns='{WORK}' key='{key}'/></iq>"
        )
        try:
            await asyncio.wait_for(future, self.order["patience"])
            self.slowest = max(self.slowest, time.monotonic() - begun)
        except asyncio.TimeoutError:
            self.kinds[kind]["unanswered"] += 1
        finally:
            self.waiting.pop(key, None)
            self.over.add(key)
            self.answered += 1
            self.window.release()

    def take(self, element):
        """Whether an answer belongs to this load."""
        key = element.get("id", "")
        if key in self.over:
            self.problems.append(f"a second answer to {key}: {tostring(element, xmlns=CLIENT)}")
            return True
        if key not in self.waiting:
            return False
        future, kind = self.waiting[key]
        if future.done():
            self.problems.append(f"a second answer to {key}")
            return True
        if element.get("from") != self.order["to"]:
            self.problems.append(f"an answer to {key} from {element.get('from')}")
        stanza = described(element)
        if stanza["kind"] == "result":
            self.kinds[kind]["results"] += 1
            work = element.find(f"{{{WORK}}}done")
            if work is None or work.get("key") != key:
                self.problems.append(f"the answer to {key} is another one's: {stanza['xml']}")
            else:
                self.by[work.get("by")] += 1
        else:
            error = stanza["error"] or {"kind": "", "condition": "", "text": ""}
            what = f"{error['kind']}/{error['condition']}"
            self.kinds[kind]["errors"][what] += 1
            self.texts[what] = error["text"]
        future.set_result(None)
        return True

    def report(self):
        return {**self.kinds, "by": self.by, "texts": self.texts, "problems": self.problems, "slowest": self.slowest}


class Client(ClientXMPP):
    def __init__(self, order):
        # SCRAM keeps the password to itself, also without TLS.
        config = {"feature_mechanisms": {"unencrypted_scram": True}}
        super().__init__(order["jid"], order["password"], plugin_config=config, sasl_mech="SCRAM-SHA-1")
        self.name, self.order = order["client"], order
        self.enable_direct_tls = self.enable_starttls = False
        self.enable_plaintext = True
        self.roster.auto_authorize = None
        self.roster.auto_subscribe = False
        self.answers = {WORK: {"how": "result"}}
        self.inbox, self.asked, self.load = deque(), {}, None
        self.began = asyncio.get_running_loop().create_future()
        self.present = asyncio.get_running_loop().create_future()
        self.ended = asyncio.get_running_loop().create_future()
        if order["resumption"]:
            self.register_plugin("xep_0198")
        self.add_filter("in", self.receive)
        self.add_event_handler("session_start", self.begin)
        self.add_event_handler("disconnected", self.end)
        self.add_event_handler("failed_all_auth", lambda _: self.fail("authentication"))

    def begin(self, _):
        if not self.began.done():
            self.began.set_result(None)

    def end(self, _):
        if not self.ended.done():
            self.ended.set_result(None)

    def fail(self, what):
        if not self.began.done():
            self.began.set_exception(RuntimeError(f"{what} failed"))

    async def login(self):
        self.connect(self.order["host"], self.order["port"])
        await asyncio.wait_for(self.began, 15)
        self.write(self.order["presence"])
        # The server tells it to all resources, this one included.
        await asyncio.wait_for(self.present, 15)
        return self.boundjid.full

    def write(self, text):
        if self.transport is not None:
            self.transport.write(text.encode())

    def receive(self, stanza):
        element = stanza.xml
        namespace, name = split(element.tag)
        if namespace != CLIENT or not self.began.done():
            return stanza
        if name == "presence":
            self.take_presence(element)
        elif name == "iq" and element.get("type") in ("get", "set"):
            self.take_request(element)
        elif name == "iq":
            self.take_answer(element)
        else:
            self.inbox.append(described(element))
        return None

    def take_presence(self, element):
        if element.get("from") == self.boundjid.full and not self.present.done():
            self.present.set_result(None)
            return
        self.inbox.append(described(element))
        if element.get("type") == "subscribe" and self.order["approves"]:
            self.write(f"<presence type='subscribed' to={quoteattr(element.get('from'))}/>")

    def take_request(self, element):
        child = next(iter(element), None)
        namespace = split(child.tag)[0] if child is not None else ""
        answer = self.answers.get(namespace, {"how": "error"})
        if namespace != WORK:
            self.inbox.append(described(element))
        if answer["how"] == "silence":
            return
        if answer.get("seconds"):
            asyncio.get_running_loop().call_later(answer["seconds"], self.reply, element, child, answer)
        else:
            self.reply(element, child, answer)

    def reply(self, element, child, answer):
        to, id, kind = element.get("from", ""), element.get("id", ""), element.get("type")
        head = f"to={quoteattr(to)} id={quoteattr(id)}"
        if answer["how"] == "error":
            self.write(
                f"<iq type='error' {head}><error type='cancel'><feature-not-implemented xmlns='{ERRORS}'/></error></iq>"
            )
            return
        namespace = split(child.tag)[0]
        key = child.get("key", "")
        if namespace == WORK:
            done[kind][key] += 1
        filler = "x" * answer.get("filler", 0)
        self.write(
            f"<iq type='result' {head}><done xmlns={quoteattr(namespace)} key={quoteattr(key)}"
            f" by={quoteattr(self.boundjid.full)} asker={quoteattr(to)}>{filler}</done></iq>"
        )

    def take_answer(self, element):
        if self.load is not None and self.load.take(element):
            return
        future = self.asked.get(element.get("id", ""))
        if future is not None and not future.done():
            future.set_result(described(element))
        else:
            self.inbox.append(described(element))


clients = {}


async def obey(order):
    what = order["order"]
    if what == "login":
        client = clients[order["client"]] = Client(order)
        return await client.login()
    if what == "done":
        return done
    client = clients[order["client"]]
    if what == "send":
        client.write(order["xml"])
    elif what == "ask":
        future = client.asked[order["id"]] = asyncio.get_running_loop().create_future()
        client.write(order["xml"])
        try:
            return await asyncio.wait_for(future, order["patience"])
        except asyncio.TimeoutError:
            return None
        finally:
            del client.asked[order["id"]]
    elif what == "inbox":
        stanzas, client.inbox = list(client.inbox), deque()
        return stanzas
    elif what == "answer":
        client.answers[order["namespace"]] = order["answer"]
    elif what == "load":
        client.load = Load(client, order)
    elif what == "progress":
        return client.load.answered
    elif what == "report":
        await client.load.task
        return client.load.report()
    elif what == "cut":
        client.transport.abort()
        await asyncio.wait_for(client.ended, 15)
    elif what == "leave":
        client.write("<presence type='unavailable'/>")
        await client.disconnect()
    else:
        raise ValueError(f"no such order: {what}")
    return None


async def answer(order):
    try:
        told = {"n": order["n"], "value": await obey(order)}
    except Exception as error:
        told = {"n": order["n"], "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(told), flush=True)


async def main():
    # slixmpp wonders about answers that are not its own.
    logging.disable(logging.CRITICAL)
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = set()
    while line := await reader.readline():
        task = asyncio.ensure_future(answer(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.get_event_loop().run_until_complete(main())
