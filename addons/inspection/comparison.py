"""What became of a client's request on its way to the upstream, and of the answer on its way back: by JSON path, with
the names of rules, as far as an exchange recorded it.

Where both ends speak the same dialect the bodies are laid side by side. Otherwise each value is looked for in what was
sent, wherever it went; what moved the same way stands on one line.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from addons.inspection.json_diff import ABSENT, LONGEST, Row, differences, lines, parsed, shown
from addons.inspection.recorded import Recorded, RecordedAttempt
from addons.inspection.spoken import opened
from addons.inspection.trimming import left_out
from translators.explain import Fates, Line, fates, generic, leaves
from translators.losses import Ledger, Loss
from translators.registry import DIALECTS

PATIENCE = 50_000_000
"""Characters that are searched for texts inside of others: about a tenth of a second."""
MEMBERS = 30_000
"""Members of an upstream's body that are followed one by one; more would take seconds."""
MOST = 60
"""Lines of one list; the rest is counted."""


def comparison(found: Recorded) -> str:
    """The translation of an exchange for people: its last attempt in full, the others beside it. Never raises."""
    attempt = found.last
    if attempt is None:
        why = found.refusal.message if found.refusal is not None else "no credential has been tried"
        return "\n".join([f"Nothing was sent: {why}", *_ledger(found)])
    told = [*_head(found, attempt), *_request(found, attempt)]
    told += _headers(found.headers, attempt.request_headers)
    told += _others(found.attempts)
    told += _answer(found)
    return "\n".join(told)


# --- the request ----------------------------------------------------------------------------------------------------


def _head(found: Recorded, attempt: RecordedAttempt) -> Iterator[str]:
    several = f"attempt {attempt.number} of {len(found.attempts)} · " if len(found.attempts) > 1 else ""
    yield f"{found.client} → {attempt.dialect} · {several}{attempt.credential} · {attempt.provider} · {attempt.url}"
    renamed = f" → {attempt.model}" if attempt.model != found.model else ""
    yield f"model {found.model}{renamed} · {len(found.body):,} → {len(attempt.request_body):,} bytes"
    making = attempt.making
    if making is None:
        return
    if making.steps:
        yield f"afterwards, as {attempt.provider} wants it: {', '.join(making.steps)}"
    if making.ruled:
        yield "afterwards, by payload rules of the config: what is changed or added without a rule's name below"
    if making.unsealed:
        which = "all reasoning" if making.unsealed == "all" else "reasoning of finished turns"
        yield f"sent without {which}, which the upstream had refused before"


def _request(found: Recorded, attempt: RecordedAttempt) -> list[str]:
    if found.body == attempt.request_body and found.body:
        return ["", "The upstream got the client's body, byte for byte.", *_ledger(found)]
    upstream = DIALECTS.get(attempt.dialect)
    passed = upstream is not None and upstream.passes(found.client)
    inner, root, _ = opened(attempt.request_body) if passed else (attempt.request_body, "$", "")
    here, there = parsed(found.body), parsed(inner)
    if here is ABSENT or there is ABSENT:
        return ["", _unkept(*(("client's", found.body) if here is ABSENT else ("upstream's", inner))), *_ledger(found)]
    if not passed and attempt.request_body.count(b'":') > MEMBERS:
        why = f"No comparison value by value: the upstream's body has more than {MEMBERS:,} members."
        return ["", why, *_ledger(found)]
    try:
        return _passed(found, here, there, root) if passed else _translated(found, here, there)
    except RecursionError:
        return ["", "No comparison: the bodies are nested too deeply.", *_ledger(found)]


def _unkept(whose: str, body: bytes) -> str:
    missing = left_out(body)
    if missing:
        return f"No comparison: {missing:,} bytes of the {whose} body were not kept."
    return f"No comparison: the {whose} body ({len(body):,} bytes) is no JSON."


