"""The ways from bytes to bytes that are measured: cliproxy's, a bare parse and dump, llm-rosetta's, LiteLLM's.

Each is called as its authors' own gateway calls it, in this process, without network, logging or accounting. To both
libraries is lent what makes them faster than they are as shipped: the frames are cut by cliproxy's decoder (neither
brings one that takes bytes), and where the library leaves JSON to its caller, msgspec parses and dumps (as shipped both
use the standard library's json). What is lent costs them what it costs cliproxy.

“its own JSON” is llm-rosetta once more with the standard library's json, as its gateway calls it.

llm-rosetta 0.13.0   llm_rosetta.ConversionPipeline: convert_request; create_stream_processor, process_chunk.
LiteLLM 1.106.10     has one hub, Chat Completions, so only clients of Chat and Claude and upstreams of Chat, Claude and
                     Gemini are within its in-process reach. Upstream → hub: ModelResponseStream (Chat), the
                     ModelResponseIterator of llms.anthropic.chat.handler and of llms.vertex_ai.gemini. Hub → client:
                     model_dump_json (Chat), AnthropicStreamWrapper.anthropic_sse_wrapper (Claude). Requests:
                     LiteLLMAnthropicMessagesAdapter.translate_anthropic_to_openai; then map_openai_params and
                     transform_request of AnthropicConfig, or _transform_request_body of llms.vertex_ai.gemini.
"""

import importlib.metadata
import json
import os
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol

import msgspec

from translators import exchange
from translators.dialect import Aim, Asked
from translators.losses import Ledger
from translators.pump import Pump
from translators.registry import DIALECTS
from translators.sse import Decoder

parse, dump = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode

NAMES = ("claude", "openai-chat", "openai-responses", "gemini")
ROSETTA, LITELLM = "0.13.0", "1.106.10"


class Way(Protocol):
    """One column. None instead of bytes: this way does not go from this client to this upstream."""

    name: str

    def stream(self, client: str, upstream: str, chunks: Iterable[bytes], request: bytes) -> bytes | None:
        """An upstream's stream, chunk by chunk, for the client; `request` is what the client had asked."""
        ...

    def request(self, client: str, upstream: str, body: bytes) -> bytes | None:
        """A client's request for the upstream."""
        ...


class Cliproxy:
    """What is measured."""

    name = "cliproxy"

    def pump(self, client: str, upstream: str) -> Pump:
        """What takes the answer to the client."""
        asked = Asked(model="m", stream=True, now=1790000000, seed="ab12cd34")
        return exchange.pump(DIALECTS[client], DIALECTS[upstream], asked, {}, streamed=True)

    def stream(self, client: str, upstream: str, chunks: Iterable[bytes], request: bytes) -> bytes | None:
        pump = self.pump(client, upstream)
        out = [pump.feed(chunk) for chunk in chunks]
        out.append(pump.finish())
        if pump.failure is not None:
            raise RuntimeError(f"{upstream} to {client}: {pump.failure}")
        return b"".join(out)

    def request(self, client: str, upstream: str, body: bytes) -> bytes | None:
        start, end, ledger = DIALECTS[client], DIALECTS[upstream], Ledger()
        gemini = client == "gemini"
        read = None if start is end else start.read_request(body, "m" if gemini else "", gemini or None, ledger)
        aim = Aim(model="m", provider="bench", vendor=end.vendor, stream=True)
        return exchange.write(read, body, start, end, aim, ledger).body


class Bare:
    """The limit: every frame parsed and dumped, nothing else."""

    name = "bare"

    def stream(self, client: str, upstream: str, chunks: Iterable[bytes], request: bytes) -> bytes | None:
        out = []
        for chunk in chunks:
            data = chunk[chunk.index(b"data: ") + 6 :].rstrip()
            out.append(data if data == b"[DONE]" else dump(parse(data)))
        return b"".join(out)

    def request(self, client: str, upstream: str, body: bytes) -> bytes | None:
        return dump(parse(body))


