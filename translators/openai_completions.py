"""Legacy completions (`POST /v1/completions`): a variant of Chat Completions for clients that still use it.

A prompt becomes one user turn, the answer's text the completion. No upstream is spoken to in it: the dialect's
upstream side is that of Chat Completions.

Source: OpenAI API reference, “Create completion” (legacy), read November 2026.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Raw, Struct

from translators import losses, openai_chat
from translators.dialect import Asked
from translators.errors import Unreadable
from translators.events import BlockOpened, Cited, Ended, Event, Failed, Finished, Started, TextDelta, UsageSeen
from translators.fold import merge_usage, unfold
from translators.logprobs import tokens
from translators.losses import Ledger, unread
from translators.model import Identity, Logprobs, Reply, Request, Sampling, Usage
from translators.openai_chat.failure import error_object
from translators.openai_chat.usage import write_stop, write_usage
from translators.openai_chat.wire import ABSENT, StreamOptions, given, plain, unreadable
from translators.openai_completions_grammar import Grammar, check_reply
from translators.parts import Part, Refusal, Text, Turn

NAME = "openai-completions"

MOST_LOGPROBS = 5


class Body(Struct):
    """A request, in the order of OpenAI's page; `top_k` is an extension of compatible servers."""

    model: str
    prompt: str | list[str | int | list[int]] | None = None
    best_of: int | None = None
    echo: bool | None = None
    frequency_penalty: int | float | None = None
    logit_bias: Raw = ABSENT
    logprobs: int | bool | None = None
    max_tokens: int | None = None
    n: int | None = None
    presence_penalty: int | float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    suffix: str | None = None
    temperature: int | float | None = None
    top_p: int | float | None = None
    user: str | None = None
    top_k: int | None = None


AT = {
    "max_tokens": "max_output",
    "temperature": "sampling.temperature",
    "top_p": "sampling.top_p",
    "top_k": "sampling.top_k",
    "frequency_penalty": "sampling.frequency_penalty",
    "presence_penalty": "sampling.presence_penalty",
    "seed": "sampling.seed",
    "logit_bias": "sampling.logit_bias",
    "n": "n",
    "stop": "stops",
    "logprobs": "logprobs",
    "user": "identity.user",
    "stream_options": "stream_usage",
    "echo": "echo",
}
"""Wire name → name in the model. `echo` has no place in the model: that it is in `Request.at` says it was asked for."""

_decoder = msgspec.json.Decoder(Body)


def read_request(body: bytes, model: str, stream: bool | None, ledger: Ledger) -> Request:
    """Read a completion request into the model: one user turn that holds the prompt.

    Raises:
        Unreadable: not JSON; a field of the wrong type; several prompts, or a prompt of token numbers, neither of
            which one conversation can hold.

    Loses:
        suffix and best_of (both change the answer).
    """
    try:
        read = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise unreadable(error) from None
    except ValueError as error:
        raise Unreadable(f"the body is not JSON: {error}", "$") from None
    prompt = _prompt(read.prompt)
    if read.n is not None and read.n < 1:
        raise Unreadable("expected at least 1", "$.n")
    request = Request(
        model=model or read.model,
        turns=[Turn(role="user", parts=[Text(text=prompt, at="$.prompt")], at="$.prompt")],
        max_output=read.max_tokens,
        stops=[read.stop] if isinstance(read.stop, str) else list(read.stop or []),
        n=read.n,
        logprobs=_logprobs(read.logprobs),
        sampling=Sampling(
            temperature=read.temperature,
            top_p=read.top_p,
            top_k=read.top_k,
            frequency_penalty=read.frequency_penalty,
            presence_penalty=read.presence_penalty,
            seed=read.seed,
            logit_bias=given(read.logit_bias),
        ),
        identity=Identity(user=read.user or ""),
        stream=bool(read.stream) if stream is None else stream,
        stream_usage=bool(read.stream_options and read.stream_options.include_usage),
        dialect=NAME,
        at={name: f"$.{wire}" for wire, name in AT.items() if _stated(read, wire)},
    )
    if read.suffix:
        ledger.lose("$.suffix", "text after the completion cannot be asked for in a conversation", semantic=True)
    if read.best_of is not None and read.best_of > (read.n or 1):
        ledger.lose("$.best_of", "answers are not chosen among several", semantic=True)
    if read.stream_options is not None and read.stream_options.include_obfuscation is not None:
        ledger.lose("$.stream_options.include_obfuscation", "padding against traffic analysis is not made here")
    for path in unread(plain(body), read):
        ledger.lose(path, "unknown field")
    return request