def _passed(found: Recorded, here: Any, there: Any, root: str) -> list[str]:
    rows = list(differences(here, there))
    title = "Changed on the way (- client only, + upstream only, ~ changed)"
    inside = [f"the client's body stands in {root} of an envelope"] if root != "$" else []
    told = [*inside, *lines(rows, MOST)] or ["nothing but white space or the order of members"]
    return ["", f"{title}: {len(rows):,}", *told, *_ledger(found)]


def _translated(found: Recorded, here: Any, there: Any) -> list[str]:
    ledger = Ledger()
    ledger.losses, ledger.applied = list(found.losses), list(found.rules)
    all_of_it = fates(here, there, ledger, PATIENCE)
    by_fate: dict[str, list[Line]] = {}
    ruled: list[Line] = []
    for line in all_of_it.lines:
        (by_fate.setdefault(line.what, []) if line.what in _FATES else ruled).append(line)
    values = dict(leaves(here)) if {"missing", "implied"} & by_fate.keys() else {}
    told = ["", _summary(all_of_it, by_fate, ruled)]
    told += _section(
        "Not found upstream, and nothing says why",
        [f"{line.path}  {shown(values[line.path])}" for line in by_fate.get("missing", [])],
    )
    told += _dropped(found.losses)
    told += _section("Changed by a rule", _aligned([(line.path, line.what, line.to) for line in ruled]))
    told += _section("Added", [f"{path}  {shown(value)}" for path, value in all_of_it.added])
    told += _section("Moved", _ways(by_fate.get("moved", [])))
    told += _section("Part of a longer text now", _ways(by_fate.get("inside", [])))
    said = [f"{path}  {value}" for path, value in _implied(by_fate.get("implied", []), values)]
    told += _section("In the upstream's own words, or its default", said)
    told += _section("Not looked for, the bodies are large", [line.path for line in by_fate.get("unsought", [])])
    return told


_FATES = frozenset({"kept", "moved", "inside", "lost", "aimed", "implied", "missing", "unsought"})


def _summary(found: Fates, by_fate: Mapping[str, list[Line]], ruled: list[Line]) -> str:
    counts = [
        (len(by_fate.get("kept", [])), "in their place"),
        (len(by_fate.get("moved", [])) + len(by_fate.get("inside", [])), "moved"),
        (len(ruled), "changed by a rule"),
        (len(by_fate.get("lost", [])), "dropped"),
        (len(by_fate.get("missing", [])), "not found"),
        (len(by_fate.get("implied", [])), "words and switches"),
        (len(found.added), "added"),
    ]
    return "Values: " + ", ".join(f"{count:,} {what}" for count, what in counts if count)


def _ways(lines: Iterable[Line]) -> list[str]:
    """What went the same way on one line, with how often."""
    ways: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        ways.setdefault((generic(line.path), generic(line.to)), []).append(line)
    return _aligned(
        [
            (here, f"→ {there}", f"× {len(those):,}") if len(those) > 1 else (those[0].path, f"→ {those[0].to}", "")
            for (here, there), those in ways.items()
        ]
    )


