"""What a whole answer and a stream say alike: ids, seals, citations."""

from typing import Any

from translators import seals
from translators.dialect import Asked
from translators.model import Failure
from translators.names import legal_id
from translators.openai_chat.wire import VENDOR
from translators.parts import Citation, Seal

CALL_ID = "!-~"  # printable ASCII
CALL_ID_LIMIT = 40

UNSAID = frozenset({"hosted", "hosted_result", "unknown"})
"""Kinds of blocks that a client of this dialect is not told of."""

SECOND_CALL = "a second function_call"
SECOND_AUDIO = "a second audio"

BAD_CALL = Failure(kind="upstream", message="the upstream's model made a tool call that cannot be used")


def reply_id(upstream: str, asked: Asked) -> str:
    """The answer's id: the upstream's if it looks like ours, else ours around the upstream's."""
    if upstream.startswith(("msg_", "resp_")):
        upstream = f"chatcmpl-{upstream.partition('_')[2]}"
    return upstream or f"chatcmpl-{asked.seed}"


def call_id(identifier: str) -> str:
    """A call's id within what this dialect allows; the client's result comes back under the same one."""
    return legal_id(identifier, CALL_ID, CALL_ID_LIMIT)


def is_legacy(asked: Asked) -> bool:
    """Whether the client declared `functions` and therefore reads `function_call`."""
    return asked.request is not None and asked.request.at.get("tools") == "$.functions"


def write_detail(text: str, seal: Seal, index: int) -> dict[str, Any]:
    """A sealed reasoning block as a member of reasoning_details; foreign seals in an envelope.

    A host's own seal keeps its `format`. Sealed data beside a summary would come back as a signature: the envelope
    says what it is.
    """
    about: dict[str, Any] = {"index": index}
    if seal.vendor == VENDOR and seal.model:
        about["format"] = seal.model
    if not text and seal.kind != "signature":
        return {**about, "type": "reasoning.encrypted", "data": seals.for_client(seal, VENDOR)}
    data = seals.for_client(seal, VENDOR) if seal.kind == "signature" else seals.wrap(seal)
    return {**about, "type": "reasoning.text", "text": text, "signature": data}


def write_google(seal: Seal) -> dict[str, Any]:
    """extra_content of a sealed call or text. The field is Google's: its own seals stand in it as they are."""
    return {"google": {"thought_signature": seals.for_client(seal, "google")}}


def write_annotation(citation: Citation, begin: int, length: int) -> dict[str, Any]:
    """A citation of a text that begins `begin` code points into the content and has `length` of them."""
    start = begin + (0 if citation.start is None else citation.start)
    end = begin + (length if citation.end is None else citation.end)
    where = {"start_index": start, "end_index": end, "url": citation.url, "title": citation.title}
    return {"type": "url_citation", "url_citation": where}
