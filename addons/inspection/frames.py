"""A client's answer as the JSON values it is made of, so that two can be compared by what they mean."""

from typing import Any

from addons.inspection.json_diff import ABSENT, parsed
from translators.errors import TranslationError
from translators.sse import Decoder

PINGS = ("ping", "keepalive")
"""Types of events that say nothing; when they come is a matter of time."""


def frames(body: bytes, *, streamed: bool) -> list[Any]:
    """The frames of a stream in their order, without comments and pings; of a whole body the one value. What is no
    JSON is given as text.
    """
    if not streamed:
        return [_value(body)]
    decoder = Decoder()
    try:
        found = decoder.feed(body) + decoder.feed(b"\n\n")
    except TranslationError:
        return [_value(body)]
    values = [_value(frame.data) for frame in found if frame.data]
    return [value for value in values if not (isinstance(value, dict) and value.get("type") in PINGS)]


def _value(data: bytes) -> Any:
    value = parsed(data)
    return data.decode(errors="replace").strip() if value is ABSENT else value