def _implied(lines: list[Line], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Words and switches, those of one kind on one line. Empty values say nothing anywhere."""
    counts: dict[tuple[str, str], int] = {}
    for line in lines:
        value = values[line.path]
        if value not in (None, "", [], {}) or value is False:
            key = generic(line.path), shown(value)
            counts[key] = counts.get(key, 0) + 1
    return ((path, f"{value}  × {count:,}" if count > 1 else value) for (path, value), count in counts.items())


def _ledger(found: Recorded) -> list[str]:
    """What the ledger says, where no bodies can be compared or are the same."""
    rules = _aligned([(rule.path, rule.rule, rule.to) for rule in found.rules])
    return [*_dropped(found.losses), *_section("Changed by a rule", rules)]


def _dropped(losses: tuple[Loss, ...], title: str = "Dropped") -> list[str]:
    rows = _aligned([("!" if loss.semantic else " ", loss.path, loss.reason) for loss in losses])
    return _section(f"{title}{' (! changes the answer)' * any(loss.semantic for loss in losses)}", rows)


# --- headers, other attempts, the answer ----------------------------------------------------------------------------

_HOPS = frozenset(
    {"host", "content-length", "connection", "transfer-encoding", "accept-encoding", "keep-alive", "te", "trailer"}
)
"""Headers of one connection."""


def _headers(client: Iterable[tuple[str, str]], upstream: Iterable[tuple[str, str]]) -> list[str]:
    here = {name.lower(): value for name, value in client if name.lower() not in _HOPS}
    there = {name.lower(): value for name, value in upstream if name.lower() not in _HOPS}
    kept = sorted(name for name, value in here.items() if there.get(name) == value)
    told = [f"  {', '.join(kept)}: passed on"] if kept else []
    told += [f"- {name}: {_short(value)}" for name, value in here.items() if name not in there]
    told += [
        f"~ {name}: {_short(here[name])} → {_short(value)}"
        for name, value in there.items()
        if name in here and here[name] != value
    ]
    told += [f"+ {name}: {_short(value)}" for name, value in there.items() if name not in here]
    return _section("Headers", told, counted=False)


def _others(attempts: tuple[RecordedAttempt, ...]) -> list[str]:
    """What earlier attempts sent, beside the last."""
    last = attempts[-1]
    told: list[str] = []
    for attempt in attempts[:-1]:
        failed = attempt.failure.kind if attempt.failure is not None else ""
        who = f"{attempt.number} · {attempt.credential} · {attempt.dialect} · {attempt.model}"
        ended = f"{attempt.status or ''} {failed}".strip() or "no answer"
        told.append(f"{who} · {ended}: {_beside(attempt, last)}")
    return _section("Earlier attempts", told)


def _beside(attempt: RecordedAttempt, last: RecordedAttempt) -> str:
    if attempt.request_body == last.request_body:
        return "the same body"
    if attempt.dialect != last.dialect:
        return f"{len(attempt.request_body):,} bytes in {attempt.dialect}"
    here, there = parsed(attempt.request_body), parsed(last.request_body)
    if here is ABSENT or there is ABSENT:
        return "another body, which is not kept whole"
    try:
        rows = list(differences(here, there))
    except RecursionError:
        return "another body"
    shown_rows = "; ".join(f"{row.path} {_change(row)}" for row in rows[:3])
    return f"{len(rows):,} difference{'s' * (len(rows) != 1)} to the last: {shown_rows}"


def _change(row: Row) -> str:
    return f"{shown(row.before, 30)} → {shown(row.after, 30)}"


def _answer(found: Recorded) -> list[str]:
    told = _dropped(found.answer_losses, "Not told to the client, of the answer")
    grammar = found.grammar
    wrong = [
        f"{f'event {one.frame}' if one.frame >= 0 else 'at the end'} {one.path}: {one.what} [{one.rule}]"
        + (" (vendors send this too)" if one.mild else "")
        for one in grammar.violations
    ]
    if grammar.count > len(wrong):
        wrong.append(f"… and {grammar.count - len(wrong):,} more")
    return [*told, *_section(f"The answer is not what clients of {found.client} need", wrong)]


# --- lines ----------------------------------------------------------------------------------------------------------


def _section(title: str, rows: list[str], *, counted: bool = True) -> list[str]:
    """A titled list, cut after `MOST`; nothing for an empty one."""
    if not rows:
        return []
    more = [f"… and {len(rows) - MOST:,} more"] if len(rows) > MOST else []
    return ["", f"{title}: {len(rows):,}" if counted else title, *rows[:MOST], *more]


WIDEST = 52


def _aligned(rows: list[tuple[str, str, str]]) -> list[str]:
    """Three columns; the first two as wide as the widest of what is shown, within reason."""
    first = min(WIDEST, max((len(row[0]) for row in rows[:MOST]), default=0))
    second = min(WIDEST, max((len(row[1]) for row in rows[:MOST]), default=0))
    return [f"{one:<{first}}  {two:<{second}}  {three}".rstrip() for one, two, three in rows]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
