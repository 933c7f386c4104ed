"""Is a JSON value what a published type says? Judges plain values against the official SDKs' TypedDicts.

pydantic cannot do it for us: it leaves `Iterable[...]` (which the SDKs use for lists) unread. Unknown keys are
faults; so are missing required ones, wrong types and words outside a Literal.
"""

import collections.abc
import functools
import types
import typing
from typing import Any

import typing_extensions

LISTS = (list, collections.abc.Iterable, collections.abc.Sequence)
MAPS = (dict, collections.abc.Mapping)
REQUIRED: tuple[Any, ...] = (typing.Required, typing_extensions.Required)
MARKS: tuple[Any, ...] = (
    typing.Required,
    typing.NotRequired,
    typing_extensions.Required,
    typing_extensions.NotRequired,
)


@functools.cache
def fields_of(kind: Any) -> dict[str, tuple[Any, bool]]:
    """The keys of a TypedDict: name → (type, required?). "Required" is read from the text of the annotation too."""
    found = {}
    for name, hint in typing_extensions.get_type_hints(kind, include_extras=True).items():
        hint, wire = _unannotated(hint)
        required = name in kind.__required_keys__
        if typing_extensions.get_origin(hint) in MARKS:
            required = typing_extensions.get_origin(hint) in REQUIRED
            hint, inner = _unannotated(typing_extensions.get_args(hint)[0])
            wire = wire or inner
        found[wire or name] = (hint, required)
    return found


def _unannotated(hint: Any) -> tuple[Any, str]:
    """A hint without its `Annotated`, and the name on the wire where the SDK gives another one."""
    wire = ""
    while typing_extensions.get_origin(hint) is typing.Annotated:
        for note in hint.__metadata__:
            wire = getattr(note, "alias", None) or wire
        hint = typing_extensions.get_args(hint)[0]
    return hint, wire


def faults(value: Any, hint: Any, path: str = "$") -> list[str]:
    """What is wrong with `value`, one line a fault, each with its JSON path; [] if nothing is."""
    hint, _ = _unannotated(hint)
    origin = typing_extensions.get_origin(hint)
    if isinstance(hint, typing.TypeAliasType | typing_extensions.TypeAliasType):
        return faults(value, hint.__value__, path)
    if hint is Any or hint is object:
        return []
    if typing_extensions.is_typeddict(hint):
        return _mapping_faults(value, hint, path)
    if origin in (typing.Union, types.UnionType):
        return _union_faults(value, typing_extensions.get_args(hint), path)
    if origin in (typing.Literal, typing_extensions.Literal):
        words = typing_extensions.get_args(hint)
        return [] if value in words else [f"{path}: {value!r} is none of {words}"]
    if origin in LISTS or hint in LISTS:
        return _list_faults(value, typing_extensions.get_args(hint), path)
    if origin in MAPS or hint in MAPS:
        return _map_faults(value, typing_extensions.get_args(hint), path)
    return _scalar_faults(value, hint, path)


def _mapping_faults(value: Any, kind: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: expected an object ({kind.__name__}), got {type(value).__name__}"]
    known = fields_of(kind)
    found = [f"{path}.{name}: unknown to {kind.__name__}" for name in value if name not in known]
    found += [
        f"{path}.{name}: missing in {kind.__name__}" for name, (_, must) in known.items() if must and name not in value
    ]
    for name, item in value.items():
        if name in known:
            found += faults(item, known[name][0], f"{path}.{name}")
    return found


def _list_faults(value: Any, inner: tuple[Any, ...], path: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{path}: expected a list, got {type(value).__name__}"]
    if not inner:
        return []
    return [fault for at, item in enumerate(value) for fault in faults(item, inner[0], f"{path}[{at}]")]


def _map_faults(value: Any, inner: tuple[Any, ...], path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: expected an object, got {type(value).__name__}"]
    if len(inner) < 2:
        return []
    return [fault for name, item in value.items() for fault in faults(item, inner[1], f"{path}.{name}")]


def _union_faults(value: Any, branches: tuple[Any, ...], path: str) -> list[str]:
    """No fault if any branch fits; else those of the branch meant: the one whose tag fits, or the least wrong."""
    tried = []
    for branch in branches:
        found = faults(value, branch, path)
        if not found:
            return []
        tried.append((_mismatch(value, branch), len(found), found))
    return min(tried, key=lambda one: one[:2])[2]


def _mismatch(value: Any, branch: Any) -> int:
    """How little a branch is meant by a value: 0 if its tags agree, 2 if they contradict or it is no object."""
    branch, _ = _unannotated(branch)
    if isinstance(value, list):
        return 0 if typing_extensions.get_origin(branch) in LISTS else 2
    if not isinstance(value, dict) or not typing_extensions.is_typeddict(branch):
        return 2 if isinstance(value, dict) else 1
    agreed = 1
    for tag in ("type", "role"):
        if tag in value and tag in fields_of(branch):
            if faults(value[tag], fields_of(branch)[tag][0]):
                return 2
            agreed = 0
    return agreed


def _scalar_faults(value: Any, hint: Any, path: str) -> list[str]:
    if hint is None or hint is type(None):
        fits = value is None
    elif hint is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif hint is int:
        fits = isinstance(value, int) and not isinstance(value, bool)
    elif hint in (str, bool):
        fits = isinstance(value, hint)
    else:
        return [f"{path}: {value!r} is no {hint}"]  # files, dates: nothing JSON can hold
    return [] if fits else [f"{path}: expected {getattr(hint, '__name__', hint)}, got {type(value).__name__}"]
