"""Takes sealed reasoning out of a body of `POST /v1/chat/completions` (unseal.py)."""

import msgspec
from msgspec import Raw

from translators import unseal
from translators.openai_chat.wire import Detail, ExtraContent
from translators.unseal import Drop, Unsealed

_detail = msgspec.json.Decoder(Detail)
_extra = msgspec.json.Decoder(ExtraContent)


def unseal_body(body: bytes, drop: Drop) -> Unsealed:
    """Take out of assistant messages the reasoning_details and thought signatures that `drop` names."""

    def edit(raw: Raw, current: bool, at: str, paths: list[str]) -> Raw | None:
        before = len(paths)
        message = unseal.members(raw)
        details = unseal.elements(message.get("reasoning_details"))
        kept = [
            detail
            for index, detail in enumerate(details)
            if not _sealed(detail, current, drop, f"{at}.reasoning_details[{index}]", paths)
        ]
        if len(kept) < len(details):
            message["reasoning_details"] = unseal.packed(kept)
            if not kept:
                del message["reasoning_details"]
        _unsign(message, current, drop, at, paths)
        calls = [unseal.members(call) for call in unseal.elements(message.get("tool_calls"))]
        for index, call in enumerate(calls):
            _unsign(call, current, drop, f"{at}.tool_calls[{index}]", paths)
        if len(paths) == before:
            return raw
        if calls:
            message["tool_calls"] = unseal.packed([unseal.packed(call) for call in calls])
        return unseal.packed(message)

    try:
        return unseal.edit_messages(body, "messages", _spoken, edit)
    except msgspec.DecodeError:
        return Unsealed(body, [])


def _sealed(raw: Raw, current: bool, drop: Drop, at: str, paths: list[str]) -> bool:
    detail = _detail.decode(raw)
    data = detail.signature or detail.data
    if not data or not drop(data, current):
        return False
    paths.append(at)
    return True


def _unsign(holder: dict[str, Raw], current: bool, drop: Drop, at: str, paths: list[str]) -> None:
    """Take Google's extension off a message or call."""
    if "extra_content" not in holder:
        return
    google = _extra.decode(holder["extra_content"]).google
    if google is not None and google.thought_signature and drop(google.thought_signature, current):
        del holder["extra_content"]
        paths.append(f"{at}.extra_content")


def _spoken(raw: Raw) -> bool:
    return unseal.literal(unseal.members(raw), "role") == b'"user"'
