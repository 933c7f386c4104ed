"""Parts of hosted tools: code that Google ran, searches it made."""

import msgspec
from msgspec import Raw

from translators.gemini import wire
from translators.gemini.media import VENDOR
from translators.names import made_id
from translators.parts import HostedCall, HostedResult


class _Known(msgspec.Struct):
    """What is looked at in a hosted part, in either spelling."""

    id: str | None = None
    tool_type: str | None = None
    toolType: str | None = None
    args: Raw = Raw()


_known = msgspec.json.Decoder(_Known)

_KINDS = {
    "GOOGLE_SEARCH_WEB": "web_search",
    "GOOGLE_SEARCH_IMAGE": "web_search",
    "URL_CONTEXT": "web_fetch",
    "FILE_SEARCH": "file_search",
    "GOOGLE_MAPS": "maps",
}


def hosted_part(part: wire.Part, last: str) -> HostedCall | HostedResult | None:
    """The hosted call or result in a part. `last`: id of the call before, for a result without id.

    The native object is the whole part, signature included: it must go back as it came.
    """
    for name, raw, result in (
        ("executableCode", part.executable_code, False),
        ("codeExecutionResult", part.code_execution_result, True),
        ("toolCall", part.tool_call, False),
        ("toolResponse", part.tool_response, True),
    ):
        if wire.given(raw) is not None:
            return _hosted(name, raw, part.thought_signature, last, result)
    return None


def _hosted(name: str, raw: Raw, signature: str | None, last: str, result: bool) -> HostedCall | HostedResult:
    try:
        said = _known.decode(raw)
    except msgspec.DecodeError:
        said = _Known()
    kind = "code"
    if name.startswith("tool"):
        word = said.toolType or said.tool_type or ""
        kind = _KINDS.get(word, word.lower() or "tool")
    native: dict[str, object] = {name: raw}
    if signature:
        native["thoughtSignature"] = signature
    whole = Raw(msgspec.json.encode(native))
    if result:
        return HostedResult(call=said.id or last, kind=kind, vendor=VENDOR, native=whole)
    identifier = said.id or made_id(0, name, bytes(raw).decode())
    given = raw if name == "executableCode" else wire.given(said.args)
    return HostedCall(id=identifier, kind=kind, name=kind, vendor=VENDOR, native=whole, input=given)