def _stated(read: Body, wire: str) -> bool:
    value = getattr(read, wire)
    if wire == "echo":
        return bool(value)
    return bool(given(value)) if isinstance(value, Raw) else value is not None


def _prompt(prompt: str | list[str | int | list[int]] | None) -> str:
    """The one prompt there may be. None means OpenAI's own default, the end-of-text token: an empty prompt."""
    if prompt is None:
        return ""
    if isinstance(prompt, str):
        return prompt
    if len(prompt) == 1 and isinstance(prompt[0], str):
        return prompt[0]
    if prompt and all(isinstance(item, str) for item in prompt):
        raise Unreadable(f"expected one prompt, got {len(prompt)}; send each in a request of its own", "$.prompt")
    if not prompt:
        raise Unreadable("expected a prompt, got an empty list", "$.prompt")
    raise Unreadable("expected text; a prompt of token numbers cannot be turned into a conversation", "$.prompt")


def _logprobs(wanted: int | bool | None) -> Logprobs | None:
    if wanted is None or wanted is False:
        return None
    if wanted is True:
        return Logprobs(wanted=True)
    if not 0 <= wanted <= MOST_LOGPROBS:
        raise Unreadable(f"expected 0 to {MOST_LOGPROBS}", "$.logprobs")
    return Logprobs(wanted=True, top=wanted)


# --- answers --------------------------------------------------------------------------------------------------------


def _token_lists(logprobs: Raw, offset: int) -> dict[str, Any]:
    """Chat's list of token objects as the legacy four parallel lists; offsets count code points of the text."""
    said = tokens(logprobs)
    offsets = []
    for token in said:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in said],
        "token_logprobs": [token.logprob for token in said],
        "top_logprobs": [{top.token: top.logprob for top in token.top_logprobs} for token in said],
        "text_offset": offsets,
    }


def _echo(asked: Asked) -> str:
    """The prompt, if the client wants it in front of the completion."""
    request = asked.request
    if request is None or "echo" not in request.at:
        return ""
    return "".join(part.text for turn in request.turns for part in turn.parts if isinstance(part, Text))


def _id(upstream: str, asked: Asked) -> str:
    for prefix in ("chatcmpl-", "msg_", "resp_"):
        if upstream.startswith(prefix):
            return f"cmpl-{upstream[len(prefix) :]}"
    return upstream or f"cmpl-{asked.seed}"


def _finish(reason: str) -> str:
    """Calls have no word here (none were declared): such an answer has stopped."""
    return "stop" if reason == "tool_calls" else reason


_NAMED = frozenset({"hosted", "hosted_result", "unknown"})


def _lose(ledger: Ledger, number: int, kind: str) -> None:
    """A block that is no visible text."""
    ledger.lose(f"blocks[{number}]", losses.no_place(kind), semantic=kind != "thinking")


def write_reply(reply: Reply, asked: Asked) -> bytes:
    """Write a text_completion object: the visible text of each candidate; reasoning and calls have no place in it."""
    echo = _echo(asked)
    for event in unfold(reply):
        if isinstance(event, BlockOpened) and event.kind not in ("text", "refusal"):
            _lose(asked.ledger, event.block, event.name if event.kind in _NAMED else event.kind)
        elif isinstance(event, Cited):
            asked.ledger.lose(f"blocks[{event.block}].citations", losses.CITATIONS)
    choices: list[dict[str, Any]] = []
    for candidate in reply.candidates:
        refused = any(isinstance(part, Refusal) for part in candidate.parts)
        choices.append(
            {
                "text": echo + "".join(_visible(part) for part in candidate.parts),
                "index": candidate.index,
                "logprobs": _reply_logprobs(candidate.parts, len(echo)),
                "finish_reason": _finish(write_stop(candidate.stop, refused)),
            }
        )
    body = {
        "id": _id(reply.id, asked),
        "object": "text_completion",
        "created": reply.created or asked.now,
        "model": asked.model or reply.model,
        "choices": choices,
        "usage": write_usage(reply.usage),
    }
    return msgspec.json.encode(body)


