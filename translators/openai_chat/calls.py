"""The tool calls of one choice while they come in, piece by piece and perhaps side by side."""

from typing import TYPE_CHECKING, Literal

import msgspec

from translators.events import ArgumentsDelta, BlockClosed, BlockOpened, Event, Sealed
from translators.halves import join_halves
from translators.openai_chat.messages import arguments_text, google_seal
from translators.openai_chat.wire import Call, Function
from translators.parts import Seal

if TYPE_CHECKING:
    from translators.openai_chat.assembly import Assembly

LEGACY = -1
"""The key of a legacy function_call, of which a choice has one at most."""


class _Held:
    """A call. `block` is −1 until it is opened, `closed` when nothing more may come."""

    def __init__(self, form: Literal["json", "text"]) -> None:
        self.form: Literal["json", "text"] = form
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []
        self.seal: Seal | None = None
        self.block = -1
        self.closed = False
        self.half = ""

    def begun(self) -> bool:
        """Whether its arguments have begun and are not complete."""
        return bool(self.pieces) and not self.whole()

    def whole(self) -> bool:
        """Whether the arguments are complete JSON. Free text never tells."""
        if self.form == "text":
            return False
        text = "".join(self.pieces).strip()
        return text[-1:] in ("}", "]") and _decodes(text)


class Calls:
    """Pieces of calls → blocks. Keys are the upstream's indexes, or made up where it sends none."""

    def __init__(self, candidate: int, assembly: "Assembly") -> None:
        self._candidate = candidate
        self._assembly = assembly
        self._held: dict[int, _Held] = {}
        self._all: list[_Held] = []
        self._last: _Held | None = None
        self.nameless = False

    def any(self) -> bool:
        """Whether there is a call."""
        return bool(self._all)

    def take(self, piece: Call, out: list[Event]) -> None:
        """Read a piece: its id and name if they are news, then its arguments."""
        if piece.id is None and self._more(piece, out):
            return
        custom = piece.custom if piece.type == "custom" or piece.function is None else None  # some hosts send both
        function = piece.function
        name = (custom.name if custom is not None else function.name if function is not None else None) or ""
        call = self._find(piece, name, "text" if custom is not None else "json", out)
        if call is None:
            return
        if piece.id and not call.id:
            call.id = piece.id
        self._name(call, name)
        if piece.extra_content is not None:
            call.seal = google_seal(piece.extra_content) or call.seal
        text = (custom.input or "") if custom is not None else arguments_text(function) if function is not None else ""
        self._argue(call, text, out)

    def _more(self, piece: Call, out: list[Event]) -> bool:
        """Whether this was nothing but more arguments of an open call, as nearly every piece is."""
        function = piece.function
        if function is None or function.name is not None or piece.index is None:
            return False
        call = self._held.get(piece.index)
        if call is None or call.block < 0 or piece.custom is not None or piece.extra_content is not None:
            return False
        self._argue(call, arguments_text(function), out)
        return True

    def take_legacy(self, function: Function, out: list[Event]) -> None:
        """Read a piece of a legacy function_call, which has no id."""
        text = arguments_text(function)
        call = self._held.get(LEGACY)
        if call is None:
            if not function.name and not text:
                return
            call = self._new(LEGACY, "json", out)
        self._name(call, function.name or "")
        if call.name and not call.id:
            call.id = self._assembly.call_id(len(self._all) - 1, call.name)
        self._argue(call, text, out)

    def _find(self, piece: Call, name: str, form: Literal["json", "text"], out: list[Event]) -> _Held | None:
        """The call a piece belongs to: by index, else by id, else the last one."""
        index = piece.index
        if index is None:
            last = self._last
            if not piece.id and last is not None and (not name or (name == last.name and last.begun())):
                return last
            known = next((call for call in self._all if piece.id and call.id == piece.id), None)
            return known or self._new(max(self._held, default=-1) + 1, form, out)
        call = self._held.get(index)
        if call is None:
            empty = not piece.id and not name and piece.function is None and piece.custom is None
            return None if empty else self._new(index, form, out)
        if piece.id and call.id and piece.id != call.id and name and (call.whole() or not call.pieces):
            return self._new(index, form, out)  # a host that gives every call the index 0
        return call

    def _new(self, key: int, form: Literal["json", "text"], out: list[Event]) -> _Held:
        self.settle(out)
        call = _Held(form)
        self._held[key] = call
        self._all.append(call)
        self._last = call
        return call

    def _name(self, call: _Held, name: str) -> None:
        """Names may come in pieces until the arguments begin; the same name once more is no piece."""
        if name and not call.pieces and name != call.name:
            call.name += name

    def _argue(self, call: _Held, text: str, out: list[Event]) -> None:
        if not text or call.closed:
            return
        if self._assembly.torn:
            text, call.half = join_halves(call.half + text)
        call.pieces.append(text)
        if call.block >= 0:
            out.append(ArgumentsDelta(call.block, text))
        elif call.id and call.name:
            self._open(call, out)

    def _open(self, call: _Held, out: list[Event]) -> None:
        self._assembly.close_block(self._candidate, out)
        if not call.id:
            call.id = self._assembly.call_id(self._all.index(call), call.name)
        call.block = self._assembly.number()
        out.append(
            BlockOpened(call.block, "tool", call.id, call.name, call.form, seal=call.seal, candidate=self._candidate)
        )
        if call.pieces:
            out.append(ArgumentsDelta(call.block, "".join(call.pieces)))

    def seal(self, seal: Seal, out: list[Event]) -> None:
        """A signature that stands on the message belongs to the first call, if that has none and may still take it."""
        call = self._all[0]
        if call.block < 0:
            call.seal = call.seal or seal
        elif call.seal is None and not call.closed:
            out.append(Sealed(call.block, seal))

    def settle(self, out: list[Event]) -> None:
        """Something else begins: open calls that were held, close those whose arguments are complete."""
        for call in self._all:
            if call.closed:
                continue
            if call.block < 0 and call.id and call.name:
                self._open(call, out)
            if call.block >= 0 and call.whole():
                call.closed = True
                out.append(BlockClosed(call.block))

    def unfinished(self) -> bool:
        """Whether a call has begun arguments that are no complete JSON."""
        return any(call.form == "json" and call.pieces and not call.whole() for call in self._all)

    def close(self, out: list[Event], *, cut: bool) -> None:
        """The answer is over: open what was held, close everything. `cut`: arguments that are no JSON are, too."""
        for call in self._all:
            if call.closed:
                continue
            if call.block < 0:
                if not call.name:
                    self.nameless = self.nameless or bool(call.pieces or call.id)
                    continue
                self._open(call, out)
            call.closed = True
            complete = not cut or call.form == "text" or not call.pieces or call.whole()
            out.append(BlockClosed(call.block, complete))

    def abandon(self, out: list[Event]) -> None:
        """The answer broke: calls never opened stay unsaid."""
        for call in self._all:
            if call.block >= 0 and not call.closed:
                call.closed = True
                out.append(BlockClosed(call.block, complete=False))


def _decodes(text: str) -> bool:
    try:
        msgspec.json.decode(text.encode())
    except ValueError:
        return False
    return True
