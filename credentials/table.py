"""The lines of accounts as a table for people: aligned, as wide as there is room, the important columns first. Pure.

account              provider  state             quota              today        tokens        last error
ana@example.com      claude    ready             5 h 42% · 7 d 10%  12, 1 failed  90 k → 4.1 k  3 min ago upstream 429 …
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from credentials.overview import Line

GAP = "  "
_COLOURS = {"ready": "32", "cooling": "33", "expired": "33", "invalid": "31", "disabled": "2", "unserved": "35"}
LEAST = 24
"""Characters without which a last error tells nothing."""
WIDE = 40
"""A name is cut beyond it, where there is not room for everything."""


@dataclass(frozen=True, slots=True)
class Column:
    """weight: the heaviest stay when there is no room for all."""

    title: str
    weight: int
    text: Callable[[Line, float], str]


def table(lines: Sequence[Line], now: float, width: int, *, colour: bool = False) -> list[str]:
    """The table, and below it what a person can do. width: in characters; 0 as wide as it likes."""
    if not lines:
        return ["No accounts yet: scripts/login PROVIDER, or a key in the config."]
    columns = _fitting(lines, now, width)
    cells = [[column.text(line, now) for column in columns] for line in lines]
    wide = [max(len(column.title), *(len(row[place]) for row in cells)) for place, column in enumerate(columns)]
    _narrow(columns, wide, width)
    shown = [_row([column.title for column in columns], wide)]
    for line, row in zip(lines, cells, strict=True):
        text = _row(row, wide)
        shown.append(_painted(text, columns, wide, line.state) if colour else text)
    todo = [(f"{line.provider} {line.name}", said) for line in lines if (said := _todo(line))]
    return [*shown, *_advice(todo)]


def _fitting(lines: Sequence[Line], now: float, width: int) -> list[Column]:
    """The columns that have something to say and for which there is room."""
    columns = [each for each in COLUMNS if each.weight >= 90 or any(each.text(line, now) for line in lines)]
    while width and len(columns) > 2:
        if sum(_least(column, lines, now) for column in columns) + len(GAP) * (len(columns) - 1) <= width:
            break
        columns.remove(min(columns, key=lambda column: column.weight))
    return columns


def _least(column: Column, lines: Sequence[Line], now: float) -> int:
    natural = max(len(column.title), *(len(column.text(line, now)) for line in lines))
    return min(natural, LEAST if column is ERROR else WIDE if column is ACCOUNT else natural)


def _narrow(columns: Sequence[Column], wide: list[int], width: int) -> None:
    """Take from the columns that can be cut what is too much for the width."""
    for cut, least in ((ERROR, LEAST), (ACCOUNT, WIDE), (STATE, 8), (ACCOUNT, 8)):
        over = sum(wide) + len(GAP) * (len(wide) - 1) - width
        if width and over > 0 and cut in columns:
            place = columns.index(cut)
            wide[place] = max(min(least, wide[place]), wide[place] - over)


def _row(cells: Sequence[str], wide: Sequence[int]) -> str:
    return GAP.join(f"{_cut(cell, size):<{size}}" for cell, size in zip(cells, wide, strict=True)).rstrip()


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[: size - 1]}…"


def _painted(text: str, columns: Sequence[Column], wide: Sequence[int], state: str) -> str:
    place = columns.index(STATE)
    begin = sum(wide[:place]) + len(GAP) * place
    end = min(begin + wide[place], len(text))
    return f"{text[:begin]}\x1b[{_COLOURS.get(state, '0')}m{text[begin:end]}\x1b[0m{text[end:]}"


# --- what columns say -----------------------------------------------------------------------------------------------


def _state(line: Line, now: float) -> str:
    if line.state == "cooling":
        return f"cooling {span(line.until - now)}" + (f" ({line.why})" if line.why else "")
    if line.resting:
        first = min(until for _, _, until in line.resting)
        number = len(line.resting)
        return f"ready, {number} model{'' if number == 1 else 's'} cooling {span(first - now)}"
    return "expired (renews itself)" if line.state == "expired" and line.renewable else line.state


def _quota(line: Line, now: float) -> str:
    """Windows with the use of each; of one that has begun anew since it was told, nothing is known any more."""
    told = [
        f"{each.name} {each.used:.0%}"
        + (f" to {span(each.reset - now)}" if each.used >= 0.8 and each.reset > now else "")
        for each in line.windows
        if not each.reset or each.reset > now
    ]
    if not told and line.reset > now:
        return f"resets in {span(line.reset - now)}"
    return " · ".join(told)


def _requests(line: Line, _now: float) -> str:
    count = line.today
    if not count.requests:
        return "–"
    return f"{count.requests:,}" + (f", {count.failed:,} failed" if count.failed else "")


def _tokens(line: Line, _now: float) -> str:
    count = line.today
    if not (count.input or count.output):
        return ""
    cached = f" ({count.cached / count.input:.0%} cached)" if count.cached and count.input else ""
    return f"{short(count.input)}{cached} → {short(count.output)}"


def _error(line: Line, now: float) -> str:
    if line.error is None:
        return ""
    status = f" {line.error.status}" if line.error.status else f" {line.error.kind}" if line.error.kind else ""
    return f"{span(now - line.error.at)} ago {line.error.by}{status}: {line.error.text}"


ACCOUNT = Column("account", 100, lambda line, _now: line.name)
STATE = Column("state", 95, _state)
ERROR = Column("last error", 40, _error)
COLUMNS = (
    ACCOUNT,
    Column("provider", 90, lambda line, _now: line.provider),
    STATE,
    Column("plan", 30, lambda line, _now: line.plan),
    Column("quota", 70, _quota),
    Column("today", 60, _requests),
    Column("tokens", 50, _tokens),
    ERROR,
)


def _todo(line: Line) -> str:
    """What should be read in full: why a line is not ready, and what helps."""
    if line.todo or line.state in ("invalid", "unserved"):
        return ": ".join(filter(None, (line.why, line.todo)))
    return ""


def _advice(todo: Sequence[tuple[str, str]]) -> list[str]:
    if not todo:
        return []
    wide = max(len(name) for name, _ in todo)
    return ["", *(f"{name:<{wide}}{GAP}{said}" for name, said in todo)]


def span(seconds: float) -> str:
    """A span in its two largest units: `40 s`, `12 min`, `3 h 5 min`, `4 d 2 h`."""
    left = max(0, round(seconds))
    if left < 60:
        return f"{left} s"
    minutes = round(left / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def short(number: int) -> str:
    """A count of tokens: `900`, `4.1 k`, `90 k`, `1.2 M`."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            value = number / size
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return str(number)
