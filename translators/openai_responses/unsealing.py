"""Takes reasoning items out of a body of `POST /v1/responses` (unseal.py)."""

import msgspec
from msgspec import Raw, Struct

from translators import unseal
from translators.unseal import Drop, Unsealed


class _Item(Struct):
    type: str = "message"
    role: str = ""
    encrypted_content: str | None = None


_item = msgspec.json.Decoder(_Item)


def unseal_body(body: bytes, drop: Drop) -> Unsealed:
    """Take out the reasoning items that `drop` names."""

    def edit(raw: Raw, current: bool, at: str, paths: list[str]) -> Raw | None:
        item = _item.decode(raw)
        if item.type == "reasoning" and drop(item.encrypted_content or "", current):
            paths.append(at)
            return None
        return raw

    try:
        return unseal.edit_messages(body, "input", lambda raw: _item.decode(raw).role == "user", edit)
    except msgspec.DecodeError:
        return Unsealed(body, [])
