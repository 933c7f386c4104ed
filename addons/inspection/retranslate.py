"""A recorded exchange translated once more, with today's code, and compared with what was recorded.

Time and chance are those of the recording, so the same code gives the same bytes. What a recording does not hold (the
config's payload rules, what the proxy remembered of earlier answers, the middle of a very long body) is never guessed:
such a side is `unknown`, and says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from addons.inspection.frames import frames
from addons.inspection.hiding import is_hidden
from addons.inspection.json_diff import ABSENT, Row, differences, lines, parsed
from addons.inspection.recorded import Recorded, RecordedAttempt
from addons.inspection.trimming import left_out
from addons.making import Making
from addons.provider_ways import UPSTREAM, session_of, stepped
from providers import catalog
from providers.payload import Rules, apply
from providers.refusals import REFUSALS
from providers.sending import Sending
from providers.steps import STEPS
from translators import counting, routes
from translators import exchange as crossing
from translators.dialect import Aim, Asked, Dialect, Outgoing
from translators.errors import TranslationError
from translators.losses import Ledger
from translators.model import Failure, Request
from translators.pump import Counted, Pump, Untouched
from translators.registry import DIALECTS
from translators.rename import Renamed

type Fate = Literal["same", "differs", "unknown"]


@dataclass(frozen=True)
class Side:
    """One half of an exchange. name: "request", "answer" or "ledger". rows: the differences, before: as recorded.
    why: the reason of "unknown". now: what today's code makes.
    """

    name: str
    fate: Fate
    rows: tuple[Row, ...] = ()
    why: str = ""
    now: bytes = b""


class _Unknown(Exception):
    """This side cannot be made again; the text says why."""


@dataclass(frozen=True)
class _Remade:
    """A request made again, and what its answer will be read with."""

    outgoing: Outgoing
    request: Request | None
    ledger: Ledger
    making: Making
    upstream: Dialect


REMEMBERED = "remembered"
FOREIGN = "reasoning of another account"
"""A rule and a loss that come of what the proxy knew of earlier answers; see addons/memory.py and prepare.py."""


def retranslate(found: Recorded, rules: Rules | None = None) -> list[Side]:
    """Request, ledger and answer of the last attempt. rules: the config's payload rules, None where there is no config.

    Never raises: what cannot be made again is a Side that says so.
    """
    attempt = found.last
    if attempt is None:
        why = f"nothing was sent: {found.refusal.message}" if found.refusal else "nothing was sent"
        return [Side("request", "unknown", why=why)]
    if found.live:
        return [Side("request", "unknown", why="it is still under way")]
    try:
        remade = _request(found, attempt, rules)
    except _Unknown as unknown:
        return [Side("request", "unknown", why=str(unknown))]
    except TranslationError as error:
        row = Row("$", "was sent", f"is refused: {error}")
        return [Side("request", "differs", (row,))]
    sides = [_compared("request", attempt.request_body, remade.outgoing.body), _ledger(found, remade.ledger)]
    try:
        sides.append(_answer(found, attempt, remade))
    except _Unknown as unknown:
        sides.append(Side("answer", "unknown", why=str(unknown)))
    return sides


# --- the request ----------------------------------------------------------------------------------------------------


def client_of(found: Recorded) -> Dialect:
    """The client's dialect. Raises LookupError for one that is not registered (an extension's)."""
    return DIALECTS[found.client]


def read(found: Recorded, client: Dialect, ledger: Ledger) -> Request:
    """The client's request in the model. Raises TranslationError."""
    model = "" if client.model_in_body else found.model
    return client.read_request(found.body, model, None if client.model_in_body else found.stream, ledger)


