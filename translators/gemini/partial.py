"""Arguments that arrive in pieces, each with its place (`streamFunctionCallArguments` on Vertex)."""

import re
from typing import Any

import msgspec

from translators.gemini import wire
from translators.parts import Seal

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""")
_LONGEST = 100_000  # items of a list; a larger index is a mistake, not an argument


class PartialCall:
    """A call whose arguments are still being put together."""

    def __init__(self, call: wire.FunctionCall, seal: Seal | None) -> None:
        self.name = call.name or ""
        self.id = call.id or ""
        self.seal = seal
        self._tree: dict[str, Any] = {}

    def add(self, pieces: list[wire.PartialArg]) -> None:
        """Put pieces where they belong; a text that goes on is appended."""
        for piece in pieces:
            steps = [_step(found) for found in _STEP.finditer(piece.json_path)]
            if steps:
                self._put(steps, _value(piece))

    def arguments(self) -> str:
        """The arguments so far, as JSON."""
        return msgspec.json.encode(self._tree).decode()

    def _put(self, steps: list[str | int], value: Any) -> None:
        node: Any = self._tree
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            if not _fits(node, step):
                return
            if following is None:
                before = node[step]
                node[step] = before + value if isinstance(before, str) and isinstance(value, str) else value
                return
            if node[step] is None:
                node[step] = [] if isinstance(following, int) else {}
            node = node[step]


def _step(found: re.Match[str]) -> str | int:
    name, index, single, double = found.groups()
    return int(index) if index is not None else name or single or double or ""


def _fits(node: Any, step: str | int) -> bool:
    """Make room for `step` in `node`, if it can have one."""
    if isinstance(node, dict) and isinstance(step, str):
        node.setdefault(step, None)
        return True
    if isinstance(node, list) and isinstance(step, int) and step < _LONGEST:
        node.extend([None] * (step + 1 - len(node)))
        return True
    return False


def _value(piece: wire.PartialArg) -> Any:
    if piece.string_value is not None:
        return piece.string_value
    if (number := wire.given(piece.number_value)) is not None:
        return number
    return piece.bool_value