def _visible(part: Part) -> str:
    return part.text if isinstance(part, Text | Refusal) else ""


def _reply_logprobs(parts: list[Part], offset: int) -> dict[str, Any] | None:
    joined: dict[str, Any] | None = None
    for part in parts:
        if isinstance(part, Text) and part.logprobs is not None:
            lists = _token_lists(part.logprobs, offset)
            joined = lists if joined is None else {name: joined[name] + lists[name] for name in joined}
        offset += len(_visible(part))
    return joined


class StreamWriter:
    """Events → `text_completion` chunks: text only, then the finish_reason, usage if asked for, and [DONE]."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._echo = _echo(asked)
        self._counting = asked.request is not None and asked.request.stream_usage
        self._blocks: dict[int, int] = {}  # open text block → candidate
        self._refused: set[int] = set()
        self._begun: dict[int, int] = {}  # candidate → code points written
        self._head = b""
        self._usage: Usage | None = None
        self._over = False

    def write(self, events: Sequence[Event]) -> bytes:
        """Write events; those without visible text say nothing."""
        out: list[bytes] = []
        for event in events:
            if self._over:
                break
            match event:
                case TextDelta():
                    self._text(event, out)
                case BlockOpened() if event.kind in ("text", "refusal"):
                    self._blocks[event.block] = event.candidate
                    if event.kind == "refusal":
                        self._refused.add(event.candidate)
                case BlockOpened():
                    _lose(self._asked.ledger, event.block, event.name if event.kind in _NAMED else event.kind)
                case Cited():
                    self._asked.ledger.lose(f"blocks[{event.block}].citations", losses.CITATIONS)
                case Started():
                    about = {
                        "id": _id(event.id, self._asked),
                        "object": "text_completion",
                        "created": event.created or self._asked.now,
                        "model": self._asked.model or event.model,
                    }
                    self._head = b"data: " + msgspec.json.encode(about)[:-1] + b',"choices":['
                case UsageSeen():
                    self._usage = merge_usage(self._usage, event.usage)
                case Finished():
                    self._begin(event.candidate, out)
                    word = _finish(write_stop(event.stop, event.candidate in self._refused))
                    self._choice(event.candidate, "", None, word, out)
                case Ended():
                    self._end(out)
                case Failed():
                    out.append(b"data: " + msgspec.json.encode(error_object(event.failure)) + b"\n\n")
                    self._over = True
        return b"".join(out)

    def ping(self) -> bytes:
        """A comment: the official clients pass over it."""
        return b": keep-alive\n\n"

    def _begin(self, candidate: int, out: list[bytes]) -> None:
        if candidate not in self._begun:
            self._begun[candidate] = len(self._echo)
            if self._echo:
                self._choice(candidate, self._echo, None, None, out)

    def _text(self, event: TextDelta, out: list[bytes]) -> None:
        candidate = self._blocks.get(event.block)
        if candidate is None:
            return
        self._begin(candidate, out)
        logprobs = None
        if event.logprobs is not None:
            logprobs = _token_lists(event.logprobs, self._begun[candidate])
        if event.text or logprobs:
            self._begun[candidate] += len(event.text)
            self._choice(candidate, event.text, logprobs, None, out)

    def _choice(
        self, index: int, text: str, logprobs: dict[str, Any] | None, finish: str | None, out: list[bytes]
    ) -> None:
        choice = {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish}
        tail = b'],"usage":null}\n\n' if self._counting else b"]}\n\n"
        out.append(self._head + msgspec.json.encode(choice) + tail)

    def _end(self, out: list[bytes]) -> None:
        if self._counting:
            out.append(self._head + b'],"usage":' + msgspec.json.encode(write_usage(self._usage)) + b"}\n\n")
        out.append(b"data: [DONE]\n\n")
        self._over = True


DIALECT = replace(
    openai_chat.DIALECT,
    name=NAME,
    read_request=read_request,
    write_reply=write_reply,
    stream_writer=StreamWriter,
    grammar=Grammar,
    check_reply=check_reply,
)
