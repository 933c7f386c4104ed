"""What is asked, and of which model: opens the exchange, or answers what needs no model."""

import time
from functools import cache

import msgspec
from mitmproxy import ctx
from mitmproxy.http import HTTPFlow, Response

from addons.engine.decoding import decode_body
from addons.engine.terms import LARGEST_BODY, fresh_seed
from addons.exchanges import Exchange, Exchanges, Tape
from addons.passes import AGAIN
from addons.refuse import refuse
from addons.settings import Settings
from credentials.routes import pair
from translators.dialect import Asked, Dialect
from translators.errors import TranslationError, Unreadable
from translators.losses import Ledger
from translators.model import Failure, Request
from translators.registry import DIALECTS
from translators.routes import Call, known_paths

KEPT_BYTES = 4 * 1024 * 1024
"""Of each of the bodies of an attempt while it is under way, at least; afterwards the config decides."""


class _Peek(msgspec.Struct):
    """What routing must know of a body. Other fields are none of its business."""

    model: str = ""
    stream: object = None


_peek = msgspec.json.Decoder(_Peek)


class Route:
    """Path → dialect and operation → Exchange."""

    def __init__(self, settings: Settings, exchanges: Exchanges) -> None:
        self.settings = settings
        self.exchanges = exchanges

    def request(self, flow: HTTPFlow) -> None:
        """The request is complete."""
        arrival = self.exchanges.arrival(flow)
        if arrival is None or flow.response is not None or not flow.live:
            return
        request = flow.request
        # The flow shows where the client sent it, not the placeholder of reverse mode.
        request.data.host, request.data.port = ctx.options.listen_host, ctx.options.listen_port
        call, headers = arrival
        if request.method == "OPTIONS":
            flow.response = Response.make(204, b"", {"allow": "GET, HEAD, POST, OPTIONS"})
        elif call.operation == "health":
            flow.response = Response.make(200, b'{"status":"ok"}', {"content-type": "application/json"})
        elif call.operation == "banner":
            flow.response = Response.make(200, _BANNER, {"content-type": "application/json"})
        elif call.operation == "upgrade":
            message = "Responses over WebSocket is not served here; use POST /v1/responses"
            refuse(flow, call, Failure(kind="upgrade", message=message, origin="cliproxy"))
        elif call.operation == "unknown":
            message = (
                f"no such route: {request.method} {request.path.partition('?')[0]}. Known: {', '.join(known_paths())}"
            )
            refuse(flow, call, Failure(kind="not_found", message=message, origin="cliproxy"))
        elif call.operation in ("generate", "count_tokens", "compact"):
            self._open(flow, call, headers)

    def _open(self, flow: HTTPFlow, call: Call, headers: dict[str, str]) -> None:
        try:
            exchange = self._exchange(flow, call, headers)
        except TranslationError as error:
            kind = "too_large" if error.code == "too_large" else "invalid"
            failure = Failure(
                kind=kind, message=str(error), code=error.code, param=error.path, status=400, origin="cliproxy"
            )
            refuse(flow, call, failure)
            return
        self.exchanges.open(exchange)

    def _exchange(self, flow: HTTPFlow, call: Call, headers: dict[str, str]) -> Exchange:
        body = _body_of(flow, self.exchanges.body(flow), headers)
        client = DIALECTS[call.dialect]
        model, stream = call.model, call.stream
        try:
            peek = _peek.decode(body)
        except msgspec.ValidationError as error:
            raise Unreadable(*_words_of(error)) from error
        except (ValueError, RecursionError) as error:  # msgspec's DecodeError and Python's UnicodeDecodeError are both
            raise Unreadable(f"the body is not JSON: {error}") from error
        if client.model_in_body:
            model = peek.model
            if not model:
                raise Unreadable("missing field `model`", "$.model")
            stream = (
                peek.stream is not False and peek.stream is not None if client.name == "claude" else peek.stream is True
            )
        streamed = bool(stream) and call.operation == "generate"
        asked = Asked(model=model, stream=streamed, now=int(time.time()), seed=fresh_seed(), array=call.array)
        limit = self.settings.runtime.config.inspect.keep_bytes
        keep = max(limit, KEPT_BYTES) if limit else LARGEST_BODY
        return Exchange(
            flow=flow,
            call=call,
            client=client,
            asked=asked,
            body=body,
            runtime=self.settings.runtime,
            ledger=Ledger(),
            emitted=Tape(keep),
            keep=keep,
            headers=headers,
            ping=_ping(client, asked, call, self.settings),
            caller=str(flow.metadata.get("cliproxy.caller", "")),
            avoid=_avoided(flow, self.settings) if AGAIN in flow.metadata else frozenset(),
        )


def read_request(exchange: Exchange) -> Request:
    """The client's request in the model; read once, when first needed. Raises Unreadable."""
    if exchange.request is None:
        call = exchange.call
        try:
            exchange.body.decode()  # readers look into some parts late, and expect no surprise there
            exchange.request = exchange.client.read_request(exchange.body, call.model, call.stream, exchange.reading)
        except (UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(f"the body cannot be read: {error}") from error
        asked = exchange.asked
        exchange.asked = Asked(asked.model, asked.stream, asked.now, asked.seed, exchange.request, asked.array)
    return exchange.request


def _avoided(flow: HTTPFlow, settings: Settings) -> frozenset[str]:
    """Keys of the leases that answered a request which is sent again."""
    pool = settings.runtime.pool
    known = ((pool.credential(label), model) for label, model in flow.metadata[AGAIN]["avoid"])
    return frozenset(pair(credential.id, model) for credential, model in known if credential is not None)


def _ping(client: Dialect, asked: Asked, call: Call, settings: Settings) -> bytes:
    if asked.stream:
        return _stream_ping(client.name, asked.array)
    # A JSON parser skips white space in front of the answer. Not for chat: its clients never knew it.
    alive = settings.runtime.config.nonstream_keepalive_interval > 0 and call.operation == "generate"
    return b"\n" if alive and client.name != "openai-chat" else b""


@cache
def _stream_ping(dialect: str, array: bool) -> bytes:
    """What keeps a client awake before its stream has begun: the same for all requests of a dialect."""
    return DIALECTS[dialect].stream_writer(Asked("", True, 0, "", array=array)).ping()


def _body_of(flow: HTTPFlow, body: bytes, headers: dict[str, str]) -> bytes:
    size = flow.metadata.get("cliproxy.oversize")
    if size:
        raise Unreadable(f"the body has {size} bytes; at most {LARGEST_BODY} are taken", code="too_large")
    encoding = headers.get("content-encoding", "")
    try:
        return decode_body(body, encoding, LARGEST_BODY) if encoding else body
    except ValueError as error:
        raise Unreadable(f"the body cannot be decoded: {error}") from error


def _words_of(error: msgspec.ValidationError) -> tuple[str, str]:
    """msgspec's message and the path at its end."""
    message, _, path = str(error).partition(" - at `")
    return message, path.rstrip("`") or "$"


_BANNER = msgspec.json.encode({"message": "cliproxy", "endpoints": known_paths(), "inspect": "run it under mitmweb"})