def _request(found: Recorded, attempt: RecordedAttempt, rules: Rules | None) -> _Remade:
    making = attempt.making
    if making is None:
        raise _Unknown("the recording is of an older version, which did not note how the request was made")
    if found.client not in DIALECTS or attempt.dialect not in DIALECTS:
        raise _Unknown(f"no dialect {attempt.dialect if found.client in DIALECTS else found.client} is known here")
    client, upstream = client_of(found), DIALECTS[attempt.dialect]
    if parsed(found.body) is ABSENT:
        raise _Unknown("the client's body was not kept whole")
    if is_hidden(found.body) or is_hidden(attempt.raw):
        raise _Unknown("what was said is hidden in this recording (`redact: content`)")
    if any(one.rule == REMEMBERED for one in found.rules) or any(one.reason == FOREIGN for one in found.losses):
        raise _Unknown("the request went with what the proxy remembered of earlier answers, which is not recorded")
    if making.ruled and rules is None:
        raise _Unknown("the config's payload rules changed this request: say which config")
    ledger, request = Ledger(), None
    if not upstream.passes(client.name):
        request = read(found, client, ledger)
    outgoing = crossing.write(request, found.body, client, upstream, making.aim, ledger, making.reasoning)
    if found.operation == "count_tokens":
        body = counting.write_count(upstream.variant_of or upstream.name, outgoing.body, making.aim.model)
        outgoing = Outgoing(body, outgoing.headers)
    outgoing = _unsealed(outgoing, upstream, making, ledger)
    if rules and making.ruled:
        told = {name.lower(): value for name, value in found.headers}
        names = tuple(dict.fromkeys((making.aim.model, found.model)))
        outgoing = replace(outgoing, body=apply(rules, outgoing.body, upstream.name, names, client.name, told))
    outgoing = _stepped(found, attempt, making, upstream, request, ledger, outgoing)
    return _Remade(outgoing, request, ledger, making, upstream)


def _unsealed(outgoing: Outgoing, upstream: Dialect, making: Making, ledger: Ledger) -> Outgoing:
    if not making.unsealed or upstream.unseal is None:
        return outgoing
    everywhere = making.unsealed == "all"
    body, paths = upstream.unseal(outgoing.body, lambda _, current: everywhere or not current)
    for path in paths:
        ledger.lose(path, "the upstream refused reasoning of earlier requests")
    return replace(outgoing, body=body)


def _stepped(
    found: Recorded,
    attempt: RecordedAttempt,
    making: Making,
    upstream: Dialect,
    request: Request | None,
    ledger: Ledger,
    outgoing: Outgoing,
) -> Outgoing:
    if not making.steps:
        return outgoing
    if missing := [step for step in making.steps if step not in STEPS]:
        raise _Unknown(f"no step {missing[0]} is known here")
    sent = parsed(attempt.request_body)
    project = sent.get("project") if isinstance(sent, dict) else None
    sending = Sending(
        operation=UPSTREAM[found.operation],
        model=making.aim.model,
        stream=found.stream,
        translated=not upstream.passes(found.client),
        traits=making.aim.traits,
        client={name.lower(): value for name, value in found.headers},
        session=session_of(request, found.caller),
        ledger=ledger,
        facts={"project_id": project} if isinstance(project, str) else {},
        seed=found.seed,
        now=found.now,
    )
    return stepped(making.steps, outgoing, sending)


def _compared(name: str, before: bytes, after: bytes) -> Side:
    if before == after:
        return Side(name, "same", now=after)
    one, other = parsed(before), parsed(after)
    if one is ABSENT:
        return Side(name, "unknown", why="what was sent was not kept whole", now=after)
    rows = tuple(differences(one, other))
    return Side(name, "differs" if rows else "same", rows, now=after)


def _ledger(found: Recorded, ledger: Ledger) -> Side:
    """What people are told of the request."""
    before = [[each.path, each.reason] for each in found.losses] + [list(_rule(each)) for each in found.rules]
    after = [[each.path, each.reason] for each in ledger.losses] + [list(_rule(each)) for each in ledger.applied]
    gone = tuple(Row(one[0], one[1], ABSENT) for one in before if one not in after)
    new = tuple(Row(one[0], ABSENT, one[1]) for one in after if one not in before)
    return Side("ledger", "differs" if gone or new else "same", gone + new)


def _rule(applied: object) -> tuple[str, str]:
    path, rule, to = (getattr(applied, name) for name in ("path", "rule", "to"))
    return path, f"{rule} → {to}" if to else rule


# --- the answer -----------------------------------------------------------------------------------------------------


def _answer(found: Recorded, attempt: RecordedAttempt, remade: _Remade) -> Side:
    if left_out(attempt.raw):
        raise _Unknown("the upstream's answer was not kept whole")
    if not attempt.status:
        raise _Unknown(f"there was no answer{f': {attempt.failure.message}' if attempt.failure else ''}")
    told = {name.lower(): value for name, value in attempt.answer_headers}
    kind = told.get("content-type", "")
    if not 200 <= attempt.status < 300 or "html" in kind:
        return _refusal(attempt, remade, told)
    if left_out(found.emitted):
        raise _Unknown("the client's answer was not kept whole")
    asked = asked_of(found, remade.request)
    pump = _pump(found, attempt, remade, asked, streamed="event-stream" in kind or attempt.provider == "demo")
    said = pump.feed(attempt.answer)
    if pump.failure is None or pump.committed:
        broken = attempt.failure is not None and attempt.failure.origin == "cliproxy" and not pump.ended
        said += pump.finish(attempt.failure if broken else None)
    if pump.failure is not None and not pump.committed:
        return _failures(attempt.failure, pump.failure)
    return _said(found, asked, said, left=bool(found.error) and attempt.failure is None)


