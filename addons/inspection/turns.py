"""A request beside the one before it in its conversation: what is new, and where and why the prompt cache broke.

A vendor's cache knows prompts by their beginnings: what stands behind the first difference is read anew. So the two
upstream requests are laid side by side in the order in which that vendor's cache reads them (prompts.py).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from addons.inspection.anatomy import estimate
from addons.inspection.causes import Break, causes
from addons.inspection.json_diff import ABSENT, Row, differences, shown
from addons.inspection.prompts import Prompt, Stretch, common, grammar_of, prompt_of
from addons.inspection.recorded import Recorded, RecordedAttempt
from addons.inspection.trimming import left_out

CANDIDATES = 8
"""Requests of a conversation that are looked at, latest first: side requests and subagents stand between turns."""
PATIENCE = 24_000_000
"""Bytes of their bodies that are laid beside one another."""
SEARCHED = 64_000_000
"""Bytes of bodies in which conversations are looked for."""


class Turn(NamedTuple):
    """A request that reached an upstream, and its prompt."""

    found: Recorded
    attempt: RecordedAttempt
    prompt: Prompt


def turn_of(found: Recorded) -> Turn | None:
    """What was sent last; None if nothing was, or if it is no prompt that was kept whole."""
    attempt = found.last
    prompt = prompt_of(attempt.request_body, attempt.dialect) if attempt is not None else None
    return Turn(found, attempt, prompt) if attempt is not None and prompt is not None else None


def earlier(found: Recorded, others: Iterable[Recorded]) -> list[Recorded]:
    """The generating requests of the same conversation that began before this one. others: the latest first."""
    names = set(found.session)
    told: list[Recorded] = []
    left = SEARCHED
    for other in others:
        if other.began >= found.began or other.operation != "generate":
            continue
        left -= len(other.body)
        if not names.isdisjoint(other.session):
            told.append(other)
        if len(told) == CANDIDATES or left < 0:
            break
    return told


def previous(turn: Turn, others: list[Recorded]) -> Turn | None:
    """The one whose prompt this one goes on from: the longest common beginning, of equals the latest."""
    best: Turn | None = None
    most, left = -1, PATIENCE
    for other in others:
        size = len(other.last.request_body) if other.last is not None else 0
        if best is not None and size > left:
            break
        left -= size
        candidate = turn_of(other) if other.failure is None else None
        if candidate is None:
            continue
        alike = _alike(candidate, turn)
        count = common(candidate.prompt.stretches, turn.prompt.stretches) if alike else 0
        if count > most:
            best, most = candidate, count
        if count and count == len(candidate.prompt.stretches):
            break
    return best


def _alike(before: Turn, after: Turn) -> bool:
    return grammar_of(before.prompt.dialect) == grammar_of(after.prompt.dialect)


def turn_diff(found: Recorded, others: Callable[[], Iterable[Recorded]]) -> str:
    """The text for people. others: gives what is at hand, the latest first; asked only where it is needed."""
    turn = turn_of(found)
    if turn is None:
        return _why_not(found)
    if not found.session:
        return (
            "Nothing in this request tells which conversation it belongs to: no id, and no user's words to know it by."
        )
    candidates = earlier(found, others())
    before = previous(turn, candidates)
    if before is None:
        return "\n".join(_first(turn, len(candidates)))
    return "\n".join(_beside(before, turn))


def _why_not(found: Recorded) -> str:
    attempt = found.last
    if attempt is None:
        return "Nothing was sent upstream: there is no prompt to compare."
    missing = left_out(attempt.request_body)
    if missing:
        return f"Of the request that was sent {missing:,} bytes were not kept: there is no prompt to compare."
    return f"The request that was sent ({len(attempt.request_body):,} bytes) is no prompt of {attempt.dialect}."


def _first(turn: Turn, candidates: int) -> Iterator[str]:
    if candidates:
        yield "No earlier request of this conversation was answered, or none was kept whole."
    else:
        yield "No earlier request of this conversation is at hand: this is the first, or the others were cleared."
    yield _counted("this request", turn)


# --- two requests ---------------------------------------------------------------------------------------------------


def _beside(before: Turn, after: Turn) -> Iterator[str]:
    yield from _heads(before, after)
    yield ""
    if not _alike(before, after):
        was, now = before.attempt, after.attempt
        yield f"The previous request went to another upstream, in another dialect: {was.provider} ({was.dialect})."
        yield f"{now.provider} ({now.dialect}) knows nothing of it, and caches for itself."
        return
    same = common(before.prompt.stretches, after.prompt.stretches)
    broken = _break(before, after, same)
    found = causes(broken)
    if broken.same == len(before.prompt.stretches):
        yield f"The prompt breaks no cache: the previous one is its beginning ({same:,} stretches)."
        if not _was_read(broken) and found:
            yield from _told("what can keep it from being read", found)
        elif _was_missed(broken):
            yield "Yet little was read from it: upstreams also forget, and send requests to other machines."
    else:
        yield from _where(broken)
        yield from _told("likely cause", found)
    yield from _cost(broken)
    yield from _new(broken)


def _told(title: str, found: list[str]) -> Iterator[str]:
    for cause in found:
        yield f"  {title}: {cause}"
        title = "besides"


def _heads(before: Turn, after: Turn) -> Iterator[str]:
    gap = after.found.began - before.found.began
    attempt = after.attempt
    yield f"{attempt.dialect} · {attempt.model} · {attempt.credential} · {_ago(gap)} after the previous request"
    yield _counted("previous request", before)
    yield _counted("this request", after)


def _ago(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _counted(title: str, turn: Turn) -> str:
    size = f"{title:<18}{len(turn.attempt.request_body):>12,} bytes"
    usage = turn.found.usage
    if usage is None or usage.input is None:
        return f"{size}  (its upstream counted nothing)"
    read = usage.cache_read or 0
    share = f" ({read / usage.input:.0%})" if usage.input else ""
    wrote = f", {usage.cache_write:,} written to it" if usage.cache_write else ""
    return f"{size}{usage.input:>12,} tokens in, {read:,} of them from the cache{share}{wrote}"


def _break(before: Turn, after: Turn, same: int) -> Break:
    return Break(
        before=before.prompt,
        after=after.prompt,
        same=same,
        was=(before.attempt.provider, before.attempt.model, before.attempt.credential),
        now=(after.attempt.provider, after.attempt.model, after.attempt.credential),
        usage_before=before.found.usage,
        usage_after=after.found.usage,
        gap=after.attempt.started - (before.attempt.ended or before.attempt.started),
    )


def _where(broken: Break) -> Iterator[str]:
    """The place of the first difference, and what stands there."""
    before, after, same = broken.before.stretches, broken.after.stretches, broken.same
    kept = sum(_size(one) for one in after[:same])
    total = sum(_size(one) for one in after)
    if same >= len(after):
        yield f"This prompt ends before {before[same].path} of the previous one: it was cut short."
        return
    old, new = before[same], after[same]
    row = next(differences(old.value, new.value, new.path), None)
    if row is None and old.role != new.role:
        row = Row(new.path, old.role, new.role)
    elif row is None:  # only the order of members differs
        row = Row(new.path, _text(old), _text(new))
    elif not new.path.endswith("]") and row.path == f"{new.path}.text":
        row = row._replace(path=new.path)  # it stands there as a text alone
    at = kept + _offset(old, new)
    yield f"The cache breaks at {row.path}"
    share = at / max(total, 1)
    yield f"  byte {at:,} of {total:,} ({share:.0%}) in the order in which the cache reads; all before it is the same"
    old_text, new_text = _span(row)
    yield f"  before  {old_text}"
    yield f"  now     {new_text}"


def _span(row: Row) -> tuple[str, str]:
    """Both values; of texts the stretch that differs with some words around it."""
    if not isinstance(row.before, str) or not isinstance(row.after, str):
        return shown(row.before, 100), shown(row.after, 100)
    at = prefix(row.before.encode(), row.after.encode())
    start = max(0, len(row.before.encode()[:at].decode(errors="ignore")) - 24)
    lead = "…" if start else ""
    texts = (row.before[start : start + 100], row.after[start : start + 100])
    ends = ("…" if len(row.before) > start + 100 else "", "…" if len(row.after) > start + 100 else "")
    return lead + repr(texts[0]) + ends[0], lead + repr(texts[1]) + ends[1]


def prefix(one: bytes, other: bytes) -> int:
    """How many bytes two texts have in common from their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _text(stretch: Stretch) -> str:
    return msgspec.json.encode(stretch.value).decode()


