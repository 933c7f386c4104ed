"""What an attempt sends, in two forms: the wire has the secret, the record has its label."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from mitmproxy.net.server_spec import ServerSpec

from addons import demo
from addons.exchanges import Attempt, Exchange, Tape, Wire
from addons.inspection.masking import Masker
from addons.inspection.trimming import trimmed
from addons.making import Making
from addons.memory import Memory
from addons.provider_ways import UPSTREAM, failure_reader, signature, with_steps
from addons.route import read_request
from credentials.pool import Lease
from providers.address import (
    Address,
    BadAddress,
    NoSuchOperation,
    address,
    auth_headers,
    configured,
    label_headers,
    wire_headers,
)
from providers.catalog import Provider
from providers.payload import apply
from translators import counting
from translators import exchange as crossing
from translators.dialect import Aim, Dialect, Outgoing
from translators.errors import Unwritable
from translators.losses import Ledger
from translators.model import Failure, Request
from translators.parts import Vendor
from translators.pump import Counted, Pump, Untouched
from translators.registry import DIALECTS
from translators.rename import Renamed
from translators.seals import ACCOUNT_BOUND, account_mark


def prepare(exchange: Exchange, lease: Lease, memory: Memory) -> None:
    """Set the wire of a lease, and begin the attempt in the record. memory: what the client did not carry.

    Raises NoSuchOperation (this provider cannot do it), BadAddress (the config's fault), TranslationError (the
    request's).
    """
    credential = lease.credential
    provider = lease.provider.for_client(exchange.client.name)
    upstream = DIALECTS[provider.dialect]
    operation = UPSTREAM[exchange.call.operation]
    if operation == "compact" and upstream is not exchange.client:
        if upstream.variant_of != exchange.client.name:
            raise NoSuchOperation(f"{provider.title or provider.key} does not compact Responses conversations")
        upstream = exchange.client
    streamed = exchange.asked.stream or (provider.streams and operation == "generate")
    base_url = credential.base_url or ("", *provider.fallbacks)[exchange.detours]
    where = address(provider, base_url, operation, lease.model, streamed)
    via = _via(credential.proxy_url or exchange.runtime.config.proxy_url)
    client_headers = exchange.headers
    aim = _aim(lease, provider, streamed=streamed)
    outgoing = _outgoing(exchange, lease, aim, upstream, memory)
    outgoing = translated = _unsealed(exchange, lease, upstream, memory, outgoing)
    outgoing = _with_rules(exchange, lease, upstream, outgoing, client_headers)
    ruled = outgoing is not translated and outgoing.body != translated.body
    outgoing = with_steps(exchange, lease, provider, upstream, outgoing)
    _refuse_losses(exchange, provider)
    _put(exchange, lease, provider, upstream, where, via, outgoing, streamed=streamed)
    renamed = lease.mapped and operation == "generate"
    exchange.attempt.making = Making(
        aim, lease.reasoning, exchange.unsealed, ruled, renamed, provider.steps, provider.refusals
    )
    if renamed and exchange.wire is not None:
        exchange.wire.make_pump = _renaming(exchange, exchange.wire.make_pump)


def _renaming(exchange: Exchange, make: Callable[[bool], Pump]) -> Callable[[bool], Pump]:
    """Pumps whose answers name the model as the client did (`force-mapping`)."""
    client, asked = exchange.client, exchange.asked
    return lambda streamed: Renamed(make(streamed), client, asked.model, streamed=asked.stream)


def _aim(lease: Lease, provider: Provider, *, streamed: bool) -> Aim:
    return Aim(
        model=lease.model,
        provider=provider.key,
        vendor=provider.vendor,
        stream=streamed,
        traits=lease.traits,
        official=provider.official,
        account=account_mark(lease.credential.id),
        tool_name=provider.tool_name,
    )


def _outgoing(exchange: Exchange, lease: Lease, aim: Aim, upstream: Dialect, memory: Memory) -> Outgoing:
    request: Request | None = None
    exchange.ledger = Ledger()
    if not upstream.passes(exchange.client.name):
        request = read_request(exchange)
        exchange.ledger = exchange.reading.copy()
        _refuse_state(request)
        request = memory.restored(exchange, lease, request, exchange.ledger)
    outgoing = crossing.write(request, exchange.body, exchange.client, upstream, aim, exchange.ledger, lease.reasoning)
    if exchange.call.operation == "count_tokens":
        counted = counting.write_count(upstream.variant_of or upstream.name, outgoing.body, lease.model)
        return Outgoing(counted, outgoing.headers)
    return outgoing


def unsealable(exchange: Exchange) -> bool:
    """Take out more of the reasoning state that the last attempt sent: that of finished turns, if they have any, else
    all. False: there is nothing to take out (any more)."""
    sent, unseal = exchange.attempt.body, DIALECTS[exchange.attempt.dialect].unseal
    if unseal is None or exchange.unsealed == "all" or len(sent) >= exchange.keep:
        return False
    if not exchange.unsealed and unseal(sent, lambda _, current: not current)[1]:
        exchange.unsealed = "past"
    elif unseal(sent, lambda _data, _current: True)[1]:
        exchange.unsealed = "all"
    else:
        return False
    return True


def _unsealed(exchange: Exchange, lease: Lease, upstream: Dialect, memory: Memory, outgoing: Outgoing) -> Outgoing:
    """Without the reasoning state that the upstream has refused, or that only another account could open."""
    if upstream.unseal is None:
        return outgoing
    body = outgoing.body
    if exchange.unsealed:
        everywhere = exchange.unsealed == "all"
        body, paths = upstream.unseal(body, lambda _, current: everywhere or not current)
        _tell(exchange.ledger, paths, "the upstream refused reasoning of earlier requests")
    elif lease.provider.vendor in ACCOUNT_BOUND and len(memory.makers) and b"encrypted_content" in body:
        body, paths = upstream.unseal(body, lambda data, _: memory.is_foreign(data, lease))
        _tell(exchange.ledger, paths, "reasoning of another account")
    return replace(outgoing, body=body)


def _tell(ledger: Ledger, paths: list[str], reason: str) -> None:
    for path in paths:
        ledger.lose(path, reason)


def _refuse_losses(exchange: Exchange, provider: Provider) -> None:
    semantic = exchange.ledger.semantic()
    if semantic and exchange.runtime.config.strict:
        told = "; ".join(f"{loss.path}: {loss.reason}" for loss in semantic)
        raise Unwritable(f"strict: {provider.key} cannot be told everything: {told}", semantic[0].path)


def _put(
    exchange: Exchange,
    lease: Lease,
    provider: Provider,
    upstream: Dialect,
    where: Address,
    via: ServerSpec | None,
    outgoing: Outgoing,
    *,
    streamed: bool,
) -> None:
    credential, client_headers = lease.credential, exchange.headers
    masker = exchange.runtime.redactor.masker
    masker.learn((credential.secret.reveal(),))  # it may be minutes old
    shown = wire_headers(
        provider,
        credential,
        client_headers,
        outgoing.headers,
        auth=label_headers(provider, credential, where),
        stream=streamed,
        same_dialect=upstream.passes(exchange.client.name),
        masked=True,
    )
    # The wire differs from what is shown in what is secret: the key, and what the config gives this credential.
    secret = shown | auth_headers(provider, credential, where) | configured(credential, client_headers)
    signed = signature(exchange, lease, provider, secret)
    secret |= signed
    shown |= dict.fromkeys(signed, f"[{credential.label}]")
    fixed = {"host": where.authority, "content-length": str(len(outgoing.body))}
    exchange.wire = Wire(
        scheme=where.scheme,
        host=where.host,
        port=where.port,
        path=where.path,
        headers=[(name.encode(), value.encode(errors="surrogateescape")) for name, value in (fixed | secret).items()],
        body=outgoing.body,
        read_failure=_masked(failure_reader(upstream, provider), masker),
        make_pump=_pumps(exchange, upstream, outgoing, provider.vendor, lease.model, account_mark(credential.id)),
        via=via,
    )
    _begin(
        exchange,
        credential.label,
        provider.key,
        upstream,
        lease.model,
        where.url,
        list((fixed | shown).items()),
        outgoing.body,
    )
    exchange.attempt.credential = credential.id


type FailureReader = Callable[[int, Mapping[str, str], bytes], Failure]


def _masked(read: FailureReader, masker: Masker) -> FailureReader:
    """What an upstream's refusal says, but for the key that it may repeat."""
    return lambda status, headers, body: masker.failure(read(status, headers, body))


def prepare_demo(exchange: Exchange) -> None:
    """Set the wire of an answer that is made here. Raises TranslationError."""
    upstream = DIALECTS[demo.dialect_for(exchange.client.name)]
    aim = Aim(model=exchange.asked.model, provider="demo", vendor="demo", stream=exchange.asked.stream)
    request = read_request(exchange)
    exchange.ledger = exchange.reading.copy()
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
        make_pump=_pumps(exchange, upstream, body, "demo"),
        chunks=demo.answer(request, upstream, exchange.asked),
        streamed=True,
    )
    _begin(exchange, "demo", "demo", upstream, exchange.asked.model, "local:demo", [], body.body)
    exchange.attempt.making = Making(aim)


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
            body=trimmed(body, exchange.keep),
            raw=Tape(exchange.keep),
        )
    )


