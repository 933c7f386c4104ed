"""Runs a crossing: a request, an answer, or both, between a client's dialect and an upstream's (several of either).

Settings of a crossing (all optional but client and upstream):

    client, upstream   dialects; one of the two may be a list: the case is run for each
    model              what the request is aimed at; the catalogue tells what it can do (none: a model nobody knows)
    provider           whose catalogue tells, where it is not the dialect's own
    json_schema        no: a Gemini model that has only the old field for schemas
    asked              the model's name as the client says it, where the path or a thinking suffix matters
    strict             yes: semantic losses are refused
    hub                yes: by way of the model even where both dialects are one
    stream             yes/no: what the client asked for; default: the form of the reply
    status, headers    of an upstream's error (headers: `name: value; name: value`)
    escapes            yes: the reply is written with \\r, \\n, \\xNN
    array              yes: a Gemini stream as one JSON array
    show               no: the client did not ask for thoughts (Gemini) and usage (chat)
    cut                the upstream breaks off after the reply
"""

import codecs
from dataclasses import dataclass

import msgspec

from providers import catalog
from tests.casefile import Case
from tests.translators.sdk_types import faults_of
from translators import exchange, thinking
from translators.dialect import Aim, Asked, Dialect, Outgoing
from translators.errors import TranslationError
from translators.losses import Ledger
from translators.model import Failure, Reasoning, Request
from translators.pump import Pipe, Pump, Whole
from translators.registry import DIALECTS
from translators.turning import Turning

NOW, SEED = 1_795_000_000, "5eed"
PROVIDERS = {
    "claude": "claude",
    "gemini": "gemini",
    "openai-responses": "codex",
    "openai-chat": "openai-chat",
    "openai-completions": "openai-chat",
}
"""Whose catalogue is asked for a dialect's models."""

CATALOG = catalog.load()


@dataclass(frozen=True)
class Written:
    """A request on its way: what the upstream gets, or how the client is refused."""

    outgoing: Outgoing | None
    refused: str
    ledger: Ledger
    request: Request | None


def run(case: Case) -> dict[str, str]:
    """All sections that come of a case."""
    got: dict[str, str] = {}
    clients, upstreams = case.names("client"), case.names("upstream")
    for client in clients:
        for upstream in upstreams:
            other = client if len(clients) > 1 else upstream
            suffix = f" {other}" if max(len(clients), len(upstreams)) > 1 else ""
            got |= {f"{name}{suffix}": text for name, text in cross(case, client, upstream).items()}
    return got


def cross(case: Case, client: str, upstream: str) -> dict[str, str]:
    """One pair: the request if the case has one, then the reply if it has one."""
    got: dict[str, str] = {}
    outgoing = Outgoing(b"")
    request: Request | None = None
    if "client request" in case.sections:
        written = write(case, client, upstream)
        request = written.request
        if written.refused:
            return {"refused": written.refused}
        assert written.outgoing is not None
        outgoing = written.outgoing
        assert client == upstream or not (wrong := faults_of(upstream, outgoing)), (case.path, wrong)
        got["upstream request"] = pretty(outgoing.body)
        if headers := "\n".join(f"{name}: {value}" for name, value in outgoing.headers.items()):
            got["upstream headers"] = headers
        if ledger := told(written.ledger):
            got["ledger"] = ledger
    if "upstream reply" in case.sections:
        got["client reply"], lost = answer(case, client, upstream, outgoing, request)
        if lost:
            got["answer ledger"] = lost
    return got


# --- the request ----------------------------------------------------------------------------------------------------


def aim_at(case: Case, upstream: str, *, stream: bool) -> Aim:
    """The target, with the traits the catalogue knows of the model."""
    provider = case.settings.get("provider", PROVIDERS[upstream])
    model = case.settings.get("model", "some-model")
    traits = CATALOG.traits(provider, model)
    if case.settings.get("json_schema") == "no":
        traits = msgspec.structs.replace(traits, json_schema=False)
    vendor = case.settings.get("vendor", DIALECTS[upstream].vendor)
    return Aim(model, provider, vendor, stream, traits, official=case.settings.get("official", "yes") == "yes")


def write(case: Case, client: str, upstream: str) -> Written:
    """Take the request across, twice: the same request must give the same bytes."""
    first, second = (_write(case, DIALECTS[client], DIALECTS[upstream]) for _ in range(2))
    assert first.outgoing == second.outgoing, case.path
    return first


def _write(case: Case, client: Dialect, upstream: Dialect) -> Written:
    body = case.sections["client request"].encode()
    asked, override = thinking.split_suffix(case.settings.get("asked", ""))
    ledger = Ledger()
    request: Request | None = None
    stream = case.settings.get("stream") == "yes" if client.name == "gemini" else None
    try:
        request = client.read_request(body, "" if client.model_in_body else asked or "a-model", stream, ledger)
        aim = aim_at(case, upstream.name, stream=request.stream)
        if client is upstream and case.settings.get("hub") != "yes":
            ledger = Ledger()  # what is not read of a body that passes as it is, is not lost
        outgoing = _outgoing(case, request, body, client, upstream, aim, ledger, override)
    except TranslationError as error:
        failure = Failure(kind="invalid", message=error.message, param=error.path, code=error.code, origin="cliproxy")
        return Written(None, refusal(client, failure), ledger, request)
    semantic = ledger.semantic()
    if semantic and case.settings.get("strict") == "yes":
        return Written(None, "\n".join(f"{loss.path}: {loss.reason}" for loss in semantic), ledger, request)
    return Written(outgoing, "", ledger, request)