def asked_of(found: Recorded, request: Request | None) -> Asked:
    """What a writer of replies knew."""
    path, _, query = found.path.partition("?")
    fields = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    call = routes.recognise(found.method, path, fields, {})
    return Asked(found.model, found.stream, found.now, found.seed, request, call.array)


def _pump(found: Recorded, attempt: RecordedAttempt, remade: _Remade, asked: Asked, *, streamed: bool) -> Pump:
    if found.operation == "count_tokens":
        return Counted(found.client)
    if found.operation == "compact":
        return Untouched()
    outgoing, aim, client = remade.outgoing, remade.making.aim, client_of(found)
    pump = crossing.pump(
        client,
        remade.upstream,
        asked,
        outgoing.tools,
        streamed=streamed,
        vendor=aim.vendor,
        model=aim.model,
        account=aim.account,
        stops=outgoing.stops,
        wrapped=outgoing.wrapped,
    )
    return Renamed(pump, client, asked.model, streamed=asked.stream) if remade.making.renamed else pump


def _refusal(attempt: RecordedAttempt, remade: _Remade, headers: Mapping[str, str]) -> Side:
    """An error status: is it understood as it was then?"""
    if attempt.failure is None or attempt.failure.origin == "cliproxy":
        raise _Unknown("its error was made by the proxy, not read from the upstream's words")
    now: Failure = remade.upstream.read_failure(attempt.status, headers, attempt.answer)
    if (refine := REFUSALS.get(remade.making.refusals)) is not None:
        now = refine(now, dict(headers), attempt.ended)
    return _failures(attempt.failure, now)


def _failures(before: Failure | None, now: Failure) -> Side:
    """An answer that is an error, which may not always have been one."""
    rows = [
        Row(f"$.error.{name}", was, told)
        for name in ("kind", "message")
        if (was := getattr(before, name, ABSENT)) != (told := getattr(now, name))
    ]
    return Side("answer", "differs" if rows else "same", tuple(rows), now=now.message.encode())


def _said(found: Recorded, asked: Asked, said: bytes, *, left: bool) -> Side:
    """The client's bytes, compared as what they mean: pings and line ends are no difference."""
    before = frames(found.emitted, streamed=asked.stream and not asked.array)
    after = frames(said, streamed=asked.stream and not asked.array)
    if left:  # the client saw a beginning; of that nothing may differ
        after = after[: len(before)]
    rows = tuple(differences(before, after))
    return Side("answer", "differs" if rows else "same", rows, now=said)


def told(sides: Sequence[Side]) -> list[str]:
    """The sides as lines for people."""
    told = []
    for side in sides:
        told.append(f"{side.name:<8} {side.fate}{f': {side.why}' if side.why else ''}")
        told += [f"  {line}" for line in lines(list(side.rows))]
    return told


# --- another dialect ------------------------------------------------------------------------------------------------


def aim_at(upstream: Dialect, model: str, *, stream: bool) -> Aim:
    """The first provider of the dialect that has the model; a model nobody knows is sent as it is named."""
    known = catalog.load()
    for key, provider in known.providers.items():
        if provider.dialect == upstream.name and (found := known.find(key, model)) is not None:
            return Aim(found.id, key, provider.vendor, stream, catalog.traits_of(found), provider.official)
    return Aim(model, upstream.name, upstream.vendor, stream)


def written_for(found: Recorded, dialect: str) -> tuple[bytes, Ledger]:
    """The client's request as an upstream of another dialect would get it. Raises TranslationError, or LookupError for
    a dialect that is not known here.
    """
    client, upstream, ledger = client_of(found), DIALECTS[dialect], Ledger()
    request = read(found, client, ledger)
    aim = aim_at(upstream, found.model, stream=found.stream)
    return crossing.write(request, found.body, client, upstream, aim, ledger).body, ledger


def laid_out(body: bytes) -> str:
    """A JSON body for people; every literal as it is sent."""
    return msgspec.json.format(body, indent=2).decode()
