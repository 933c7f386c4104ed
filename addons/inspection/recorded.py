"""What was recorded of a flow, typed: the one way in for everything that shows an exchange to a person.

Over exchanges are read from `flow.metadata["cliproxy"]` (see plain.py), also those of saved files and of older
versions, which may lack members. One that is under way is read from its live exchange, as far as it has come.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, cast

import msgspec
from mitmproxy import flow as flows
from mitmproxy.http import HTTPFlow
from msgspec import Struct

from addons import making, sessions
from addons.engine.decoding import decode_body, decoder
from addons.inspection.plain import KEY
from addons.making import Making
from translators.dialect import Violation
from translators.glance import glance
from translators.losses import Applied, Loss
from translators.model import Failure, Stop, Usage
from translators.registry import DIALECTS

LARGEST = 256 * 1024 * 1024
"""Bytes of a compressed body once it is unpacked: more is shown as it came."""

type Headers = tuple[tuple[str, str], ...]


class Mark(NamedTuple):
    """At this time so many bytes had come. ms: since the attempt began; of what the client got, since its request."""

    ms: int
    size: int


class Pause(NamedTuple):
    """A wait before an attempt: for what, and since when (seconds since the epoch)."""

    began: float
    why: str


@dataclass(frozen=True)
class RecordedAttempt:
    """One try with one credential. Times are seconds since the epoch, 0 for what never happened.

    number: from 1. credential: its label. url, headers: as sent, with labels for secrets. raw: what the upstream said,
    as it came (perhaps compressed; see `answer`), of much the head and the tail with a line between. raw_size: bytes
    that came; steps: when, as plain data (see `marks`). status 0: no answer. verdict: what the failure meant for the
    credential. making: how the request was made of the client's, None in older recordings.
    """

    number: int
    credential: str
    provider: str
    dialect: str
    model: str
    url: str
    request_headers: Headers
    request_body: bytes
    status: int
    answer_headers: Headers
    raw: bytes
    raw_size: int
    steps: Any
    started: float
    first_byte: float
    ended: float
    failure: Failure | None
    verdict: str
    making: Making | None = None

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """When what of `raw` came."""
        return _marks(self.steps)

    @cached_property
    def answer(self) -> bytes:
        """`raw` without its content encoding; as much of it as can be unpacked."""
        encoding = next((value for name, value in self.answer_headers if name.lower() == "content-encoding"), "")
        return _unpacked(self.raw, encoding) if encoding else self.raw


@dataclass(frozen=True)
class Grammar:
    """Whether the client got what its dialect's clients need. checked: "whole", "beginning", or why nobody looked.
    count: violations in all; of many only the first are listed.
    """

    checked: str = ""
    count: int = 0
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """An exchange: what the client asked, what was tried, what the client got.

    client: its dialect ("" if not recorded). operation: of translators.routes. model: as the client named it. caller:
    the label of the client's key. headers, body: as the client sent them, keys masked, the body unpacked. oversize:
    bytes of a body too large to be taken (it is not kept), else 0. losses, rules: of the last attempt's request.
    emitted: what the client got, of much the head and the tail. usage, stop: None where nothing was said or nobody
    read it. refusal: the error that the client got instead of an answer. began, ended: seconds since the epoch, ended 0
    while it is under way (`live`). status: of the answer, 0 for none. error: why the connection broke ("" if not).
    """

    client: str
    operation: str
    model: str
    stream: bool
    caller: str
    method: str
    path: str
    headers: Headers
    body: bytes
    oversize: int
    losses: tuple[Loss, ...]
    answer_losses: tuple[Loss, ...]
    rules: tuple[Applied, ...]
    attempts: tuple[RecordedAttempt, ...]
    pauses: tuple[Pause, ...]
    emitted: bytes
    emitted_size: int
    emitted_steps: Any
    emitted_headers: Headers
    usage: Usage | None
    stop: Stop | None
    refusal: Failure | None
    grammar: Grammar
    began: float
    ended: float
    status: int
    error: str
    live: bool
    seed: str = ""
    now: int = 0

    @property
    def last(self) -> RecordedAttempt | None:
        """The latest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def failure(self) -> Failure | None:
        """Why the client got no (whole) answer; None if it did, or if it left."""
        return self.refusal or (self.attempts[-1].failure if self.attempts else None)

    @cached_property
    def emitted_marks(self) -> tuple[Mark, ...]:
        """When what of `emitted` went to the client."""
        return _marks(self.emitted_steps)

    @cached_property
    def session(self) -> tuple[str, ...]:
        """Names of the conversation, the surest first; () if it tells none. A subagent's is its own."""
        return sessions.identities({name.lower(): value for name, value in self.headers}, self.body, subagents=False)