def _pumps(
    exchange: Exchange,
    upstream: Dialect,
    outgoing: Outgoing,
    vendor: Vendor,
    model: str = "",
    account: str = "",
) -> Callable[[bool], Pump]:
    """What makes the pump of an answer, once its headers tell whether it is a stream."""
    tools, stops, wrapped = outgoing.tools, outgoing.stops, outgoing.wrapped  # the body need not be kept for this

    def make(streamed: bool) -> Pump:
        match exchange.call.operation:
            case "count_tokens":
                return Counted(exchange.client.name)
            case "compact":
                return Untouched()
            case _:
                return crossing.pump(
                    exchange.client,
                    upstream,
                    exchange.asked,
                    tools,
                    streamed=streamed,
                    vendor=vendor,
                    model=model,
                    account=account,
                    stops=stops,
                    wrapped=wrapped,
                )

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
    return replace(outgoing, body=body)


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


def _via(proxy_url: str) -> ServerSpec | None:
    """mitmproxy's form of an HTTP proxy; None for none. Raises BadAddress: one that was asked for is never left out."""
    if not proxy_url or proxy_url in ("direct", "none"):
        return None
    parts = urlsplit(proxy_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise BadAddress(f"proxy-url {parts.scheme}://{parts.hostname}: only http and https proxies without a log-in")
    if parts.scheme == "https":
        return "https", (parts.hostname, parts.port or 443)
    return "http", (parts.hostname, parts.port or 8080)
