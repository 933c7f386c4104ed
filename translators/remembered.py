"""Schemas that were rewritten before: a client sends the same tools with every request of a conversation."""

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import Any, Concatenate

from msgspec import Raw

from translators.errors import Unreadable
from translators.losses import Applied, Ledger, Loss

_MOST = 1024
_LARGEST = 16 * 1024
"""Schemas of one kind of rewriting, and bytes of each: 32 MB at the very most, a few hundred kB as a rule."""
_HERE = "\0"  # stands for the schema's place: the same tool may stand elsewhere the next time


def remembered[**P](
    rewrite: Callable[Concatenate[Raw, Ledger, str, P], Raw],
) -> Callable[Concatenate[Raw, Ledger, str, P], Raw]:
    """Let a pure rewriting of a schema (raw, ledger, path, …) do its work once for each schema.

    The ledger is told the same every time, with the path of that time. What raises is not remembered.
    """

    @lru_cache(_MOST)
    def once(raw: bytes, args: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> _Rewritten:
        ledger = Ledger()
        written = rewrite(Raw(raw), ledger, _HERE, *args, **dict(named))
        return written, tuple(ledger.losses), tuple(ledger.applied)

    def again(raw: Raw, ledger: Ledger, path: str, /, *args: P.args, **named: P.kwargs) -> Raw:
        schema = bytes(raw)
        if len(schema) > _LARGEST:
            return rewrite(raw, ledger, path, *args, **named)
        try:
            written, losses, applied = once(schema, args, tuple(named.items()))
        except Unreadable:
            return rewrite(raw, ledger, path, *args, **named)  # the same again, and it says where
        for loss in losses:
            ledger.lose(loss.path.replace(_HERE, path, 1), loss.reason, semantic=loss.semantic)
        for change in applied:
            ledger.apply(change.rule, change.path.replace(_HERE, path, 1), change.to.replace(_HERE, path, 1))
        return written

    return update_wrapper(again, rewrite)


type _Rewritten = tuple[Raw, tuple[Loss, ...], tuple[Applied, ...]]