class Rosetta:
    """llm-rosetta, with fast JSON lent to it, or with the standard library's as its gateway has it."""

    _WORDS: ClassVar[dict[str, str]] = {
        "claude": "anthropic",
        "openai-chat": "openai_chat",
        "openai-responses": "openai_responses",
        "gemini": "google",
    }

    def __init__(self, *, lent: bool) -> None:
        from llm_rosetta import ConversionPipeline

        self._make = ConversionPipeline
        self.name = "llm-rosetta" if lent else "its own JSON"
        self._parse: Callable[[bytes], Any] = parse if lent else json.loads
        self._dump: Callable[[Any], bytes] = dump if lent else _dump_standard

    def stream(self, client: str, upstream: str, chunks: Iterable[bytes], request: bytes) -> bytes | None:
        pipeline = self._make(self._WORDS[client], self._WORDS[upstream])
        pipeline.convert_request(self._parse(request))
        process = pipeline.create_stream_processor().process_chunk
        named = client in ("claude", "openai-responses")
        out = []
        for data in _data(chunks):
            for event in process(self._parse(data)):
                head = b"event: %b\ndata: " % event["type"].encode() if named else b"data: "
                out.append(head + self._dump(event) + b"\n\n")
        return b"".join(out)

    def request(self, client: str, upstream: str, body: bytes) -> bytes | None:
        pipeline = self._make(self._WORDS[client], self._WORDS[upstream])
        return self._dump(pipeline.convert_request(self._parse(body)))


def _dump_standard(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


class LiteLLM:
    """LiteLLM's transformations, one after the other as its proxy runs them."""

    name = "LiteLLM"

    def __init__(self) -> None:
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or the import asks the network
        import litellm
        from litellm.llms.anthropic.chat import handler
        from litellm.llms.anthropic.pass_through.adapters import streaming_iterator, transformation
        from litellm.llms.vertex_ai.gemini import transformation as gemini
        from litellm.llms.vertex_ai.gemini import vertex_and_google_ai_studio_gemini as google
        from litellm.types.utils import ModelResponseStream

        self._chunk = ModelResponseStream
        self._iterators = {"claude": handler.ModelResponseIterator, "gemini": google.ModelResponseIterator}
        self._wrap = streaming_iterator.AnthropicStreamWrapper
        self._adapter = transformation.LiteLLMAnthropicMessagesAdapter()
        self._claude, self._google = litellm.AnthropicConfig(), litellm.GoogleAIStudioGeminiConfig()
        self._gemini_body = gemini._transform_request_body  # the private name is what its own completion() calls

    def stream(self, client: str, upstream: str, chunks: Iterable[bytes], request: bytes) -> bytes | None:
        if client not in ("claude", "openai-chat") or upstream == "openai-responses":
            return None
        hub = self._read(upstream, chunks)
        if client == "claude":
            return b"".join(self._wrap(completion_stream=hub, model="m").anthropic_sse_wrapper())
        dumped = (chunk.model_dump_json(exclude_none=True, exclude_unset=True) for chunk in hub)
        return b"".join(b"data: " + text.encode() + b"\n\n" for text in dumped)

    def _read(self, upstream: str, chunks: Iterable[bytes]) -> Iterator[Any]:
        if upstream == "openai-chat":
            return (self._chunk(**parse(data)) for data in _data(chunks))
        lines = ("data: " + data.decode() for data in _data(chunks))
        more = {"logging_obj": SimpleNamespace(optional_params={})} if upstream == "gemini" else {}
        return iter(self._iterators[upstream](streaming_response=lines, sync_stream=True, **more))

    def request(self, client: str, upstream: str, body: bytes) -> bytes | None:
        if client not in ("claude", "openai-chat") or upstream == "openai-responses":
            return None
        said: dict[str, Any] = parse(body)
        if client == "claude":
            said, _ = self._adapter.translate_anthropic_to_openai(said)
        if upstream == "openai-chat":
            return dump(said)
        messages = said.pop("messages")
        del said["model"], said["stream"]
        if upstream == "claude":
            options = self._claude.map_openai_params(said, {}, "claude-sonnet-4-5", True)
            return dump(self._claude.transform_request("claude-sonnet-4-5", messages, options, {}, {}))
        options = self._google.map_openai_params(said, {}, "gemini-2.5-pro", True)
        return dump(self._gemini_body(messages, "gemini-2.5-pro", options, "gemini", {}, None))


def _data(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decoder = Decoder()
    for chunk in chunks:
        for frame in decoder.feed(chunk):
            if frame.data != b"[DONE]":
                yield frame.data


def ways() -> list[Way]:
    """The columns: the libraries' only where they are installed in the versions that are meant."""
    found: list[Way] = [Bare(), Cliproxy()]
    libraries: list[tuple[str, str, Callable[[], list[Way]]]] = [
        ("llm-rosetta", ROSETTA, lambda: [Rosetta(lent=True), Rosetta(lent=False)]),
        ("litellm", LITELLM, lambda: [LiteLLM()]),
    ]
    for package, version, make in libraries:
        try:
            installed = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
        if installed == version:
            found += make()
        else:
            print(f"{package} {installed} is left out: {version} is what these figures are compared with")
    return found