def _size(stretch: Stretch) -> int:
    return len(msgspec.json.encode(stretch.value))


def _offset(old: Stretch, new: Stretch) -> int:
    return prefix(msgspec.json.encode(old.value), msgspec.json.encode(new.value))


# --- what it cost, and what is new ----------------------------------------------------------------------------------


def _cost(broken: Break) -> Iterator[str]:
    before, after = broken.usage_before, broken.usage_after
    read = after.cache_read or 0 if after is not None else 0
    told = f"; the upstream read {read:,} from its cache" if after is not None else ""
    again = again_of(broken)
    if again:
        yield f"Cost: ≈ {again:,} tokens that the previous request had sent already were read anew{told}."
    elif _was_missed(broken) and before is not None:
        again = max(0, (before.input or 0) - read)
        yield f"Cost: {again:,} tokens that the previous request had sent already were read anew{told}."


def again_of(broken: Break) -> int:
    """About how many tokens of the previous prompt stand behind the break."""
    sizes = [_size(one) for one in broken.before.stretches]
    behind = sum(sizes[broken.same :])
    if not behind:
        return 0
    usage = broken.usage_before
    if usage is not None and usage.input:
        return round(usage.input * behind / sum(sizes))
    return sum(estimate(_text(one)) for one in broken.before.stretches[broken.same :])


def _was_read(broken: Break) -> bool:
    """Whether the upstream read most of the previous prompt from its cache."""
    before, after = broken.usage_before, broken.usage_after
    if before is None or after is None or not before.input:
        return False
    return (after.cache_read or 0) >= before.input // 2


def _was_missed(broken: Break) -> bool:
    """Whether it said that it did not."""
    usage, before = broken.usage_after, broken.usage_before
    counted = usage is not None and (usage.cache_read is not None or usage.cache_write is not None)
    return counted and before is not None and bool(before.input) and not _was_read(broken)


NEW = 12
"""Stretches that are listed of what is new."""


def _new(broken: Break) -> Iterator[str]:
    added = broken.after.stretches[broken.same :]
    if not added:
        yield "Nothing was added."
        return
    yield ""
    again = "from there on" if broken.same < len(broken.before.stretches) else "added"
    yield f"{again.capitalize()}: {len(added):,} stretch{'es' * (len(added) != 1)}"
    width = min(40, max(len(one.path) for one in added[:NEW]))
    for one in added[:NEW]:
        yield f"  {one.path:<{width}}  {one.role or one.section:<9}  {_gist(one.value)}"
    if len(added) > NEW:
        yield f"  … and {len(added) - NEW:,} more"


def _gist(value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return shown(value["text"], 70)
    return shown(value if value is not None else ABSENT, 70)
