"""Writes docs/failures.md from the table in credentials/outcomes.py.

python scripts/lib/failure_table.py            # write it
python scripts/lib/failure_table.py --check    # status 1 if it is not what would be written
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from credentials.outcomes import HALF_HOUR, TABLE, TRANSIENT, Cool, Row, Verdict

PAGE = ROOT / "docs" / "failures.md"
HEAD = f"""# What a failure means

Made by `scripts/lib/failure_table.py` from `credentials/outcomes.py`: change it there.

The first row that fits decides; all of its conditions must hold. What fits none is taken for passing (`{{last}}`).
No rest is longer than {HALF_HOUR / 60:.0f} minutes: after that one request finds out. It holds for the pair of
credential and model unless it says *whole credential*.

| when | then | rest | why |
|---|---|---|---|
"""


def page() -> str:
    """The whole document."""
    rows = (f"| {when(row)} | {then(row.verdict)} | {rest(row.verdict)} | {row.why} |" for row in TABLE)
    return HEAD.format(last=TRANSIENT.reason) + "\n".join(rows) + "\n"


def when(row: Row) -> str:
    """The conditions of a row."""
    found = [
        _among("operation", row.operations),
        _among("kind", row.kinds),
        _among("status", {str(status) for status in row.statuses}),
        _among("code", row.codes),
    ]
    if row.text:
        found.append("says `" + row.text.pattern.replace("|", "\\|") + "`")
    if row.hinted is not None:
        found.append("the upstream said how long" if row.hinted else "the upstream did not say how long")
    return "; ".join(filter(None, found))


def then(verdict: Verdict) -> str:
    """What happens to the request."""
    steps = []
    if verdict.refresh:
        steps.append("renew its token, once")
    if verdict.unseal:
        steps.append("once more without reasoning of finished turns, once more without any")
    if verdict.rotate:
        steps.append("next credential")
    if verdict.other_kind:
        steps.append("next credential of another kind")
    if verdict.again:
        steps.append("more rounds")
    return f"`{verdict.reason}`: {', then '.join(steps) or 'answer the client'}"


def rest(verdict: Verdict) -> str:
    """How long the credential rests."""
    if verdict.cool is None:
        return "none"
    scope = ", whole credential" if verdict.scope == "credential" else ""
    return _time(verdict.cool) + scope


def _time(cool: Cool) -> str:
    ways = ["as the upstream says"] if cool.hint else []
    if cool.seconds:
        ways.append(_seconds(cool.seconds))
    elif cool.transient:
        ways.append("`transient-error-cooldown-seconds`")
    elif cool.backoff:
        ways.append("1 s, doubling")
    limits = [f"at least {_seconds(cool.floor)}"] if cool.floor else []
    limits += [f"at most {_seconds(cool.cap)}"] if cool.cap < HALF_HOUR else []
    limits += [f"from failure {cool.after} in a row"] if cool.after > 1 else []
    limits += ["also with `disable-cooling`"] if cool.always else []
    return ", else ".join(ways) + "".join(f", {limit}" for limit in limits)


def _among(name: str, values: frozenset[str] | set[str]) -> str:
    return f"{name} {', '.join(f'`{value}`' for value in sorted(values))}" if values else ""


def _seconds(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        return 0 if PAGE.is_file() and PAGE.read_text() == page() else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
