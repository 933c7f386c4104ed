"""Puts back into a conversation what its client has no field for: answers as their upstream made them.

Chat clients drop extension fields, and with them every seal; their dialect has no order between reasoning, texts and
calls either. Whoever remembers answers (this module does not) keeps them by `key_of`, and `restore` exchanges a turn
for the remembered one where the client has not changed it: same calls, same arguments, same text, after the same words.
A turn that differs is the client's own, and gets nothing back.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec
from msgspec.structs import replace

from translators.losses import Ledger
from translators.model import Request
from translators.names import legal_id
from translators.parts import HostedCall, HostedResult, Part, Refusal, Text, Thinking, ToolCall, ToolResult, Turn

type Find = Callable[[str], list[Part] | None]


def worth_keeping(parts: list[Part]) -> bool:
    """Whether an answer holds anything that a client may lose."""
    return any(
        isinstance(part, HostedCall | HostedResult)
        or (isinstance(part, Thinking | Text | ToolCall) and part.seal is not None and bool(part.seal.data))
        for part in parts
    )


def key_of(scope: str, request: Request, parts: list[Part]) -> str:
    """The key of an answer to `request`. scope: who asked whom (caller, vendor, model)."""
    return _Keys(scope, request).key(request.turns, parts)


def restore(request: Request, scope: str, find: Find, ledger: Ledger) -> Request:
    """The request with its assistant turns as `find` remembers them; rule `remembered`."""
    keys = _Keys(scope, request)
    before: list[Turn] = []
    turns: list[Turn] = []
    for role, group in groupby(request.turns, key=lambda turn: turn.role):
        said = list(group)
        if role == "assistant":
            parts = [part for turn in said for part in turn.parts]
            kept = find(keys.key(before, parts))
            if kept is not None and _same(kept, parts):
                ledger.apply("remembered", said[0].at)
                turns.append(replace(said[0], parts=_placed(kept, parts, said[0].at)))
                before += said
                continue
        before += said
        turns += said
    return replace(request, turns=turns)


class _Keys:
    """Keys of one conversation, in its order: what came before is hashed once."""

    def __init__(self, scope: str, request: Request) -> None:
        self._scope = scope
        self._digest = hashlib.sha256()
        for word in _words(request.system):
            self._digest.update(word)
        self._hashed = 0

    def key(self, before: list[Turn], parts: list[Part]) -> str:
        """Calls are known by their ids and what was said last (ids may be made up, and repeat in another conversation);
        an answer without calls by its text and all that was said before."""
        for turn in before[self._hashed :]:
            self._digest.update(turn.role.encode() + b"\0")
            for word in _words(turn.parts):
                self._digest.update(word)
        self._hashed = len(before)
        calls = [_id(part) for part in parts if isinstance(part, ToolCall)]
        key = hashlib.sha256(self._scope.encode())
        if calls:
            last = [turn for turn in before[-8:] if turn.role == "user"]
            for word in _words(part for turn in last[-1:] for part in turn.parts):
                key.update(word)
            key.update("\0".join(calls).encode())
        else:
            key.update(self._digest.digest() + _text(parts).encode("utf-8", "surrogatepass"))
        return key.hexdigest()


def _words(parts: Iterable[Part]) -> Iterator[bytes]:
    """What parts say, without where they stand, cache marks, and reasoning (which clients echo or not)."""
    for part in parts:
        match part:
            case Text() | Refusal():
                yield b"t" + part.text.strip().encode("utf-8", "surrogatepass")
            case ToolCall():
                yield f"c{_id(part)}\0{part.name}".encode("utf-8", "surrogatepass")
            case ToolResult():
                yield b"r" + legal_id(part.call, "!-~", 40).encode()
                yield from _words(part.parts)
            case Thinking():
                pass
            case _:
                yield msgspec.json.encode(replace(part, at="", cache=None))


def _id(call: ToolCall) -> str:
    """A call's id as chat clients get it."""
    return legal_id(call.id, "!-~", 40)


def _text(parts: Iterable[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text | Refusal)).strip()


def _same(kept: list[Part], parts: list[Part]) -> bool:
    """Whether the client sends what it was given."""
    ours = [part for part in kept if isinstance(part, ToolCall)]
    theirs = [part for part in parts if isinstance(part, ToolCall)]
    return (
        _text(kept) == _text(parts)
        and [(_id(call), call.name) for call in ours] == [(_id(call), call.name) for call in theirs]
        and all(_value(one) == _value(other) for one, other in zip(ours, theirs, strict=True))
    )


def _value(call: ToolCall) -> Any:
    """Arguments as values: clients may write their JSON anew."""
    try:
        return msgspec.json.decode(call.arguments or "{}") if call.form == "json" else call.arguments
    except (msgspec.DecodeError, UnicodeEncodeError):
        return call.arguments


def _placed(kept: list[Part], parts: list[Part], at: str) -> list[Part]:
    """Remembered parts at their place in the client's body; calls under the client's ids, with its cache marks."""
    theirs = iter([part for part in parts if isinstance(part, ToolCall)])
    placed: list[Part] = []
    for part in kept:
        if isinstance(part, ToolCall):
            call = next(theirs)
            placed.append(replace(part, id=call.id, at=call.at, cache=call.cache))
        else:
            placed.append(replace(part, at=at))
    marks = [part.cache for part in parts if part.cache is not None and not isinstance(part, ToolCall)]
    last = next((index for index, part in reversed([*enumerate(placed)]) if isinstance(part, Text)), None)
    if marks and last is not None:
        placed[last] = replace(placed[last], cache=marks[-1])
    return placed
