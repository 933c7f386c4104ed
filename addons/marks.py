"""When bytes came: a bounded list of moments (seconds since the epoch, bytes so far)."""

from itertools import pairwise

type Moments = list[tuple[float, int]]

MOST = 512
"""Moments that are held; then those that stand close together go."""
FINEST = 0.001
"""Seconds. Chunks that come closer together than this are one."""


class Marks:
    """Notes when bytes came. Silences keep their true length: where one is longer than the interval below which chunks
    are taken together, the chunk before it is noted too. The interval doubles whenever there are too many.

    For the fastest way (see Tape.add) the owner itself looks at `due` and sets `latest`, for every chunk.
    """

    def __init__(self) -> None:
        self.interval = FINEST
        self.due = 0.0
        self.latest = (0.0, 0)
        self._noted: Moments = []

    def note(self, now: float, size: int) -> None:
        """A chunk came at or after `due`, and there are now `size` bytes."""
        if self._noted and self.latest[1] > self._noted[-1][1]:
            self._noted.append(self.latest)
        self._noted.append((now, size))
        self.due = now + self.interval
        while len(self._noted) >= MOST:
            self.interval *= 2
            self._noted = _apart(self._noted, self.interval)

    def moments(self) -> Moments:
        """What was noted, and the latest chunk."""
        if self._noted and self.latest[1] > self._noted[-1][1]:
            return [*self._noted, self.latest]
        return self._noted


def _apart(moments: Moments, interval: float) -> Moments:
    """Those that are as far apart as `interval`, with what stands at the begin of a silence."""
    kept, last = [moments[0]], moments[0][0]
    for this, following in pairwise(moments[1:]):
        at = this[0]
        if at - last >= interval or following[0] - at >= interval:
            kept.append(this)
            last = at
    return [*kept, moments[-1]]


def steps(moments: Moments, began: float) -> list[int]:
    """As plain data: milliseconds and bytes since the moment before, in turns; the first counts from `began`. Small
    numbers, of which many are alike, so that a thousand kept flows cost little.
    """
    found: list[int] = []
    ms, size = 0, 0
    for at, so_far in moments:
        now = max(round((at - began) * 1000), ms)  # the clock may have been set back
        found += (now - ms, so_far - size)
        ms, size = now, so_far
    return found