def recorded(flow: flows.Flow | None) -> Recorded | None:
    """What is known of a flow; None for one that is not ours (or that was recorded by something else). Never raises."""
    if not isinstance(flow, HTTPFlow):
        return None
    kept = flow.metadata.get(KEY)
    if isinstance(kept, dict):
        return read(flow, kept)
    under_way = _living.get(flow)
    return read(flow, under_way, live=True) if under_way is not None else None


def read(flow: HTTPFlow, kept: dict[str, Any], *, live: bool = False) -> Recorded | None:
    """The same from plain data (see plain.py); live: the flow is still under way."""
    try:
        return _read(flow, msgspec.convert(kept, _Kept), live)
    except msgspec.ValidationError:
        return None


def is_ours(flow: flows.Flow | None) -> bool:
    """Whether `recorded` has something to tell; cheap."""
    return isinstance(flow, HTTPFlow) and (isinstance(flow.metadata.get(KEY), dict) or _living.get(flow) is not None)


class Living:
    """How exchanges that are under way are found. get: the plain data of a flow's exchange, None if there is none."""

    def __init__(self) -> None:
        self.get: Callable[[HTTPFlow], dict[str, Any] | None] = lambda _flow: None

    def follow(self, get: Callable[[HTTPFlow], dict[str, Any] | None]) -> None:
        """Ask `get` from now on."""
        self.get = get


_living = Living()
follow = _living.follow

# --- reading --------------------------------------------------------------------------------------------------------


class _Attempt(Struct):
    """What stands there of an attempt; see plain.py."""

    number: int = 0
    credential: str = ""
    provider: str = ""
    dialect: str = ""
    model: str = ""
    url: str = ""
    request_headers: list[tuple[str, str]] = []
    request_body: bytes = b""
    status: int = 0
    answer_headers: list[tuple[str, str]] = []
    raw: bytes = b""
    raw_size: int = -1
    marks: Any = None
    started: float = 0.0
    first_byte: float = 0.0
    ended: float = 0.0
    failure: list[str] = []
    verdict: str = ""
    making: dict[str, Any] = {}


class _Grammar(Struct):
    checked: str = ""
    count: int = 0
    violations: list[tuple[int, str, str, str, bool]] = []


class _Kept(Struct):
    client: str = ""
    operation: str = ""
    model: str = ""
    stream: bool = False
    seed: str = ""
    now: int = 0
    caller: str = ""
    losses: list[tuple[str, str, bool]] = []
    answer_losses: list[tuple[str, str, bool]] = []
    rules: list[tuple[str, str, str]] = []
    attempts: list[_Attempt] = []
    pauses: list[tuple[float, str]] = []
    emitted: bytes = b""
    emitted_size: int = -1
    emitted_marks: Any = None
    usage: dict[str, int | str] = {}
    stop: dict[str, str] = {}
    refusal: str | list[str] = []
    grammar: _Grammar = msgspec.field(default_factory=_Grammar)


