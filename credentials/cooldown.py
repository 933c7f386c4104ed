"""The rest of a credential after a refusal, and who may be leased meanwhile.

Times are unix seconds and always come in as arguments. A Tier holds the credentials of one priority for one model
name; it knows at each moment which of them are awake, so that choosing costs the same with three credentials as with
thousands.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Literal

from credentials.model import Credential
from providers.catalog import Provider
from translators.dialect import Traits
from translators.model import Reasoning

type Strategy = Literal["round-robin", "fill-first", "weighted-round-robin"]


@dataclass(slots=True)
class Rest:
    """Why and how long a pair of credential and model, or a whole credential, is left alone.

    until: 0 for never. level: failures in a row, for one reason. window: the length of the rest, in seconds.
    probe: when the rest is over, one request alone finds out whether it is (each `window` again).
    reset: when the upstream says it will be over, which may be long after `until`; 0 unknown. since: the pool's
    count when it began; a lease older than that tells nothing about it.
    """

    until: float = 0.0
    level: int = 0
    window: float = 0.0
    reason: str = ""
    probe: bool = False
    hides: bool = False
    reset: float = 0.0
    since: int = 0

    def clear(self) -> None:
        """As if nothing had ever happened."""
        self.until, self.level, self.window, self.reason = 0.0, 0, 0.0, ""
        self.probe, self.hides, self.reset = False, False, 0.0


@dataclass(slots=True, eq=False)
class Entry:
    """A credential with one upstream model. `rest` is the pair's, `whole` the credential's, shared by its entries.

    asleep: not to be chosen. alarm: when the pool will look at it again.
    """

    key: str
    credential: Credential = field(repr=False)
    provider: Provider = field(repr=False)
    model: str
    traits: Traits = field(repr=False)
    reasoning: Reasoning | None
    rest: Rest
    whole: Rest
    seats: list[tuple["Tier", int]] = field(default_factory=list, repr=False)
    asleep: bool = False
    alarm: float = 0.0

    @property
    def until(self) -> float:
        """When neither rest is left; 0 if there was none."""
        return max(self.rest.until, self.whole.until)

    @property
    def resting(self) -> Rest:
        """The rest that ends last."""
        return self.whole if self.whole.until > self.rest.until else self.rest

    def sleep(self) -> None:
        """Take it out of the choice."""
        for tier, seat in self.seats:
            tier.sleep(seat, self.asleep)
        self.asleep = True

    def wake(self) -> None:
        """Give it back."""
        if self.asleep:
            self.asleep = False
            for tier, seat in self.seats:
                tier.wake(seat)


class Tier:
    """The entries of one priority for one name, in the order of choice."""

    def __init__(self, entries: Sequence[Entry], strategy: Strategy) -> None:
        self.entries = entries
        self.dialects = frozenset(dialect for entry in entries for dialect in entry.provider.spoken)
        self._steps = _steps(entries, strategy)
        self._weighted = bool(self._steps)
        self._turns = strategy == "round-robin"
        self._turn = 0
        self._awake = [seat for seat, entry in enumerate(entries) if not entry.asleep]
        self._earliest: Entry | None = None
        self._clock = 0.0
        self._passes: list[float] = []
        self._queue: list[tuple[float, int]] = []
        if self._weighted:
            self._passes = [begin for begin, _ in self._steps]
            self._queue = [(place, seat) for seat, place in enumerate(self._passes)]
            heapify(self._queue)
        self._queued = [self._weighted] * len(entries)
        for seat, entry in enumerate(entries):
            entry.seats.append((self, seat))

    def sleep(self, seat: int, already: bool) -> None:
        """An entry fell asleep, or sleeps longer than before."""
        self._earliest = None
        if not already:
            del self._awake[bisect_left(self._awake, seat)]

    def wake(self, seat: int) -> None:
        """An entry woke up."""
        self._earliest = None
        insort(self._awake, seat)
        if self._weighted and not self._queued[seat]:
            self._enqueue(seat)

    def pick(self, fits: Callable[[Entry], bool]) -> Entry | None:
        """The next entry that is awake and fits, by the strategy; None if there is none."""
        if not self._awake:
            return None
        if self._weighted:
            return self._pick_weighted(fits)
        count = len(self._awake)
        begin = bisect_left(self._awake, self._turn) if self._turns else 0
        for step in range(count):
            seat = self._awake[(begin + step) % count]
            if fits(self.entries[seat]):
                self._turn = seat + 1
                return self.entries[seat]
        return None

    def _pick_weighted(self, fits: Callable[[Entry], bool]) -> Entry | None:
        """Stride scheduling: each pick moves an entry on by 1 / weight, and the one furthest behind is next.

        The same shares as the smooth weighted algorithm, without looking at every entry for every pick.
        """
        passed_over: list[int] = []
        chosen: int | None = None
        while self._queue and chosen is None:
            place, seat = heappop(self._queue)
            self._queued[seat] = False
            entry = self.entries[seat]
            if entry.asleep:
                continue  # it queues again when it wakes
            if fits(entry):
                chosen = seat
                self._clock = max(self._clock, place)
                self._passes[seat] = self._clock + self._steps[seat][1]
            else:
                passed_over.append(seat)
        for seat in passed_over if chosen is None else [*passed_over, chosen]:
            self._enqueue(seat, self._passes[seat])
        return None if chosen is None else self.entries[chosen]

    def _enqueue(self, seat: int, place: float | None = None) -> None:
        """Queue up; who comes back from a rest does not get what was missed meanwhile."""
        self._passes[seat] = max(self._passes[seat], self._clock) if place is None else place
        self._queued[seat] = True
        heappush(self._queue, (self._passes[seat], seat))

    def earliest(self) -> Entry:
        """The entry that wakes first. Kept until someone falls asleep or wakes."""
        if self._earliest is None:
            self._earliest = min(self.entries, key=lambda entry: entry.until)
        return self._earliest


def _steps(entries: Sequence[Entry], strategy: Strategy) -> list[tuple[float, float]]:
    """Where each entry begins and how far a pick moves it on, where not all get the same; else nothing.

    Projects of several accounts share what each account gets, so that one with many projects is not asked more often.
    """
    if strategy == "weighted-round-robin":
        return [(0.5 / entry.credential.weight, 1.0 / entry.credential.weight) for entry in entries]
    projects = Counter(entry.credential.parent for entry in entries)
    if strategy != "round-robin" or "" in projects or len(projects) < 2:
        return []
    before: Counter[str] = Counter()
    steps = []
    for entry in entries:
        parent = entry.credential.parent
        steps.append((float(before[parent]), float(projects[parent])))
        before[parent] += 1
    return steps


KEPT: dict[str, type | tuple[type, ...]] = {
    "until": (int, float),
    "level": int,
    "window": (int, float),
    "reason": str,
    "probe": bool,
    "hides": bool,
    "reset": (int, float),
}
"""What of a rest a snapshot keeps, and the types it has there."""
