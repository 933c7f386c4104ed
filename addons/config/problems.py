"""What can be wrong with a config file: where, how bad, and what would be right. Never the value itself: it may be
a secret that ended up in the wrong place."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]

# A name may be shown if it looks like a key of ours and not like one that opens a door.
_SHOWABLE = re.compile(r"(?!sk-|AIza|xai-|gsk_|ghp_)[A-Za-z][A-Za-z0-9_.-]{0,47}")


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in the file, both counted from 1; 0 is “the file as a whole”."""

    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. key: where in the tree (`claude-api-key[0].base-url`), "" for the file as a whole."""

    file: str
    line: int
    column: int
    key: str
    message: str
    severity: Severity

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        subject = f"{self.key}: " if self.key else ""
        return f"{where}: {self.severity}: {subject}{self.message}"


class Report:
    """Collects the problems of one reading of one file, and remembers where each key stood.

    places: key → where. kept: list → which of its items were used, counted from 0.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self.problems: list[Problem] = []
        self.places: dict[str, Place] = {}
        self.kept: dict[str, list[int]] = {}

    def item(self, key: str, number: int) -> str:
        """The key of the item that became `number` of a list, as it stands in the file: some may have been left out."""
        kept = self.kept.get(key, [])
        return f"{key}[{kept[number] if number < len(kept) else number}]"

    def error(self, key: str, message: str, place: Place | None = None) -> None:
        """Something that keeps the file from being used."""
        self._add(key, message, "error", place)

    def warn(self, key: str, message: str, place: Place | None = None) -> None:
        """Something that is probably not what was meant."""
        self._add(key, message, "warning", place)

    def _add(self, key: str, message: str, severity: Severity, place: Place | None) -> None:
        spot = place or self.places.get(key) or Place()
        self.problems.append(Problem(self._file, spot.line, spot.column, key, message, severity))

    @property
    def failed(self) -> bool:
        """True if there is an error among the problems."""
        return any(problem.severity == "error" for problem in self.problems)

    def sorted(self) -> tuple[Problem, ...]:
        """The problems in the order of the file; for one line, in the order found."""
        return tuple(sorted(self.problems, key=lambda problem: (problem.line, problem.column)))


def showable(name: str) -> str:
    """`name` if it can be shown, else an ellipsis."""
    return name if _SHOWABLE.fullmatch(name) else "…"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that `name` was probably meant to be, or ""."""
    plain = {other.lower().replace("-", "").replace("_", ""): other for other in known}
    wanted = name.lower().replace("-", "").replace("_", "")
    found = difflib.get_close_matches(wanted, plain, n=1, cutoff=0.7)
    return plain[found[0]] if found else ""


def listed(names: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    *some, end = names
    return f"{', '.join(some)} {last} {end}" if some else end
