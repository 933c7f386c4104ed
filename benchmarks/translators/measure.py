"""How it is measured: all ways in turn, round by round, in CPU time of this process; medians, and ratios of medians.

CPU time, because other programs on the machine shall not count. The collector is on, as it is in a server.
"""

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.translators.ways import Way

type Job = Callable[[Way], bytes | None]


class Row(NamedTuple):
    """One line: seconds for one unit, by way; a way that cannot do this is not in it."""

    name: str
    seconds: dict[str, float]


def measure(name: str, ways: list[Way], job: Job, units: float, rounds: int) -> Row:
    """Do `job` with every way in turn. `units`: what the time is divided by (events, megabytes)."""
    able = [way for way in ways if job(way) is not None]  # also warms up
    found: dict[str, list[float]] = {way.name: [] for way in able}
    for _ in range(rounds):
        for way in able:
            began = time.process_time()
            job(way)
            found[way.name].append((time.process_time() - began) / units)
    return Row(name, {way: statistics.median(several) for way, several in found.items()})


def print_rows(title: str, rows: list[Row], ways: list[Way], scale: float, yard: str = "cliproxy") -> None:
    """A table: a column for each way, and (`…/`) what each of the others is to cliproxy."""
    others = [way.name for way in ways if way.name != yard]
    width = max([len(row.name) for row in rows] + [30]) + 2
    print(f"\n{title}")
    print(
        " " * (width + 2)
        + "".join(f"{way.name:>14}" for way in ways)
        + "".join(f"{other + '/':>14}" for other in others)
    )
    for row in [*rows, *([_middle(rows)] if len(rows) > 2 else [])]:
        line = f"  {row.name:<{width}}"
        for way in ways:
            seconds = row.seconds.get(way.name)
            line += f"{seconds * scale:>14,.2f}" if seconds is not None else f"{'-':>14}"
        for other in others:
            seconds = row.seconds.get(other)
            line += f"{seconds / row.seconds[yard]:>13.1f}x" if seconds is not None else f"{'-':>14}"
        print(line, flush=True)


def _middle(rows: list[Row]) -> Row:
    """The median of each column."""
    columns: dict[str, list[float]] = {}
    for row in rows:
        for way, seconds in row.seconds.items():
            columns.setdefault(way, []).append(seconds)
    return Row("median", {way: statistics.median(several) for way, several in columns.items()})


def peak(job: Callable[[], object]) -> int:
    """Bytes allocated at the peak of a job, beyond what was there before."""
    job()
    tracemalloc.start()
    try:
        job()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
