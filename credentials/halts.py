"""Why a file's log-in is not renewed now: until a time, or for ever; void as soon as the file is another."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from credentials.account import Account
from credentials.due import MINUTE, renewable
from credentials.family import Found
from credentials.oauth.flow import Failed

FAILURE_PAUSE = 5 * MINUTE
"""After a refusal without a time, and the longest pause."""

SHORTEST_PAUSE = 5.0
"""After a failure to reach the server, doubling; and the least that is made of a server's `Retry-After`."""

UNMOVED_PAUSE = 30.0
"""After a renewal that did not move the expiry."""


class Refused(Exception):
    """No new token. The message is for people and holds no secret. why: what happened."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Dead(Refused):
    """Never again with what the file holds. advice: what to do."""

    def __init__(self, why: str, advice: str = "") -> None:
        super().__init__(why)
        self.advice = advice

    def __str__(self) -> str:
        return self.why if not self.advice or self.advice in self.why else f"{self.why}: {self.advice}"


class Later(Refused):
    """Not now. retry_after: seconds until it is worth another try."""

    def __init__(self, why: str, retry_after: float = SHORTEST_PAUSE) -> None:
        super().__init__(why)
        self.retry_after = retry_after


@dataclass(slots=True)
class _Halt:
    revision: str
    error: Refused
    until: float = float("inf")
    failures: int = 0


class Halts:
    """Of all files, by name. clock: unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._halts: dict[str, _Halt] = {}

    def of(self, name: str) -> Refused | None:
        """Why a file's log-in is not renewed now: Dead, Later; None if it can be."""
        halt = self._halts.get(name)
        return halt.error if halt is not None and self._in_force(halt) else None

    def revisions(self) -> dict[str, str]:
        """Of the files that are held now, by name: what was in them when they were given up."""
        return {name: halt.revision for name, halt in self._halts.items() if self._in_force(halt)}

    def end(self, name: str, revision: str = "") -> bool:
        """All is well again (for what was in the file then). False if nothing was held."""
        halt = self._halts.get(name)
        if halt is None or revision not in ("", halt.revision):
            return False
        del self._halts[name]
        return True

    def check(self, name: str, found: Found) -> None:
        """Raise why it is not to be tried now, if that was so for the same content."""
        halt = self._halts.get(name)
        if halt is not None and halt.revision != found.revision:
            del self._halts[name]
            halt = None
        if halt is not None and self._in_force(halt):
            left = halt.until - self._clock()
            raise Later(halt.error.why, left) if isinstance(halt.error, Later) else copy.copy(halt.error)
        if not renewable(found.account):
            dead = Dead(f"{name} holds nothing to renew it with", advice(found.account))
            self._halts[name] = _Halt(found.revision, dead)
            raise copy.copy(dead)

    def failed(self, name: str, found: Found, failed: Failed) -> Refused:
        """Book a failure. Gives what the callers get."""
        before = self._halts.get(name)
        failures = before.failures if before is not None else 0
        error: Refused
        if failed.dead:
            error, pause = Dead(str(failed), advice(found.account)), float("inf")
        else:
            pause = _pause(failed, failures)
            error = Later(str(failed), pause)
        self._halts[name] = _Halt(found.revision, error, self._clock() + pause, failures + 1)
        return copy.copy(error)

    def unmoved(self, name: str, revision: str) -> None:
        """A renewal that did not move the expiry."""
        error = Later(f"{name} was renewed a moment ago, and still ends when it did", UNMOVED_PAUSE)
        self._halts[name] = _Halt(revision, error, self._clock() + UNMOVED_PAUSE)

    def _in_force(self, halt: _Halt) -> bool:
        """Not over; nor further off than any pause is: then the clock was set back, and the time means nothing."""
        left = halt.until - self._clock()
        return 0 < left <= FAILURE_PAUSE or halt.until == float("inf")


def _pause(failed: Failed, failures: int) -> float:
    if failed.retry_after > 0:
        return min(max(failed.retry_after, SHORTEST_PAUSE), FAILURE_PAUSE)
    if failed.code == "unreachable":  # the machine has just woken up, or its network
        return min(SHORTEST_PAUSE * 2.0 ** min(failures, 10), FAILURE_PAUSE)
    return FAILURE_PAUSE


def advice(account: Account) -> str:
    """What a person can do about a log-in that has ended."""
    return f"log in again: scripts/login {account.provider}"