def _outgoing(
    case: Case,
    request: Request,
    body: bytes,
    client: Dialect,
    upstream: Dialect,
    aim: Aim,
    ledger: Ledger,
    override: Reasoning | None,
) -> Outgoing:
    if case.settings.get("hub") == "yes":
        if override is not None:
            request = msgspec.structs.replace(request, reasoning=override)
        return upstream.write_request(request, aim, ledger)
    return exchange.write(request, body, client, upstream, aim, ledger, override)


def told(ledger: Ledger) -> str:
    """A ledger as lines; `lost!` changes the answer."""
    lines = [f"lost{'!' if loss.semantic else ''} {loss.path}: {loss.reason}" for loss in ledger.losses]
    lines += [f"{one.rule} {one.path}{' → ' + one.to if one.to else ''}" for one in ledger.applied]
    return "\n".join(lines)


# --- the answer -----------------------------------------------------------------------------------------------------


def answer(case: Case, client: str, upstream: str, outgoing: Outgoing, request: Request | None) -> tuple[str, str]:
    """What the client gets, and what it cannot be told. A stream is fed whole and byte by byte, to the same end."""
    here, there = DIALECTS[client], DIALECTS[upstream]
    text = case.sections["upstream reply"]
    body = codecs.escape_decode(text.encode())[0] if case.settings.get("escapes") == "yes" else text.encode()
    if (status := int(case.settings.get("status", "200"))) >= 400:
        pairs = (one.partition(":") for one in case.settings.get("headers", "").split(";") if one.strip())
        headers = {name.strip(): value.strip() for name, _, value in pairs}
        return refusal(here, there.read_failure(status, headers, body)), ""
    streamed = not body.lstrip().startswith((b"{", b"[", b"<")) or case.settings.get("array") == "yes"
    if streamed and case.settings.get("escapes") != "yes":
        body += b"\n\n"
    stream = case.settings.get("stream", "yes" if streamed else "no") == "yes"
    both: list[str] = []
    lost: list[str] = []
    for size in (len(body), 1):
        asked = ask(case, client, stream=stream, request=request)
        pump = _pump(case, here, there, asked, outgoing, streamed=streamed)
        both.append(_through(case, pump, here, asked, body, size))
        lost.append(told(asked.ledger))
    whole, pieces = both
    assert _joined(whole) == _joined(pieces) if here is there and streamed else whole == pieces, case.path
    assert lost[0] == lost[1], case.path
    return whole, lost[0]


def _joined(text: str) -> str:
    return text.replace("\n", "")


def ask(case: Case, client: str, *, stream: bool, request: Request | None) -> Asked:
    """What a writer of replies knows; a client that says nothing else wants thoughts and usage."""
    if request is None:
        shown = Reasoning(mode="auto", show="auto") if case.settings.get("show") != "no" else None
        request = Request(
            model="m", turns=[], stream=stream, stream_usage=shown is not None, reasoning=shown, dialect=client
        )
    model = case.settings.get("asked", "some-model")
    return Asked(model, stream, NOW, SEED, request, array=client == "gemini" and case.settings.get("array") == "yes")


def _pump(case: Case, here: Dialect, there: Dialect, asked: Asked, outgoing: Outgoing, *, streamed: bool) -> Pump:
    stops, wrapped = outgoing.stops, outgoing.wrapped
    if case.settings.get("hub") == "yes":
        turning = Turning(outgoing.tools, there.vendor, stops=stops, wrapped=wrapped)
        return (
            Pipe(here, there, asked, turning) if asked.stream else Whole(here, there, asked, turning, streamed=streamed)
        )
    vendor = case.settings.get("vendor", "")
    return exchange.pump(
        here, there, asked, outgoing.tools, streamed=streamed, vendor=vendor, stops=stops, wrapped=wrapped
    )


def _through(case: Case, taker: Pump, here: Dialect, asked: Asked, body: bytes, size: int) -> str:
    pieces = [body[at : at + size] for at in range(0, len(body), size or 1)]
    cause = Failure(kind="truncated", message="the connection was cut") if case.settings.get("cut") else None
    written = b"".join([taker.feed(piece) for piece in pieces]) + taker.finish(cause)
    if taker.failure is not None and not taker.committed:
        return refusal(here, taker.failure)
    if asked.stream:
        return written.decode().rstrip("\n")
    return pretty(written)


def refusal(here: Dialect, failure: Failure) -> str:
    """An error as the client gets it: status, retry-after, then the body."""
    status, body = here.write_failure(failure, Asked("some-model", stream=False, now=NOW, seed=SEED))
    after = f" retry-after {failure.retry_after:g}" if failure.retry_after is not None else ""
    return f"{status}{after}\n{pretty(body)}"


def pretty(body: bytes) -> str:
    """JSON laid out for people; every literal as it was written."""
    return msgspec.json.format(body, indent=2).decode()
