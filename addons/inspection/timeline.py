"""Every attempt of an exchange: who was asked when, what came of it, and who made which error."""

from collections.abc import Iterator

from addons.inspection.columns import columns
from addons.inspection.recorded import Recorded, RecordedAttempt
from addons.inspection.story import culprit
from translators.model import Failure

BAR = 80
"""Characters of the time bar."""
_TITLES = ("", "credential", "provider", "speaks", "model", "status", "asked", "first byte", "over")


def timeline(found: Recorded, now: float) -> str:
    """The attempts as a table with a time bar, then what is to be said of each. now: seconds since the epoch, up to
    which an exchange that is under way has lasted. Never raises.
    """
    return "\n".join([*_head(found), *_table(found, now), *_reasons(found), *_end(found)])


def _head(found: Recorded) -> Iterator[str]:
    asked = f" · client key {found.caller}" if found.caller else ""
    number = len(found.attempts)
    tried = f"{number} attempt{'s' * (number != 1)}" if number else "no attempt: nobody was asked"
    yield f"{found.client} {found.operation or ''} · {found.model or 'no model named'}{asked} · {tried}".replace(
        "  ", " "
    )


def _table(found: Recorded, now: float) -> Iterator[str]:
    if not found.attempts:
        return
    began = found.began or found.attempts[0].started
    ends = [_over(attempt) for attempt in found.attempts]
    if found.live:
        ends[-1] = max(now, began)
    ended = max([found.ended, *ends])
    rows: list[tuple[str, ...]] = [_TITLES]
    rows += [_row(attempt, began) for attempt in found.attempts]
    titles, *lines = columns(rows, right=(0, 5, 6, 7, 8))
    yield ""
    yield titles
    for attempt, over, line in zip(found.attempts, ends, lines, strict=True):
        yield line
        yield f"   {_bar(attempt, over, began, ended)}"  # under its line: beside it is no room
    yield f"   seconds since the request; the bar is {ended - began:.2f} s: ░ waits for the answer, █ the answer comes"


def _row(attempt: RecordedAttempt, began: float) -> tuple[str, ...]:
    status = str(attempt.status) if attempt.status else "none"
    return (
        str(attempt.number),
        attempt.credential,
        attempt.provider,
        attempt.dialect,
        attempt.model,
        status if attempt.failure is None or attempt.status >= 300 else f"{status} ✗",
        _at(attempt.started, began),
        _at(attempt.first_byte, began),
        _at(attempt.ended, began),
    )


def _at(moment: float, began: float) -> str:
    return f"{moment - began:.2f}" if moment else "–"


def _over(attempt: RecordedAttempt) -> float:
    last = attempt.started + attempt.marks[-1].ms / 1000 if attempt.marks else attempt.started
    return attempt.ended or max(last, attempt.first_byte)


def _bar(attempt: RecordedAttempt, end: float, began: float, ended: float) -> str:
    span = max(ended - began, 0.001)

    def place(moment: float) -> int:
        return min(max(round((moment - began) / span * BAR), 0), BAR)

    start, over = place(attempt.started), place(end)
    first = place(attempt.first_byte) if attempt.first_byte else over
    bar = "·" * start + "░" * (first - start) + "█" * (over - first)
    if over == start:
        bar = "·" * min(start, BAR - 1) + ("█" if attempt.first_byte else "░")
    return bar.ljust(BAR, "·")


def _reasons(found: Recorded) -> Iterator[str]:
    began, lines = found.began, list[tuple[float, str]]()
    for attempt in found.attempts:
        if attempt.failure is not None:
            rests = f"; for the credential that means: {attempt.verdict}" if attempt.verdict else ""
            when = _over(attempt)
            lines.append((when, f"attempt {attempt.number} failed, {_blame(attempt.failure, attempt)}{rests}"))
    lines += [(pause.began, f"waited for {pause.why}") for pause in found.pauses]
    if lines:
        yield ""
    for at, line in sorted(lines):
        yield f"{at - began:6.2f} s  {line}"


def _blame(failure: Failure, attempt: RecordedAttempt | None) -> str:
    """Who made an error, of which kind, and its words."""
    who = culprit(failure)
    if who == "upstream":
        provider = f" {attempt.provider}" if attempt is not None else ""
        named = (
            f"the upstream{provider} says" if failure.origin == "upstream" else f"no more from the upstream{provider}"
        )
    else:
        named = "cliproxy says" if who == "cliproxy" else "the client's fault"
    kind = f" ({failure.kind})" if failure.kind else ""
    return f"{named}{kind}: {' '.join(failure.message.split())}"


def _end(found: Recorded) -> Iterator[str]:
    yield ""
    size = f"{found.emitted_size:,} bytes"
    if found.refusal is not None:
        yield f"the client got an error, {found.status}: {_blame(found.refusal, found.last)}"
    elif found.live:
        yield f"under way: the client has got {size}"
    elif found.last is not None and found.last.failure is not None:
        yield f"the client got {size} and then an error inside the answer"
    elif found.error:
        yield f"the client got {size}; then: {found.error}"
    else:
        by = f" by {found.last.credential}" if found.last is not None else ""
        yield f"the client got status {found.status}, {size}, answered{by}"
