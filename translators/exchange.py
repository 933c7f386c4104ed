"""One request and its reply, between a client's dialect and an upstream's.

`write` takes the request across; a *pump* takes the answer back, chunk by chunk:

    Pipe, Whole            another dialect, or another form (stream or whole): bytes → events → bytes  (pump.py)
    Relay, RelayedArray    the same dialect and a stream: bytes pass, watched                          (relay.py)

Until a pump is `committed` nothing it returned may be shown to the client, because the answer can still turn out to be
an error that another credential would not have given.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from translators import edit, unseal
from translators.dialect import Aim, Asked, Dialect, Outgoing
from translators.errors import Unreadable
from translators.fold import Fold
from translators.losses import Ledger
from translators.model import Reasoning, Request
from translators.names import ToolName
from translators.parts import Vendor
from translators.pump import Pipe, Pump, Whole
from translators.registry import BETWEEN
from translators.relay import Relay, RelayedArray
from translators.turning import Turning


def write(
    request: Request | None,
    body: bytes,
    client: Dialect,
    upstream: Dialect,
    aim: Aim,
    ledger: Ledger,
    override: Reasoning | None = None,
) -> Outgoing:
    """Make the upstream's request of the client's.

    The same dialect (or a variant that takes its bodies as they are): `body` with the model's name changed, and
    `override` (a thinking suffix) put in. Otherwise `request` in the upstream's words. Raises Unreadable or Unwritable.
    """
    change = BETWEEN.get((client.name, upstream.name))
    if upstream.passes(client.name) and change is None:
        changed = _placed(body, client, ledger)
        if override:
            changed = edit.set_reasoning(changed, override, client, aim, ledger)
        if client.model_in_body:
            changed = edit.set_model(changed, aim.model)
        return Outgoing(changed)
    if request is None:
        raise Unreadable("the request was not read")
    if override is not None:
        request = replace(request, reasoning=override)
    if change is not None and change.request is not None:
        request = change.request(request, aim, ledger)
    outgoing = upstream.write_request(request, aim, ledger)
    return outgoing if change is None or change.outgoing is None else change.outgoing(outgoing, aim, ledger)


def _placed(body: bytes, dialect: Dialect, ledger: Ledger) -> bytes:
    """A body to be passed on, without what only another vendor can open: the client got it while that one answered."""
    if dialect.unseal is None or not unseal.may_be_misplaced(body, dialect.vendor):
        return body
    changed, paths = dialect.unseal(body, lambda data, _: unseal.misplaced(data, dialect.vendor))
    for path in paths:
        ledger.lose(path, "a seal of another vendor")
    return changed


def pump(
    client: Dialect,
    upstream: Dialect,
    asked: Asked,
    tools: dict[str, ToolName],
    *,
    streamed: bool,
    vendor: Vendor = "",
    model: str = "",
    account: str = "",
    stops: Sequence[str] = (),
    wrapped: bool = False,
) -> Pump:
    """The pump for an answer. `streamed`: the upstream answers with a stream (its content type says so).

    vendor: whose seals these are, where the upstream is not the dialect's own vendor; model, account: as in Aim. A
    client of the upstream's own dialect gets seals as they are. tools, stops, wrapped: what writing the request left to
    be done (Outgoing).
    """
    change = BETWEEN.get((client.name, upstream.name))
    if upstream.passing is not None and upstream.passes(client.name) and change is None:
        return upstream.passing(client, asked, streamed)
    if client is upstream and streamed and asked.stream and change is None and not (tools or stops or wrapped):
        return RelayedArray(client, asked) if asked.array else Relay(client, asked)
    events = change.events() if change and change.events else None
    if client is upstream:
        turning = Turning(tools, upstream.vendor, change=events, stops=stops, wrapped=wrapped)
    else:
        turning = Turning(tools, upstream.vendor, vendor, events, model, account, stops=stops, wrapped=wrapped)
    if not asked.stream:
        return Whole(client, upstream, asked, turning, streamed=streamed)
    return Pipe(client, upstream, asked, turning, None if client.carries_seals else Fold())
