"""The conversation of a request as text: what it is, what its context is made of, and what is said in it."""

from collections.abc import Iterator

from addons.inspection.anatomy import anatomy, table
from addons.inspection.spoken import Spoken
from addons.inspection.transcript import Transcript, lines, transcript
from addons.inspection.trimming import left_out
from translators.model import Request

WIDTH = 110
"""Characters of a line of settings."""
UNREAD = 12
"""Fields that are listed of those nobody reads."""


def conversation(said: Spoken, body: bytes, counted: int | None = None, cached: int | None = None) -> str:
    """A request for people. counted, cached: the tokens of the prompt as its upstream told them. Never raises.

    What cannot be read is shown as what it is, with the reason.
    """
    if said.request is None:
        return "\n".join(_as_it_is(said, body))
    told = transcript(said.request)
    parts = [*_head(said, told), "", *table(anatomy(said.request), counted, cached), *lines(told)]
    if said.lost:
        parts += ["", f"── not read here ({len(said.lost)}) ──"]
        parts += [f"{path}  {reason}" for path, reason in said.lost[:UNREAD]]
        if len(said.lost) > UNREAD:
            parts.append(f"… and {len(said.lost) - UNREAD:,} more")
    return "\n".join(parts)


def _head(said: Spoken, told: Transcript) -> Iterator[str]:
    request = said.request
    assert request is not None
    yield (
        f"{said.dialect} · {told.model or 'no model named'} · {'streamed' if request.stream else 'whole'} · "
        + _sizes(request)
    )
    line = ""
    for name, value in told.settings:
        one = f"{name} {value}"
        if line and len(line) + len(one) > WIDTH:
            yield line
            line = one
        else:
            line = f"{line} · {one}" if line else one
    if line:
        yield line


def _sizes(request: Request) -> str:
    turns, tools = len(request.turns), len(request.tools)
    return f"{turns:,} turn{'s' * (turns != 1)}" + (f" · {tools:,} tool{'s' * (tools != 1)}" if tools else "")


SHOWN = 20_000
"""Characters of a body that cannot be read."""


def _as_it_is(said: Spoken, body: bytes) -> Iterator[str]:
    missing = left_out(body)
    yield f"Of this request {missing:,} bytes were not kept: it cannot be read." if missing else said.trouble
    if not body:
        return
    yield f"its {len(body):,} bytes as they are:"
    yield ""
    yield body[:SHOWN].decode(errors="replace")
    if len(body) > SHOWN:
        yield f"[… {len(body) - SHOWN:,} bytes not shown …]"
