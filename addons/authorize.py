"""Which credential tries next, what it sends, and what its failures mean."""

import asyncio
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from mitmproxy.http import HTTPFlow
from mitmproxy.net.server_spec import ServerSpec

from addons import demo
from addons.count_tokens import estimated_reply
from addons.exchanges import Attempt, Exchange, Exchanges, Tape, Wire
from addons.route import read_request
from credentials.pool import Cooling, Exhausted, Lease, Resolution, UnknownModel
from providers.address import (
    Address,
    BadAddress,
    NoSuchOperation,
    Operation,
    address,
    auth_headers,
    label_headers,
    wire_headers,
)
from providers.payload import apply
from translators import counting
from translators import exchange as crossing
from translators.dialect import Aim, Dialect, Outgoing
from translators.errors import TranslationError, Unwritable
from translators.exchange import Pump
from translators.model import Failure, Request
from translators.names import ToolName
from translators.registry import DIALECTS

_UPSTREAM: dict[str, Operation] = {"generate": "generate", "count_tokens": "count", "compact": "compact"}
"""What an operation of ours is called where addresses and outcomes are looked up."""


class Authorize:
    """Answers the engine's question, attempt by attempt."""

    def __init__(self, exchanges: Exchanges) -> None:
        self.exchanges = exchanges

    async def cliproxy_attempt(self, flow: HTTPFlow) -> None:
        """Set the next wire, or the refusal."""
        exchange = self.exchanges.get(flow)
        if exchange is None or flow.response is not None:
            return
        try:
            failure = self._report(exchange) if exchange.attempts else None
            if failure is None:
                await self._next(exchange)
            else:
                exchange.refusal = failure
            if exchange.refusal is not None and exchange.call.operation == "count_tokens":
                await self._count_here(flow, exchange, exchange.refusal)
        except TranslationError as error:
            exchange.refusal = Failure(
                kind="invalid", message=str(error), code=error.code, param=error.path, origin="cliproxy"
            )

    async def _count_here(self, flow: HTTPFlow, exchange: Exchange, failure: Failure) -> None:
        """No upstream counts: estimate, unless the request itself is at fault."""
        if failure.kind in ("invalid", "model", "context", "too_large", "unprocessable"):
            return
        exchange.refusal = None
        flow.response = await estimated_reply(exchange)

    def response(self, flow: HTTPFlow) -> None:
        """The answer is out: the credential did well."""
        exchange = self.exchanges.get(flow)
        if exchange is None or not exchange.attempts:
            return
        exchange.attempt.ended = exchange.attempt.ended or time.time()
        if exchange.lease is not None and exchange.attempt.failure is None and exchange.refusal is None:
            exchange.runtime.pool.success(exchange.lease, time.time())

    def error(self, flow: HTTPFlow) -> None:
        """Broke off after the client had seen a part: tell the pool, if it was not the client who left."""
        exchange = self.exchanges.get(flow)
        if exchange is None or not exchange.attempts:
            return
        attempt = exchange.attempt
        attempt.ended = attempt.ended or time.time()
        if exchange.lease is None or attempt.verdict:
            return
        if attempt.failure is None:
            exchange.runtime.pool.release(exchange.lease, time.time())
        else:
            exchange.runtime.pool.report(
                exchange.lease, attempt.failure, time.time(), _UPSTREAM[exchange.call.operation]
            )

    # --- choosing ---------------------------------------------------------------------------------------------------

    def _report(self, exchange: Exchange) -> Failure | None:
        """Tell the pool how the last attempt failed. Gives the failure if that is the client's answer."""
        attempt, lease = exchange.attempt, exchange.lease
        attempt.ended = time.time()
        failure = attempt.failure or Failure(
            kind="server", message="the attempt ended without an answer", origin="cliproxy"
        )
        if lease is None:
            return failure
        verdict = exchange.runtime.pool.report(lease, failure, time.time(), _UPSTREAM[exchange.call.operation])
        attempt.verdict = verdict.reason
        if verdict.other_kind:
            exchange.avoid_kind = lease.credential.kind
        exchange.again = verdict.again
        return failure if verdict.final else None

    async def _next(self, exchange: Exchange) -> None:
        if exchange.runtime.demo and demo.serves(exchange.asked.model):
            if exchange.attempts:
                exchange.refusal = exchange.attempt.failure
                return
            self._demo(exchange)
            return
        if exchange.resolution is None:
            try:
                exchange.resolution = exchange.runtime.pool.resolve(exchange.asked.model, time.time())
            except UnknownModel as error:
                exchange.refusal = Failure(kind="model", message=str(error), param="model", origin="cliproxy")
                return
        await self._lease(exchange, exchange.resolution)

    async def _lease(self, exchange: Exchange, resolution: Resolution) -> None:
        pool = exchange.runtime.pool
        while exchange.refusal is None:
            found = pool.lease(
                resolution,
                exchange.tried,
                time.time(),
                dialect_preference=exchange.client.name,
                avoid_kind=exchange.avoid_kind,
            )
            if isinstance(found, Lease):
                exchange.lease = found
                exchange.tried.add(found.key)
                self._prepare(exchange, found)
                return
            wait = pool.waits(resolution, time.time(), exchange.rounds)
            if wait is None or wait > pool.settings.max_retry_interval or not exchange.again:
                exchange.refusal = _nobody(found, exchange.attempt.failure if exchange.attempts else None)
                return
            exchange.rounds += 1
            exchange.tried.clear()
            await asyncio.sleep(wait)

    # --- preparing --------------------------------------------------------------------------------------------------

    def _prepare(self, exchange: Exchange, lease: Lease) -> None:
        """Make the wire of a lease, or a refusal. Raises TranslationError."""
        provider, credential = lease.provider, lease.credential
        upstream = DIALECTS[provider.dialect]
        operation = _UPSTREAM[exchange.call.operation]
        try:
            if operation == "compact" and upstream is not exchange.client:
                raise NoSuchOperation(f"{provider.title or provider.key} does not compact Responses conversations")
            where = address(provider, credential.base_url, operation, lease.model, exchange.asked.stream)
            via = _via(credential.proxy_url or exchange.runtime.config.proxy_url)
        except (NoSuchOperation, BadAddress) as error:
            kind = "server" if isinstance(error, BadAddress) else "unsupported"
            exchange.refusal = Failure(kind=kind, message=f"{credential.label}: {error}", origin="cliproxy")
            return
        client_headers = dict(exchange.flow.request.headers)
        outgoing = self._outgoing(exchange, lease, upstream)
        outgoing = _with_rules(exchange, lease, upstream, outgoing, client_headers)
        self._put(exchange, lease, upstream, where, via, outgoing, client_headers)

    def _outgoing(self, exchange: Exchange, lease: Lease, upstream: Dialect) -> Outgoing:
        aim = Aim(
            model=lease.model,
            provider=lease.provider.key,
            vendor=lease.provider.vendor,
            stream=exchange.asked.stream,
            traits=lease.traits,
            official=lease.provider.official,
        )
        request: Request | None = None
        del exchange.ledger.losses[:], exchange.ledger.applied[:]
        if upstream is not exchange.client:
            exchange.request = None
            request = read_request(exchange)
            _refuse_state(request)
        outgoing = crossing.write(
            request, exchange.body, exchange.client, upstream, aim, exchange.ledger, lease.reasoning
        )
        if exchange.runtime.config.strict:
            semantic = [loss for loss in exchange.ledger.losses if loss.semantic]
            if semantic:
                told = "; ".join(f"{loss.path}: {loss.reason}" for loss in semantic)
                raise Unwritable(f"strict: {lease.provider.key} cannot be told everything: {told}", semantic[0].path)
        if exchange.call.operation == "count_tokens":
            return Outgoing(counting.write_count(upstream.name, outgoing.body, lease.model), outgoing.headers)
        return outgoing

    def _put(
        self,
        exchange: Exchange,
        lease: Lease,
        upstream: Dialect,
        where: Address,
        via: ServerSpec | None,
        outgoing: Outgoing,
        client_headers: Mapping[str, str],
    ) -> None:
        provider, credential = lease.provider, lease.credential

        def headers(auth: dict[str, str], masked: bool) -> dict[str, str]:
            made = wire_headers(
                provider,
                credential,
                client_headers,
                outgoing.headers,
                auth=auth,
                stream=exchange.asked.stream,
                same_dialect=upstream is exchange.client,
                masked=masked,
            )
            return {"host": where.authority} | made | {"content-length": str(len(outgoing.body))}

        secret = headers(auth_headers(provider, credential, where), False)
        shown = headers(label_headers(provider, credential, where), True)
        exchange.wire = Wire(
            scheme=where.scheme,
            host=where.host,
            port=where.port,
            path=where.path,
            headers=[(name.encode(), value.encode(errors="surrogateescape")) for name, value in secret.items()],
            body=outgoing.body,
            read_failure=upstream.read_failure,
            make_pump=_pumps(exchange, upstream, outgoing.tools),
            via=via,
        )
        _begin(
            exchange,
            credential.label,
            provider.key,
            upstream,
            lease.model,
            where.url,
            list(shown.items()),
            outgoing.body,
        )

    def _demo(self, exchange: Exchange) -> None:
        upstream = DIALECTS[demo.dialect_for(exchange.client.name)]
        aim = Aim(model=exchange.asked.model, provider="demo", vendor="demo", stream=exchange.asked.stream)
        request = read_request(exchange)
        body = upstream.write_request(request, aim, exchange.ledger)
        exchange.lease = None
        exchange.wire = Wire(
            scheme="local",
            host="demo",
            port=0,
            path="/",
            headers=[],
            body=body.body,
            read_failure=upstream.read_failure,
            make_pump=_pumps(exchange, upstream, body.tools),
            chunks=demo.answer(request, upstream, exchange.asked),
            streamed=True,
        )
        _begin(exchange, "demo", "demo", upstream, exchange.asked.model, "local:demo", [], body.body)

    async def cliproxy_chunk(self, flow: HTTPFlow) -> None:
        """The next chunk of a local source."""
        exchange = self.exchanges.get(flow)
        if exchange is not None and exchange.source is not None:
            exchange.chunk = await anext(exchange.source, None)


