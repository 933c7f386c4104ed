"""What a translation could not say, and what it changed: the ledger of one request.

Nothing is dropped in silence. A reader reports the fields of a body that nobody read (`unread`), a writer what its
dialect has no words for; a deliberate change is a named rule. `semantic` marks losses that change the answer (an
image, a
forced tool, an output schema): `strict: true` in the config refuses those with 400 before anything is sent.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct


class Loss(Struct, frozen=True):
    """`path` in the client's body, and why it is not upstream.

    Of an answer it is the place in the model (`blocks[2]`, `candidates[1]`, `usage.cache_write`), and why the client
    is not told.
    """

    path: str
    reason: str
    semantic: bool = False


class Applied(Struct, frozen=True):
    """A rule changed something: where it stood, the rule's name, and (if it moved) where it stands now."""

    path: str
    rule: str
    to: str = ""


class Ledger:
    """The losses and rules of one request, in the order they happened."""

    def __init__(self) -> None:
        self.losses: list[Loss] = []
        self.applied: list[Applied] = []

    def copy(self) -> "Ledger":
        """What was written so far, to be gone on with: a request is read once, and written once for each attempt."""
        ledger = Ledger()
        ledger.losses, ledger.applied = self.losses.copy(), self.applied.copy()
        return ledger

    def lose(self, path: str, reason: str, *, semantic: bool = False) -> None:
        """Record that what stood at `path` is not sent."""
        self.losses.append(Loss(path, reason, semantic))

    def semantic(self) -> list[Loss]:
        """The losses that change the answer."""
        return [loss for loss in self.losses if loss.semantic]

    def apply(self, rule: str, path: str, to: str = "") -> None:
        """Record that `rule` (a short fixed name, e.g. `system-in-the-middle`) changed what stood at `path`."""
        self.applied.append(Applied(path, rule, to))


CANDIDATES = "answers of this dialect have one candidate"
LOGPROBS = "no field for log probabilities"
CITATIONS = "this client knows no citation of this kind"
EXPLANATION = "no field for why it ended so"
CUT_CALL = "a call whose arguments were cut"
"""Why a client is not told, where several dialects say the same."""


def no_place(kind: str) -> str:
    """Why a block of an answer is not shown."""
    return f"no place for {kind.replace('_', ' ')} in an answer"


def unread(tree: Any, value: Any, at: str = "$") -> Iterator[str]:
    """Paths of the members of `tree` that the struct `value` has no field for.

    `tree` is the body as plain dicts and lists, `value` what msgspec decoded the same body to. Goes down as far
    as `value`
    is made of structs and lists; Raw, dict and scalar fields count as read.
    """
    if isinstance(value, Struct) and isinstance(tree, dict):
        names = _wire_names(type(value))
        for key, member in tree.items():
            name = names.get(key)
            if name is None:
                yield f"{at}.{key}"
            elif name and isinstance(member, dict | list):
                yield from unread(member, getattr(value, name), f"{at}.{key}")
    elif isinstance(value, list) and isinstance(tree, list):
        for index, (member, item) in enumerate(zip(tree, value, strict=False)):
            if isinstance(member, dict | list):
                yield from unread(member, item, f"{at}[{index}]")


_names: dict[type[Struct], dict[str, str]] = {}  # a cache of what never changes: class → its wire names


def _wire_names(cls: type[Struct]) -> dict[str, str]:
    """Wire name → attribute name; the tag field maps to ""."""
    found = _names.get(cls)
    if found is None:
        found = dict(zip(cls.__struct_encode_fields__, cls.__struct_fields__, strict=True))
        if cls.__struct_config__.tag_field:
            found.setdefault(cls.__struct_config__.tag_field, "")
        _names[cls] = found
    return found
