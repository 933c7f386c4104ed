"""What a person says about an upstream's refusals (`request-scoped-errors`): it is the request's fault, go on or not.

{status: 403, match: ["content policy"], action: stop}
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from credentials.outcomes import TRANSIENT, Verdict
from translators.model import Failure

type Action = Literal["stop", "stop-and-cooldown", "continue", "continue-and-cooldown"]

ACTIONS: tuple[Action, ...] = ("stop", "stop-and-cooldown", "continue", "continue-and-cooldown")

BY_RULE = "rule"
"""The reason of a verdict that neither blames nor rests anybody, because a person said so."""

_READ = 16384
"""Characters of a refusal that are searched: it may be a whole page."""


class BadRule(ValueError):
    """A rule that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """Applies when the status is equal and one of the texts or patterns is in the refusal; with neither of them, the
    status alone decides.
    """

    status: int
    texts: tuple[str, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    action: Action = "stop"

    def fits(self, failure: Failure) -> bool:
        """Whether it is about this failure."""
        if failure.status != self.status:
            return False
        if not self.texts and not self.patterns:
            return True
        said = f"{failure.code} {failure.type} {failure.message}"[:_READ]
        if failure.details is not None:
            said += " " + bytes(failure.details)[:_READ].decode(errors="replace")
        return any(text in said for text in self.texts) or any(pattern.search(said) for pattern in self.patterns)


def rule(status: int, texts: Sequence[str], patterns: Sequence[str], action: str) -> ErrorRule:
    """A rule of what stands in a file. Raises BadRule."""
    meant = next((known for known in ACTIONS if known == action.strip().lower()), None)
    if meant is None:
        raise BadRule(f"action {action!r} is none of {', '.join(ACTIONS)}")
    try:
        compiled = tuple(re.compile(pattern) for pattern in patterns)
    except re.error as error:
        raise BadRule(f"the pattern {error.pattern!r} cannot be used: {error}") from error
    return ErrorRule(status, tuple(text for text in texts if text), compiled, meant)


def judged(verdict: Verdict, failure: Failure, rules: Sequence[ErrorRule]) -> Verdict:
    """The verdict on a failure, after what the first fitting rule says. What the client has done stays as it is."""
    if not rules or failure.origin != "upstream":
        return verdict
    found = next((each for each in rules if each.fits(failure)), None)
    if found is None:
        return verdict
    cool = (verdict.cool or TRANSIENT.cool) if found.action.endswith("-and-cooldown") else None
    return replace(
        verdict,
        reason=BY_RULE if cool is None else verdict.reason,
        rotate=found.action.startswith("continue"),
        cool=cool,
        scope=verdict.scope if cool is not None else "model",
        refresh=False,
        unseal=False,
        other_kind=False,
        keeps_session=cool is None,
        again=verdict.again and found.action.startswith("continue"),
        hides=verdict.hides and cool is not None,
    )
