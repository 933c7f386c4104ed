"""Why a prompt cache was not read: what people and clients do to break it, told in words."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from addons.inspection.json_diff import differences, shown
from addons.inspection.prompts import Prompt, Stretch, grammar_of
from translators.model import Usage


class Break(NamedTuple):
    """Two prompts of a conversation. same: stretches they have in common from the beginning; where that is all of
    `before`, nothing broke. was, now: provider, model and credential. gap: seconds between the end of the previous
    answer and the start of this request.
    """

    before: Prompt
    after: Prompt
    same: int
    was: tuple[str, str, str]
    now: tuple[str, str, str]
    usage_before: Usage | None
    usage_after: Usage | None
    gap: float


def causes(broken: Break) -> list[str]:
    """What explains that the cache was not read, the likeliest first; empty if nothing known does."""
    found = list(_elsewhere(broken))
    if broken.same < len(broken.before.stretches):
        found += _changed(broken)
    return found + list(_settings(broken)) + list(_marks(broken)) + list(_expired(broken))


# --- another cache --------------------------------------------------------------------------------------------------


def _elsewhere(broken: Break) -> Iterator[str]:
    for what, was, now in zip(("provider", "model", "account"), broken.was, broken.now, strict=True):
        if was != now:
            yield f"another {what}: {was} → {now}; each has a cache of its own"
            if what == "provider":
                return


# --- another prompt -------------------------------------------------------------------------------------------------


def _changed(broken: Break) -> Iterator[str]:
    old = broken.before.stretches[broken.same]
    if broken.same >= len(broken.after.stretches):
        yield "the history was cut short (an edited or compacted conversation)"
        return
    new = broken.after.stretches[broken.same]
    if "tools" in (old.section, new.section):
        yield from _tools(broken, new)
    elif "schema" in (old.section, new.section):
        yield "another output schema, which stands in front of everything"
    elif "system" in (old.section, new.section):
        yield f"the system text changed{_kind_of_change(old, new)}"
    else:
        yield from _history(broken, old, new)


def _tools(broken: Break, new: Stretch) -> Iterator[str]:
    was = {_tool(one): one for one in broken.before.stretches if one.section == "tools"}
    now = {_tool(one): one for one in broken.after.stretches if one.section == "tools"}
    added, removed = [name for name in now if name not in was], [name for name in was if name not in now]
    if added or removed:
        told = [f"added {', '.join(added[:6])}"] if added else []
        told += [f"removed {', '.join(removed[:6])}"] if removed else []
        yield f"other tools: {'; '.join(told)}"
    elif (name := _tool(new)) in was and was[name].path != new.path:
        yield f"the same tools in another order: {name} is first to differ"
    else:
        yield f"the tool {_tool(new)} is declared differently{_kind_of_change(was.get(_tool(new), new), new)}"


def _tool(stretch: Stretch) -> str:
    """The name of a tool, or what tells it apart."""
    value = stretch.value
    if not isinstance(value, dict):
        return shown(value, 30)
    function = value.get("function")
    named = function.get("name") if isinstance(function, dict) else None
    declared = value.get("functionDeclarations")
    if isinstance(declared, list):
        return ", ".join(str(one.get("name", "?")) for one in declared if isinstance(one, dict))[:60]
    return str(value.get("name") or named or value.get("type") or shown(value, 30))


def _history(broken: Break, old: Stretch, new: Stretch) -> Iterator[str]:
    before, after, same = broken.before.stretches, broken.after.stretches, broken.same
    ahead, back = _distance(after, same, old), _distance(before, same, new)
    if _type(old) in _THOUGHTS and _type(new) not in _THOUGHTS:
        yield "thinking of an earlier turn was taken out of the history"
    elif ahead and (not back or ahead <= back):
        what = f"{_type(new)} of {new.role or 'a turn'}"
        yield f"{_pieces(ahead)} put into the history in front of {old.path} ({what})"
    elif back:
        yield f"{_pieces(back)} taken out of the history: {old.path} ({_type(old)} of {old.role or 'a turn'})"
    elif same == len(before) - 1:
        yield f"the end of the previous prompt was changed{_kind_of_change(old, new)}"
    elif len(after) < len(before) // 2:
        yield "the history was compacted: it is much shorter than before"
    else:
        yield f"the history was edited{_kind_of_change(old, new)}"


NEAR = 6


def _distance(stretches: list[Stretch], place: int, wanted: Stretch) -> int:
    """How far behind a place a stretch is found again; 0 if it is not near."""
    near = enumerate(stretches[place + 1 : place + NEAR], 1)
    return next((distance for distance, one in near if one.value == wanted.value), 0)


def _pieces(count: int) -> str:
    return "a piece was" if count == 1 else f"{count} pieces were"


_THOUGHTS = frozenset({"thinking", "redacted_thinking", "reasoning"})


def _type(stretch: Stretch) -> str:
    value = stretch.value
    if isinstance(value, dict):
        return str(value.get("type") or next(iter(value), "part"))
    return "part"


_TELLING = (
    (re.compile(r"\d{1,2}:\d{2}|\d{4}-\d{2}-\d{2}|\b1[5-9]\d{8}(?:\d{3})?\b"), "a time or date stands there"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-|\b(?=[0-9a-f]*\d)[0-9a-f]{12,}\b", re.IGNORECASE), "an id stands there"),
    (re.compile(r"cch=|billing"), "a header line that is new with each request stands there"),
)
_AROUND = 40


def _kind_of_change(old: Stretch, new: Stretch) -> str:
    """What is known of things that change by themselves, from what stands at the first difference."""
    row = next(differences(old.value, new.value), None)
    if row is None:
        return ": the same members in another order" if old.role == new.role else f": {old.role} became {new.role}"
    before, after = row.before, row.after
    if not isinstance(before, str) or not isinstance(after, str):
        return ""
    pairs = enumerate(zip(before, after, strict=False))
    at = next((place for place, (one, other) in pairs if one != other), min(len(before), len(after)))
    if before.startswith(after) or after.startswith(before):
        longer = len(after) > len(before)
        return f": {abs(len(after) - len(before)):,} characters {'added at' if longer else 'gone from'} its end"
    for pattern, told in _TELLING:
        for text in (before, after):
            hits = pattern.finditer(text, max(0, at - _AROUND), at + _AROUND)
            if any(hit.start() <= at <= hit.end() for hit in hits):
                return f": {told}"
    return f", from character {at:,} on"


# --- settings, breakpoints, time ------------------------------------------------------------------------------------

_REACH = {
    "thinking": "Claude keeps the cache of tools and system, not of messages",
    "tool_choice": "Claude keeps the cache of tools and system, not of messages",
    "output_config": "Claude may keep the cache of tools and system only",
    "speed": "Claude keeps the cache of tools only",
    "prompt_cache_key": "requests with another key may reach another machine",
}


def _settings(broken: Break) -> Iterator[str]:
    was, now = broken.before.settings, broken.after.settings
    for name in dict.fromkeys([*was, *now]):
        if name not in _REACH or (name == "tool_choice" and _grammar(broken) != "claude"):
            continue
        if was.get(name) != now.get(name):
            yield f"{name} changed: {_stated(was, name)} → {_stated(now, name)} ({_REACH[name]})"


def _stated(settings: dict[str, Any], name: str) -> str:
    return shown(settings[name], 40) if name in settings else "not stated"


def _grammar(broken: Break) -> str:
    return grammar_of(broken.after.dialect)


LOOKBACK = 20
"""Blocks in front of a breakpoint in which Claude looks for what it has cached."""


def _marks(broken: Break) -> Iterator[str]:
    """Claude caches at breakpoints, and looks for them a little way back only."""
    if _grammar(broken) != "claude" or "cache_control" in broken.after.settings:
        return
    was = [place for place, one in enumerate(broken.before.stretches) if one.mark is not None]
    now = [place for place, one in enumerate(broken.after.stretches) if one.mark is not None]
    if not now:
        yield "this request has no cache_control: Claude neither reads nor writes a cache without one"
    if not was and "cache_control" not in broken.before.settings:
        yield "the previous request had no cache_control: nothing of it was cached"
    reachable = [place for place in was if place < broken.same]
    if now and was and not reachable:
        yield "every cache_control of the previous request stood behind the break: nothing in front of it was cached"
    elif now and reachable and not any(place <= mark <= place + LOOKBACK for place in reachable for mark in now):
        yield f"cache_control moved by more than {LOOKBACK} blocks: Claude looks no further back for what it cached"


_LIVES = {"5m": 300.0, "": 300.0, "1h": 3600.0}


def _expired(broken: Break) -> Iterator[str]:
    grammar = _grammar(broken)
    marks = [one.mark for one in broken.before.stretches if one.mark is not None]
    if grammar == "claude" and marks:
        life = max(_LIVES.get(mark, 300.0) for mark in marks)
        if broken.gap > life:
            yield f"{broken.gap / 60:.0f} minutes passed: Claude's cache lived for {life / 60:.0f}"
    elif grammar.startswith("openai") and broken.gap > 600:
        yield f"{broken.gap / 60:.0f} minutes passed: OpenAI's cache lives for 5 to 10, at most an hour"
    counted = broken.usage_before
    if counted is not None and counted.input is not None and counted.input < SHORTEST:
        yield f"the previous prompt had {counted.input:,} tokens: most vendors cache none under {SHORTEST:,}"


SHORTEST = 1024
