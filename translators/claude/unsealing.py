"""Takes thinking blocks out of a body of `POST /v1/messages` (unseal.py)."""

import msgspec
from msgspec import Raw, Struct

from translators import unseal
from translators.unseal import Drop, Unsealed

_THINKING = frozenset({"thinking", "redacted_thinking"})


class _Block(Struct):
    type: str = ""
    signature: str | None = None
    data: str | None = None


class _Message(Struct):
    role: str = ""
    content: Raw = Raw(b"null")


class _Thinking(Struct):
    type: str = ""


_block = msgspec.json.Decoder(_Block)
_message = msgspec.json.Decoder(_Message)
_thinking = msgspec.json.Decoder(_Thinking)


def unseal_body(body: bytes, drop: Drop) -> Unsealed:
    """Take out the thinking blocks that `drop` names. Where the open turn loses one, a budget for thinking goes too:
    the vendor refuses it beside a turn that begins without thinking.
    """
    opened = False

    def edit(raw: Raw, current: bool, at: str, paths: list[str]) -> Raw | None:
        nonlocal opened
        message = _message.decode(raw)
        if message.role != "assistant":
            return raw
        kept: list[Raw] = []
        listed = unseal.elements(message.content)
        for index, one in enumerate(listed):
            block = _block.decode(one)
            if block.type in _THINKING and drop(block.signature or block.data or "", current):
                paths.append(f"{at}.content[{index}]")
            else:
                kept.append(one)
        if len(kept) == len(listed):
            return raw
        opened = opened or current
        return unseal.packed(unseal.members(raw) | {"content": unseal.packed(kept)}) if kept else None

    try:
        unsealed = unseal.edit_messages(body, "messages", _spoken, edit)
    except msgspec.DecodeError:
        return Unsealed(body, [])
    fields = unseal.members(unsealed.body) if opened else {}
    if "thinking" in fields and _thinking.decode(fields["thinking"]).type == "enabled":
        del fields["thinking"]
        return Unsealed(bytes(unseal.packed(fields)), [*unsealed.paths, "$.thinking"])
    return unsealed


def _spoken(raw: Raw) -> bool:
    message = _message.decode(raw)
    blocks = unseal.elements(message.content)
    return message.role == "user" and (
        not blocks or any(_block.decode(block).type != "tool_result" for block in blocks)
    )