def _begin(
    exchange: Exchange,
    label: str,
    provider: str,
    upstream: Dialect,
    model: str,
    url: str,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    exchange.attempts.append(
        Attempt(
            number=len(exchange.attempts) + 1,
            label=label,
            provider=provider,
            dialect=upstream.name,
            model=model,
            url=url,
            started=time.time(),
            headers=headers,
            body=body if len(body) <= exchange.keep else body[: exchange.keep],
            raw=Tape(exchange.keep),
        )
    )


def _pumps(exchange: Exchange, upstream: Dialect, tools: dict[str, ToolName]) -> Callable[[bool], Pump]:
    """What makes the pump of an answer, once its headers tell whether it is a stream."""

    def make(streamed: bool) -> Pump:
        match exchange.call.operation:
            case "count_tokens":
                return crossing.Counted(exchange.client.name)
            case "compact":
                return crossing.Untouched()
            case _:
                return crossing.pump(exchange.client, upstream, exchange.asked, tools, streamed=streamed)

    return make


def _with_rules(
    exchange: Exchange, lease: Lease, upstream: Dialect, outgoing: Outgoing, client_headers: Mapping[str, str]
) -> Outgoing:
    """The config's payload rules, on a body ready to go."""
    rules = exchange.runtime.rules
    if not rules or exchange.call.operation != "generate":
        return outgoing
    asked = exchange.asked.model
    candidates = tuple(dict.fromkeys((lease.model, lease.route, asked)))
    body = apply(rules, outgoing.body, upstream.name, candidates, exchange.client.name, client_headers)
    return Outgoing(body, outgoing.headers, outgoing.tools)


def _refuse_state(request: Request) -> None:
    """What only the vendor's own store could answer must not be ignored: the client would lose its history."""
    if request.state.previous_response:
        raise Unwritable(
            "this model's upstream does not keep responses: send the whole history instead",
            "$.previous_response_id",
            "previous_response_not_found",
        )
    if request.state.conversation is not None:
        raise Unwritable("this model's upstream does not keep conversations", "$.conversation")
    if request.state.background:
        raise Unwritable("this model's upstream has no background mode", "$.background")


def _nobody(found: Cooling | Exhausted, last: Failure | None) -> Failure:
    if isinstance(found, Cooling):
        seconds = max(1.0, found.until - time.time())
        message = f"All credentials for model {found.model} are cooling down"
        if last is not None:
            message += f" (last: {last.message})"
        return Failure(kind="cooling", message=message, retry_after=seconds, origin="cliproxy")
    return last or Failure(kind="unavailable", message=found.reason, origin="cliproxy")


def _via(proxy_url: str) -> ServerSpec | None:
    """mitmproxy's form of an HTTP proxy; None for none. Raises BadAddress: a proxy that was asked for is never left out."""
    if not proxy_url or proxy_url in ("direct", "none"):
        return None
    parts = urlsplit(proxy_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise BadAddress(f"proxy-url {parts.scheme}://{parts.hostname}: only http and https proxies without a log-in")
    if parts.scheme == "https":
        return "https", (parts.hostname, parts.port or 443)
    return "http", (parts.hostname, parts.port or 8080)
