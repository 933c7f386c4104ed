"""The table of accounts: what pool, files, notes and counts say of each, in one line a credential. Pure.

a Row of the pool + the account's file + what was noted and counted  →  Line  →  text (credentials/table.py), JSON
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from credentials.account import Account
from credentials.lease import Row
from credentials.model import Credential
from credentials.notes import Note, Trouble
from credentials.usage import Count
from providers.quotas import Window

STATES = ("ready", "cooling", "expired", "invalid", "disabled", "unserved")
"""unserved: it could be used, but nobody can be served with it; the line says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One credential. name: what people call it. file: "" for a key of the config. why: of the state, in a few words;
    todo: what a person can do, "" nothing. renewable: an expired token is renewed when it is wanted. until: the end of
    a rest, reset: of the window behind it, unix seconds, 0 for none. resting: models that rest while others do not,
    with their reason and end.
    """

    id: str
    name: str
    provider: str
    file: str
    state: str
    why: str = ""
    todo: str = ""
    renewable: bool = False
    until: float = 0.0
    reset: float = 0.0
    plan: str = ""
    windows: tuple[Window, ...] = ()
    seen: float = 0.0
    answered: float = 0.0
    error: Trouble | None = None
    today: Count = field(default_factory=Count)
    resting: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """All that a table is made of. bad: files that cannot be used, with the reason. away: credentials of providers
    that are not served. notes, today: by the id of the credential.
    """

    credentials: Sequence[Credential]
    rows: Sequence[Row]
    accounts: Mapping[str, Account]
    bad: Mapping[str, str]
    away: Sequence[Credential]
    notes: Mapping[str, Note]
    today: Mapping[str, Count]


def lines_of(known: Known) -> list[Line]:
    """One line for each credential and for each file that cannot be used; by provider and name."""
    models: dict[str, list[Row]] = {}
    for row in known.rows:
        if row.model and row.state == "cooling":
            models.setdefault(row.id, []).append(row)
    by_id = {each.id: each for each in known.credentials}
    found = [
        _line(row, by_id[row.id], models.get(row.id, []), known)
        for row in known.rows
        if not row.model and row.id in by_id
    ]
    for each in known.away:
        state, why = ("disabled", "") if each.disabled else ("unserved", f"cliproxy does not serve {each.provider}")
        bare = Line(each.id, each.label, each.provider, _file_of(each), state, why)
        found.append(_told(bare, each, known))
    for name, why in known.bad.items():
        if name not in known.accounts:  # one that was good before stays in use
            found.append(Line(name, name.removesuffix(".json"), "?", name, "invalid", why, "mend it, or log in again"))
    same = Counter((line.provider, line.name) for line in found)
    clear = [line if same[line.provider, line.name] == 1 else _by_file(line) for line in found]
    return sorted(clear, key=lambda line: (line.provider, line.name.lower(), line.id))


def _by_file(line: Line) -> Line:
    """Of several that share a name: called by the file."""
    return replace(line, name=line.file.removesuffix(".json") or line.id)


def _line(row: Row, credential: Credential, models: Sequence[Row], known: Known) -> Line:
    file = _file_of(credential)
    line = Line(row.id, row.label, row.provider, file, row.state, row.reason, row.advice, until=row.until)
    line = replace(line, reset=row.reset, renewable=credential.renewable)
    if row.state in ("ready", "disabled", "expired"):
        line = replace(line, why="")  # of a rest that is over
    if row.state == "expired" and credential.renewable:
        line = replace(line, todo="")
    if row.state == "ready" and models:
        first = min(models, key=lambda each: each.until)
        if len(models) >= row.models:
            line = replace(line, state="cooling", why=first.reason, until=first.until, reset=first.reset)
        line = replace(line, resting=tuple((each.model, each.reason, each.until) for each in models))
    if file in known.bad:
        line = replace(line, todo=f"its file {known.bad[file]}; what it was before is in use")
    return _told(line, credential, known)


def _told(line: Line, credential: Credential, known: Known) -> Line:
    note, account = known.notes.get(line.id, Note()), known.accounts.get(line.file)
    return replace(
        line,
        plan=credential.facts.get("plan", "") or (plan_of(account) if account else ""),
        windows=note.windows,
        seen=note.seen,
        answered=note.answered,
        error=note.error,
        today=known.today.get(line.id, Count()),
    )


PLANS = ("plan", "plan_type", "subscription_type", "subscriptionType", "tier", "tier_id")
"""Members of files that name what is paid for, the first that is there."""


def plan_of(account: Account) -> str:
    """What the file says of the subscription; "" if it does not. Of Claude with the size of its limits: `max 20x`."""
    plan = account.text(*PLANS).removeprefix("claude_")
    size = account.text("rate_limit_tier", "rateLimitTier").rpartition("_")[2]
    return f"{plan} {size}" if plan and size.endswith("x") and size[:-1].isdigit() else plan


def _file_of(credential: Credential) -> str:
    return credential.source.removeprefix("file:") if credential.source.startswith("file:") else ""


def plain(lines: Iterable[Line], now: float) -> dict[str, Any]:
    """The lines as JSON has them. Times are unix seconds, 0 for none."""
    return {"version": 1, "at": now, "accounts": [_plain(line) for line in lines]}


def _plain(line: Line) -> dict[str, Any]:
    said = asdict(line)
    said["windows"] = [window._asdict() for window in line.windows]
    said["resting"] = [dict(zip(("model", "reason", "until"), each, strict=True)) for each in line.resting]
    return said
