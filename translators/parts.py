"""What a conversation is made of: turns, their parts, and what parts carry. The middle of the canonical model (model.py
tells its conventions).
"""

from typing import Literal

from msgspec import Raw, Struct

# --- seals: bytes only their author can open ------------------------------------------------------------------------

type Vendor = str
"""Who made a seal, a file id or a hosted item: "anthropic", "openai", "google", or a provider's name."""


class Seal(Struct, frozen=True):
    """Opaque reasoning state: thinking signatures, encrypted reasoning, thought signatures.

    `place` says what it belongs to: `self` the part that carries it, `next` the following tool call, `prev` the
    part before, `ahead` a whole thinking part to be re-created in front of the carrier (`text` is its text).
    `item` is a Responses item id (`rs_…`) that must come back with it. `account`: a mark of the account it was made
    for, where its vendor lets no other open it ("": not known).
    """

    kind: Literal["signature", "encrypted", "redacted", "compaction"]
    data: str
    vendor: Vendor
    model: str = ""
    place: Literal["self", "next", "prev", "ahead"] = "self"
    text: str = ""
    item: str = ""
    account: str = ""


# --- sources of media -----------------------------------------------------------------------------------------------


class Inline(Struct, frozen=True):
    """Bytes in the body. `data` is base64, standard alphabet."""

    mime: str
    data: str


class Url(Struct, frozen=True):
    """An address the upstream fetches itself; cliproxy never does."""

    url: str
    mime: str = ""


class FileRef(Struct, frozen=True):
    """A file stored at a vendor; meaningless to any other vendor."""

    id: str
    vendor: Vendor
    mime: str = ""


class PlainText(Struct, frozen=True):
    """A text document."""

    text: str
    mime: str = "text/plain"


class Blocks(Struct, frozen=True):
    """A document made of parts (Claude's `content` source)."""

    parts: list["Part"]


type Source = Inline | Url | FileRef | PlainText | Blocks


# --- parts ----------------------------------------------------------------------------------------------------------


class CacheMark(Struct, frozen=True):
    """A prompt-cache breakpoint after this part; `ttl` as the client spelt it ("5m", "1h", "")."""

    ttl: str = ""


class Citation(Struct, frozen=True):
    """Where a stretch of text comes from. Offsets are Unicode code points in the text of the part.

    `native` holds the vendor's own object (Claude's `encrypted_index`, page ranges …) for the same vendor.
    """

    url: str = ""
    title: str = ""
    quote: str = ""
    start: int | None = None
    end: int | None = None
    file: str = ""
    vendor: Vendor = ""
    native: Raw | None = None


class PartBase(Struct, kw_only=True):
    """What every part may carry besides its own content."""

    at: str = ""
    cache: CacheMark | None = None
    places: dict[str, str] = {}
    """Where pieces of it stood, if not simply in `at`: "cache", "citations", "seal", "filename", "failed"."""

    def place(self, name: str) -> str:
        """The path of a piece of this part in the client's body."""
        return self.places.get(name, self.at)

    def paths(self) -> list[str]:
        """All of it, where it came in several pieces."""
        return [self.at, *(path for path in self.places.values() if not path.startswith(f"{self.at}."))]


class Text(PartBase):
    """Visible text. `seal`: Gemini signs text parts; a signed part is never merged with another.

    `item`, `phase`: of an answer, the id and the phase of the message it stood in (Responses).
    """

    text: str
    citations: list[Citation] = []
    seal: Seal | None = None
    logprobs: Raw | None = None
    item: str = ""
    phase: str = ""


class Refusal(PartBase):
    """The model's refusal in words (OpenAI keeps it apart from text). `item`, `phase`: as of a text."""

    text: str
    item: str = ""
    phase: str = ""


class Image(PartBase):
    """`detail`: "low", "high", "original", "auto" or "" (not stated). `seal`: Gemini signs the images it draws."""

    source: Source
    detail: str = ""
    seal: Seal | None = None


class Document(PartBase):
    """PDF, text or block document."""

    source: Source
    title: str = ""
    context: str = ""
    filename: str = ""
    citations: bool | None = None


class Audio(PartBase):
    """Audio in or out; `id` refers to an earlier audio answer of the vendor."""

    source: Source | None = None
    transcript: str = ""
    id: str = ""


class Video(PartBase):
    """Video in (Gemini). `meta` is its videoMetadata."""

    source: Source
    meta: Raw | None = None


class File(PartBase):
    """Any other stored or inline file (container uploads, unknown mime types)."""

    source: Source
    filename: str = ""


class SearchResult(PartBase):
    """A search hit given to the model as citable content (Claude)."""

    source: str
    title: str
    parts: list["Part"]
    citations: bool | None = None


class Thinking(PartBase):
    """Reasoning. `text` is one string; `summaries` its pieces if the wire had several.

    `redacted`: there is no text, only the seal. `full` tells open reasoning text from a vendor's summary.
    """

    text: str = ""
    summaries: list[str] = []
    seal: Seal | None = None
    redacted: bool = False
    full: bool = False
    item: str = ""


class ToolCall(PartBase):
    """The model calls a tool the client runs. `arguments` is the text exactly as received.

    `form` "json": arguments is JSON text (perhaps invalid, as the model wrote it); "text": free text (custom tools).
    `caller`: who called, in a vendor's own words; of an answer `vendor` tells whose.
    """

    id: str
    name: str
    arguments: str
    form: Literal["json", "text"] = "json"
    namespace: str = ""
    seal: Seal | None = None
    caller: Raw | None = None
    item: str = ""
    complete: bool = True
    vendor: Vendor = ""


class ToolResult(PartBase):
    """The answer to a call. `raw` is the JSON value if the wire had one (Gemini's `response` object)."""

    call: str
    parts: list["Part"] = []
    name: str = ""
    failed: bool | None = None
    raw: Raw | None = None
    form: Literal["json", "text"] = "json"


class HostedBase(PartBase):
    """What calls of hosted tools and their results have in common."""

    vendor: Vendor

    def foreign(self) -> bool:
        """Whether a vendor wrote it: what cliproxy made for display alone says nothing that the text does not."""
        return self.vendor not in ("", "cliproxy")


class HostedCall(HostedBase):
    """A tool the vendor runs (web search, code execution, MCP …), as the vendor wrote it in `native`.

    `kind` is one of the kinds of HostedTool.
    """

    id: str
    kind: str
    name: str
    native: Raw
    input: Raw | None = None


class HostedResult(HostedBase):
    """What a hosted call gave, as the vendor wrote it."""

    call: str
    kind: str
    native: Raw


class Unknown(PartBase):
    """A block, part or item this version does not know. Only its own dialect may write it again."""

    dialect: str
    tag: str
    raw: Raw


type Part = (
    Text
    | Refusal
    | Image
    | Document
    | Audio
    | Video
    | File
    | SearchResult
    | Thinking
    | ToolCall
    | ToolResult
    | HostedCall
    | HostedResult
    | Unknown
)


class Turn(Struct, kw_only=True):
    """An utterance. There is no tool role: results are parts of a user turn.

    Turns stand as sent: neighbours of one role are not merged by readers; writers merge where their dialect asks
    for it.
    """

    role: Literal["system", "developer", "user", "assistant"]
    parts: list[Part]
    name: str = ""
    id: str = ""
    phase: str = ""
    at: str = ""