def _read(flow: HTTPFlow, kept: _Kept, live: bool) -> Recorded:
    """`Recorded`; of a stream that was passed on, what it said of itself is read now, if nobody did before."""
    response, request = flow.response, flow.request
    attempts = tuple(_attempt(attempt) for attempt in kept.attempts)
    said = (response.raw_content if response is not None else b"") or b""
    emitted = kept.emitted or said
    usage, stop = _told(kept.usage, Usage), _told(kept.stop, Stop)
    if usage is None and kept.stream and not live and kept.client in DIALECTS:
        usage, stop = glance(DIALECTS[kept.client], emitted)
    oversize = flow.metadata.get("cliproxy.oversize", 0)
    ends = (response.timestamp_end if response else 0, flow.error.timestamp if flow.error else 0)
    ended = max((end for end in (*ends, *(attempt.ended for attempt in attempts)) if end), default=0.0)
    return Recorded(
        client=kept.client,
        operation=kept.operation,
        model=kept.model,
        stream=kept.stream,
        caller=kept.caller,
        method=request.method,
        path=request.path,
        headers=tuple(request.headers.items(multi=True)),
        body=_unpacked(request.raw_content or b"", request.headers.get("content-encoding", "")),
        oversize=oversize if isinstance(oversize, int) else 0,
        losses=tuple(Loss(*loss) for loss in kept.losses),
        answer_losses=tuple(Loss(*loss) for loss in kept.answer_losses),
        rules=tuple(Applied(*rule) for rule in kept.rules),
        attempts=attempts,
        pauses=tuple(Pause(*pause) for pause in kept.pauses),
        emitted=emitted,
        emitted_size=kept.emitted_size if kept.emitted_size > 0 else len(emitted),
        emitted_steps=kept.emitted_marks,
        emitted_headers=tuple(response.headers.items(multi=True)) if response is not None else (),
        usage=usage,
        stop=stop,
        refusal=_failure(kept.refusal),
        grammar=_grammar(kept.grammar),
        began=request.timestamp_start,
        ended=0.0 if live else ended,
        status=response.status_code if response is not None else 0,
        error=flow.error.msg if flow.error is not None else "",
        live=live,
        seed=kept.seed,
        now=kept.now,
    )


def _attempt(kept: _Attempt) -> RecordedAttempt:
    return RecordedAttempt(
        number=kept.number,
        credential=kept.credential,
        provider=kept.provider,
        dialect=kept.dialect,
        model=kept.model,
        url=kept.url,
        request_headers=tuple(kept.request_headers),
        request_body=kept.request_body,
        status=kept.status,
        answer_headers=tuple(kept.answer_headers),
        raw=kept.raw,
        raw_size=kept.raw_size if kept.raw_size >= 0 else len(kept.raw),
        steps=kept.marks,
        started=kept.started,
        first_byte=kept.first_byte,
        ended=kept.ended,
        failure=_failure(kept.failure),
        verdict=kept.verdict,
        making=making.read(kept.making),
    )


def _marks(steps: Any) -> tuple[Mark, ...]:
    """Marks stand as steps: milliseconds and bytes since the one before, in turns."""
    if not isinstance(steps, list) or not all(type(step) is int for step in steps):
        return ()
    marks, ms, size = [], 0, 0
    for later, more in zip(steps[::2], steps[1::2], strict=False):
        ms, size = ms + later, size + more
        marks.append(Mark(ms, size))
    return tuple(marks)


def _grammar(kept: _Grammar) -> Grammar:
    found = tuple(Violation(what, frame, path, rule, mild) for frame, path, what, rule, mild in kept.violations)
    return Grammar(kept.checked, kept.count, found)


def _failure(kept: str | list[str]) -> Failure | None:
    """origin, kind, message, code; older recordings have the message alone where the client got an error."""
    if not kept:
        return None
    if isinstance(kept, str):
        return Failure(kind="", message=kept)
    origin, kind, message, code = (*kept, "", "", "", "")[:4]
    known = origin if origin in ("upstream", "cliproxy", "client") else "upstream"
    return Failure(kind=kind, message=message, code=code, origin=cast(Literal["upstream", "cliproxy", "client"], known))


def _told[T: Usage | Stop](kept: Mapping[str, Any], kind: type[T]) -> T | None:
    if not kept:
        return None
    try:
        return msgspec.convert(kept, kind)
    except msgspec.ValidationError:
        return None


def _unpacked(body: bytes, encoding: str) -> bytes:
    """A body without its content encoding; if it cannot be unpacked whole, what can, or as it is."""
    if not encoding or not body:
        return body
    try:
        return decode_body(body, encoding, LARGEST)
    except ValueError:
        return _beginning(body, encoding) or body


def _beginning(body: bytes, encoding: str) -> bytes:
    """What comes out before it breaks: of an answer that was cut, or of which the middle was not kept."""
    found: list[bytes] = []
    try:
        step = decoder(encoding)
        for at in range(0, len(body) if step else 0, 64):
            assert step is not None
            found.append(step.decode(body[at : at + 64]))
    except ValueError:
        pass  # that far
    return b"".join(found)
