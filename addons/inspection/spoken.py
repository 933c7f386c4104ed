"""Which dialect a request is in, and the request read: for people, so whatever comes is answered with what it is."""

import re
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from translators.errors import TranslationError
from translators.losses import Ledger
from translators.model import Request
from translators.registry import DIALECTS

_ENDINGS = (
    (r"/v1internal:(?:stream)?[gG]enerateContent", "gemini-cli"),
    (r"/models/(?P<model>[^/:]+):(?:stream)?[gG]enerateContent", "gemini"),
    (r"/models/(?P<model>[^/:]+):countTokens", "gemini"),
    (r"/chat/completions", "openai-chat"),
    (r"/codex/responses(?:/compact)?", "codex"),
    (r"/responses(?:/compact|/input_tokens)?", "openai-responses"),
    (r"/messages(?:/count_tokens)?", "claude"),
    (r"/completions", "openai-completions"),
)
_DIALECT_OF = tuple((re.compile(ending + r"/?\Z"), dialect) for ending, dialect in _ENDINGS)
"""How the paths of requests end, whoever serves them and below whatever."""


class Spoken(NamedTuple):
    """A request as read. request None: `trouble` says why it cannot be. root: where the dialect's own object stands in
    the body ("$", or "$.request" inside an envelope). lost: what nobody reads, as (path, reason).
    """

    dialect: str
    request: Request | None
    trouble: str = ""
    root: str = "$"
    lost: tuple[tuple[str, str], ...] = ()


def dialect_of(path: str) -> tuple[str, str]:
    """The dialect that a path's end is known for and the model it names, each "" if there is none."""
    plain = path.partition("?")[0]
    for ending, dialect in _DIALECT_OF:
        if found := ending.search(plain):
            return dialect, found.groupdict().get("model") or ""
    return "", ""


def spoken(body: bytes, dialect: str, model: str = "", stream: bool | None = None) -> Spoken:
    """Read a body in a dialect. model, stream: where the path told them. Never raises."""
    known = DIALECTS.get(dialect)
    if known is None:
        return Spoken(dialect, None, f"no dialect {dialect!r} is known here" if dialect else "not a request to a model")
    if not body.strip():
        return Spoken(dialect, None, "the request has no body")
    inner, root, named = opened(body)
    ledger = Ledger()
    try:
        inner.decode()
        told = model or named or ("" if known.model_in_body else "(not named)")
        request = known.read_request(inner, told if not known.model_in_body else model, stream, ledger)
    except TranslationError as error:
        return Spoken(dialect, None, f"this is no {dialect} request: {error}", root)
    except UnicodeDecodeError as error:
        return Spoken(dialect, None, f"the body is not UTF-8 text: {error.reason} at byte {error.start:,}", root)
    lost = tuple((loss.path, loss.reason) for loss in ledger.losses)
    return Spoken(dialect, request, "", root, lost)


class _Envelope(msgspec.Struct):
    request: Raw = Raw()
    model: Any = ""
    contents: Raw = Raw()
    messages: Raw = Raw()
    input: Raw = Raw()


_envelope = msgspec.json.Decoder(_Envelope)


def opened(body: bytes) -> tuple[bytes, str, str]:
    """What an envelope (Code Assist, Antigravity) holds, its path, and the model the envelope names; other bodies as
    they are.
    """
    if b'"request"' not in body:
        return body, "$", ""
    try:
        found = _envelope.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body, "$", ""
    inner = bytes(found.request)
    if not inner.startswith(b"{") or found.contents or found.messages or found.input:
        return body, "$", ""
    return inner, "$.request", found.model if isinstance(found.model, str) else ""
