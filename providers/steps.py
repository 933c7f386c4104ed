"""What single upstreams want changed in a body that is otherwise their dialect's: functions a provider's data may name.

Each takes a whole body and gives it back with the smallest change; a body that needs none comes back as it is.
"""

from collections.abc import Callable

import msgspec
from msgspec import Raw

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])

_CALLS = ("functionCall", "function_call", "functionResponse", "function_response")


def drop_call_ids(body: bytes) -> bytes:
    """Take the ids out of function calls and responses: Vertex AI refuses them (its API reference, November 2026).

    Calls and responses are then matched by name and order, which is how a Gemini body has them anyway.
    """
    if b'"id"' not in body:
        return body
    fields = _object.decode(body)
    for outer in ("generateContentRequest", "generate_content_request"):
        if outer in fields:  # the body of a token count
            fields[outer] = Raw(drop_call_ids(bytes(fields[outer])))
            return msgspec.json.encode(fields)
    if "contents" not in fields:
        return body
    contents = [_without_ids(content) for content in _list.decode(fields["contents"])]
    fields["contents"] = Raw(msgspec.json.encode(contents))
    return msgspec.json.encode(fields)


def _without_ids(content: Raw) -> Raw | dict[str, Raw]:
    members = _object.decode(content)
    if "parts" not in members:
        return content
    parts: list[Raw | dict[str, Raw]] = []
    for part in _list.decode(members["parts"]):
        inner = _object.decode(part)
        name = next((name for name in _CALLS if name in inner), "")
        if name:
            call = _object.decode(inner[name])
            call.pop("id", None)
            inner[name] = Raw(msgspec.json.encode(call))
        parts.append(inner if name else part)
    members["parts"] = Raw(msgspec.json.encode(parts))
    return members


STEPS: dict[str, Callable[[bytes], bytes]] = {"drop_call_ids": drop_call_ids}
"""By the name that `steps` in data/providers.yaml uses."""
