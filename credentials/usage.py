"""What each credential was used for, a day and a model at a time. Pure: days are dates, times are arguments.

    uses of one day on the disk:   {"version": 1, "day": "2026-11-20", "fields": ["requests", …],
                                    "counts": {"claude-ana.json": {"claude-opus-4-5": [12, 1, 90210, …]}}}

Each attempt of an exchange is one use, also one that failed. Counts only grow, so two processes that count side by
side add what they have counted to what the file says.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

from translators.model import Usage

VERSION = 1


class Use(NamedTuple):
    """One attempt: at, in unix seconds; of which credential (its id) and upstream model; for whom (the caller's name,
    "" unknown). usage: what the upstream said it took, None if it said nothing.
    """

    at: float
    credential: str
    provider: str
    model: str
    caller: str = ""
    failed: bool = False
    usage: Usage | None = None


@dataclass(slots=True)
class Count:
    """Attempts, and tokens. input has cached in it, output has thinking in it, as in `model.Usage`."""

    requests: int = 0
    failed: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    thinking: int = 0

    def add(self, other: "Count") -> None:
        """Add another count to this one."""
        for name in FIELDS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


FIELDS = tuple(field.name for field in fields(Count))


def count_of(use: Use) -> Count:
    """One use as a count."""
    usage = use.usage or Usage()
    tokens = (usage.input or 0, usage.output or 0, usage.cache_read or 0, usage.thinking or 0)
    return Count(1, int(use.failed), *tokens)


class Counts:
    """Counts by credential and upstream model."""

    def __init__(self) -> None:
        self._by: dict[tuple[str, str], Count] = {}

    def __bool__(self) -> bool:
        return bool(self._by)

    def __iter__(self) -> Iterator[tuple[str, str, Count]]:
        """Every (credential, model, count)."""
        return ((credential, model, count) for (credential, model), count in self._by.items())

    def use(self, use: Use) -> None:
        """Count an attempt."""
        self.put(use.credential, use.model, count_of(use))

    def put(self, credential: str, model: str, count: Count) -> None:
        """Add a count to what is there."""
        there = self._by.get((credential, model))
        if there is None:
            there = self._by[credential, model] = Count()
        there.add(count)

    def merge(self, others: Iterable[tuple[str, str, Count]]) -> None:
        """Add many."""
        for credential, model, count in others:
            self.put(credential, model, count)

    def totals(self) -> dict[str, Count]:
        """All models together, by credential."""
        found: dict[str, Count] = {}
        for identifier, _, count in self:
            found.setdefault(identifier, Count()).add(count)
        return found

    def plain(self, day: str) -> dict[str, Any]:
        """As it stands in the file of a day."""
        counts: dict[str, dict[str, list[int]]] = {}
        for credential, model, count in self:
            counts.setdefault(credential, {})[model] = list(astuple(count))
        return {"version": VERSION, "day": day, "fields": list(FIELDS), "counts": counts}


def read_counts(body: object) -> Counts:
    """What a file says. Never raises: what is no count is left out; fields that are not known are, too."""
    found = Counts()
    said = body if isinstance(body, dict) else {}
    names, counts = said.get("fields"), said.get("counts")
    if not isinstance(names, list) or not isinstance(counts, dict):
        return found
    for credential, models in counts.items():
        for model, numbers in models.items() if isinstance(models, Mapping) else ():
            if isinstance(numbers, list):
                known = {name: number for name, number in zip(names, numbers, strict=False) if name in FIELDS}
                found.put(credential, model, Count(**{name: _whole(number) for name, number in known.items()}))
    return found


def day_of(at: float) -> str:
    """The day of a time where this machine is, as `2026-11-20`."""
    return datetime.fromtimestamp(at).astimezone().date().isoformat()


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
