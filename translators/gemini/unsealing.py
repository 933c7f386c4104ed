"""Takes thought signatures out of a body of generateContent (unseal.py)."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw

from translators import unseal
from translators.gemini.media import standard_base64
from translators.seals import GEMINI_BYPASS
from translators.unseal import Drop, Unsealed

_text = msgspec.json.Decoder(str)
_FIELDS = ("thoughtSignature", "thought_signature")
_CALLS = ("functionCall", "function_call")
_ANSWERS = ("functionResponse", "function_response")
_BYPASS = msgspec.json.encode(GEMINI_BYPASS)


def unseal_body(body: bytes, drop: Drop) -> Unsealed:
    """Take out the signatures that `drop` names, thoughts with theirs; the first call of a step gets the documented
    stand-in, also where it has lost its own before (`drop` is then asked about "").
    """

    def edit(raw: Raw, current: bool, at: str, paths: list[str]) -> Raw | None:
        before = len(paths)
        parts = unseal.elements(unseal.members(raw).get("parts"))
        kept = list(_edited(parts, current, f"{at}.parts", drop, paths))
        if len(paths) == before:
            return raw
        return unseal.packed(unseal.members(raw) | {"parts": unseal.packed(kept)}) if kept else None

    return unseal.edit_messages(body, "contents", _spoken, edit)


def _edited(parts: list[Raw], current: bool, at: str, drop: Drop, paths: list[str]) -> Iterator[Raw]:
    called = False
    for index, raw in enumerate(parts):
        part = unseal.members(raw)
        calls = any(name in part for name in _CALLS)
        first, called = calls and not called, called or calls
        field = next((name for name in _FIELDS if name in part), "")
        if (
            (not field and not first)
            or unseal.literal(part, field) == _BYPASS
            or not drop(_signature(part.get(field)), current)
        ):
            yield raw
            continue
        paths.append(f"{at}[{index}]")
        part.pop(field, None)
        if first:
            part["thoughtSignature"] = Raw(_BYPASS)
        if unseal.literal(part, "thought") != b"true" and (
            part.keys() != {"text"} or unseal.literal(part, "text") != b'""'
        ):
            yield unseal.packed(part)


def _signature(raw: Raw | None) -> str:
    """A signature in the standard alphabet; as it stands where it is none."""
    try:
        signature = _text.decode(raw) if raw is not None else ""
    except msgspec.DecodeError:
        return ""
    return standard_base64(signature) or signature


def _spoken(raw: Raw) -> bool:
    content = unseal.members(raw)
    parts = [unseal.members(part) for part in unseal.elements(content.get("parts"))]
    return unseal.literal(content, "role") != b'"model"' and any(not part.keys() & set(_ANSWERS) for part in parts)
