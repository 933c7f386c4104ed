"""Writes turns as `contents`.

Gemini's rules that shape this: neighbours of one role are one content; the content after a model's calls holds the
responses to all of them, in call order and nothing else; Gemini 3 wants the thought signature of the first call of
each step of the current turn (“Thought signatures”, read November 2026).
"""

from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Raw

from translators.dialect import Aim
from translators.errors import Unwritable
from translators.gemini.attachments import Attachments, Written
from translators.losses import Ledger
from translators.model import Request
from translators.names import Names
from translators.parts import (
    Document,
    HostedCall,
    HostedResult,
    Image,
    Part,
    PlainText,
    Refusal,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from translators.seals import GEMINI_BYPASS, for_upstream, foreign

_object = msgspec.json.Decoder(dict[str, Raw])

NO_RESULT = "no result was provided"


class Group(NamedTuple):
    """Neighbouring turns of one role."""

    role: Literal["user", "assistant"]
    parts: list[Part]


def groups_of(request: Request, ledger: Ledger) -> tuple[list[Part], list[Group]]:
    """The system text, and the turns of one role put together. System text in the middle becomes user text."""
    system = list(request.system)
    groups: list[Group] = []
    for turn in request.turns:
        role: Literal["user", "assistant"] = "assistant" if turn.role == "assistant" else "user"
        parts = turn.parts
        if turn.name:
            ledger.lose(f"{turn.at}.name", "no names of speakers")
        if turn.role in ("system", "developer"):
            if not groups:
                system += parts
                continue
            ledger.apply("system-in-the-middle", turn.at)
            parts = [
                Text(text=f"<system-reminder>\n{part.text}\n</system-reminder>", at=part.at, places=part.places)
                if isinstance(part, Text)
                else part
                for part in parts
            ]
        if groups and groups[-1].role == role:
            groups[-1].parts.extend(parts)
        else:
            groups.append(Group(role, list(parts)))
    return system, groups


def args_of(arguments: str, form: str) -> tuple[Raw, str]:
    """Arguments as the object Gemini needs, and the rule that was needed for it ("" for none)."""
    if form == "text":
        return Raw(msgspec.json.encode({"input": arguments})), "freeform-as-json"
    if not arguments.strip():
        return Raw(b"{}"), ""
    raw = arguments.encode("utf-8", "surrogatepass")
    try:
        _object.decode(raw)
        return Raw(raw), ""
    except msgspec.ValidationError:
        pass  # JSON of another kind, or not even that
    except (msgspec.DecodeError, ValueError):
        return Raw(msgspec.json.encode({"_raw": arguments})), "arguments-not-json"
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return Raw(msgspec.json.encode({"_raw": arguments})), "arguments-not-json"
    return Raw(b'{"value":' + raw + b"}"), "arguments-no-object"


def _is_response(part: Any) -> bool:
    return isinstance(part, dict) and "functionResponse" in part


def _is_call(part: Any) -> bool:
    return isinstance(part, dict) and "functionCall" in part


class TurnsWriter:
    """Writes the contents of one request."""

    def __init__(self, request: Request, aim: Aim, ledger: Ledger, names: Names) -> None:
        self.aim = aim
        self.ledger = ledger
        self.names = names
        # Messages of their own stay apart; but Google's clients send an answer back in the pieces it came in.
        own = request.dialect == "gemini"
        self.apart = set() if own else {id(turn.parts[0]) for turn in request.turns if turn.parts}
        self.attachments = Attachments(aim, ledger)
        self.contents: list[dict[str, Any]] = []
        self.written = 0  # parts of them
        self.used: set[str] = set()
        self.places: dict[str, str] = {}  # id of a call → where it stood
        self.system, self.groups = groups_of(request, ledger)

    def write(self) -> list[dict[str, Any]]:
        """Write all contents."""
        waiting: list[tuple[ToolCall, str]] = []
        for index, (role, parts) in enumerate(self.groups):
            if role == "assistant":
                calls = [part for part in parts if isinstance(part, ToolCall)]
                if index == 0 and calls:
                    self.ledger.apply("leading-assistant", calls[0].at)
                    self.ledger.lose(calls[0].at, "the conversation begins with a call", semantic=True)
                    self._add("user", [{"text": "."}])
                waiting = [(call, self._unique(call.id)) for call in calls]
                self._add("model", self._model(parts, [made for _, made in waiting]))
                for call, made in waiting:
                    if made != call.id:
                        self.ledger.apply("call-id", call.at, made)
                if index + 1 == len(self.groups):
                    self._answer(waiting, [])
            else:
                before = self.written
                self._user(parts, waiting)
                waiting = []
                if index + 1 == len(self.groups) and before == self.written:
                    raise Unwritable("the last message has no content", parts[-1].at if parts else "$.contents")
        if self.aim.traits.signatures:
            self._bypass()
        return self.contents

    def _bypass(self) -> None:
        """Put the documented stand-in where a signature is missing: on the first call of each step.

        The vendor asks for it in the current turn only, and lets it be in finished ones. It stays there, so that what
        was sent once is sent again word for word, and the prompt cache holds.
        """
        for content in self.contents:
            first = next((part for part in content["parts"] if _is_call(part)), None)
            if first is not None and "thoughtSignature" not in first:
                first["thoughtSignature"] = GEMINI_BYPASS
                self.ledger.apply("thought-signature-bypass", self.places[first["functionCall"]["id"]])

    def system_parts(self) -> list[Written]:
        """The parts of systemInstruction."""
        found: list[Written] = []
        for part in self.system:
            if isinstance(part, Text):
                if part.text:
                    found.append({"text": part.text})
            else:
                found += self.attachments.write(part)
            self._marks(part)
        return found

    def _add(self, role: str, parts: list[Written]) -> None:
        """Add a content, or to the last one of the same role; responses stand alone."""
        self.written += len(parts)
        last = self.contents[-1] if self.contents else None
        alone = any(_is_response(part) for part in parts)
        if last is not None and last["role"] == role and not alone and not _is_response(last["parts"][0]):
            last["parts"] += parts
        elif parts:
            self.contents.append({"role": role, "parts": parts})

    def _unique(self, identifier: str) -> str:
        made, count = identifier, 1
        while made in self.used:
            count += 1
            made = f"{identifier}_{count}"
        self.used.add(made)
        return made

    def _marks(self, part: Part) -> None:
        if part.cache is not None:
            self.ledger.lose(part.place("cache"), "cache breakpoints are not known")

    def _other(self, part: Part) -> list[Any]:
        """Parts that stand in either role: hosted tools' and unknown ones as they came, and attachments."""
        match part:
            case HostedCall() | HostedResult() if part.vendor == self.aim.vendor:
                return [part.native]
            case HostedCall() | HostedResult():
                self.ledger.lose(part.at, f"{part.kind}: run by {part.vendor}", semantic=part.foreign())
                return []
            case Unknown(dialect="gemini"):
                return [part.raw]
            case Unknown():
                self.ledger.lose(part.at, f"{part.tag}: unknown to this version", semantic=True)
                return []
            case _:
                return self.attachments.write(part)

    # the model's turns

    def _model(self, parts: list[Part], ids: list[str]) -> list[Written]:
        found: list[Written] = []
        numbers = iter(ids)
        for part in parts:
            self._marks(part)
            match part:
                case Text() | Refusal():
                    self._spoken(part, found)
                case Thinking():
                    found += self._thought(part)
                case ToolCall():
                    found.append(self._call(part, next(numbers)))
                case Image(seal=Seal()):
                    found += self._drawn(part)
                case _:
                    found += self._other(part)
        return found

    def _spoken(self, part: Text | Refusal, found: list[Written]) -> None:
        signature = self._signature(part.seal, part.place("seal")) if isinstance(part, Text) else None
        if isinstance(part, Text) and part.citations:
            self.ledger.lose(part.place("citations"), "citations in history")
        if signature is not None:
            found.append({"text": part.text, "thoughtSignature": signature})
        elif part.text:
            last = found[-1] if found else None
            if id(part) not in self.apart and isinstance(last, dict) and last.keys() == {"text"}:
                last["text"] += part.text  # pieces of one answer; signed parts are never merged
            else:
                found.append({"text": part.text})

    def _drawn(self, part: Image) -> list[Written]:
        """An image of the model's own, with its signature."""
        written = self._other(part)
        signature = self._signature(part.seal, part.at)
        if written and signature is not None:
            written[0]["thoughtSignature"] = signature
        return written

    def _bare(self, part: Text) -> None:
        """What the user says has neither citations nor a seal."""
        if part.citations:
            self.ledger.lose(part.place("citations"), "citations in history")
        if part.seal is not None:
            self.ledger.lose(part.place("seal"), f"a seal of {part.seal.vendor}")

    def _signature(self, seal: Any, at: str) -> str | None:
        if seal is not None and (whose := foreign(seal, self.aim)):
            self.ledger.lose(at, f"a seal of {whose}")
        return for_upstream(seal, self.aim) or None

    def _thought(self, part: Thinking) -> list[Written]:
        signature = for_upstream(part.seal, self.aim)
        if not signature:
            whose = foreign(part.seal, self.aim) if part.seal else ""
            for path in part.paths():
                self.ledger.lose(path, f"thinking of {whose}" if whose else "thinking without a seal")
            return []
        return [{"text": part.text, "thought": True, "thoughtSignature": signature}]

    def _call(self, part: ToolCall, identifier: str) -> Written:
        args, rule = args_of(part.arguments, part.form)
        if rule:
            self.ledger.apply(rule, part.at)
        if part.caller is not None:
            self.ledger.lose(part.at, "who called (`caller`)")
        name = self.names.out(part.name, part.namespace)
        self.places[identifier] = part.at
        found: Written = {"functionCall": {"id": identifier, "name": name, "args": args}}
        signature = self._signature(part.seal, part.place("seal"))
        if signature is not None:
            found["thoughtSignature"] = signature
        return found

    # the user's turns

    def _user(self, parts: list[Part], waiting: list[tuple[ToolCall, str]]) -> None:
        results = [part for part in parts if isinstance(part, ToolResult)]
        after, orphans = self._answer(waiting, results)
        for part in parts:
            self._marks(part)
            match part:
                case ToolResult():
                    if part in orphans:
                        after += self._orphan(part)
                case Text():
                    self._bare(part)
                    if part.text.strip():
                        after.append({"text": part.text})
                    else:
                        self.ledger.lose(part.at, "empty text")
                case _:
                    after += self._other(part)
        self._add("user", after)

    def _answer(
        self, waiting: list[tuple[ToolCall, str]], results: list[ToolResult]
    ) -> tuple[list[Written], list[ToolResult]]:
        """Write the responses to all waiting calls; give the media that must follow, and results without a call."""
        left = list(results)
        responses: list[Written] = []
        following: list[Written] = []
        for number, (call, identifier) in enumerate(waiting):
            twins = sum(1 for other, _ in waiting[number + 1 :] if other.id == call.id)
            own = [result for result in left if result.call == call.id]
            own = own[: len(own) - twins] or own[:1]
            left = [result for result in left if not any(result is taken for taken in own)]
            if len(own) > 1:
                self.ledger.apply("duplicate-result", own[1].at)
            for result in own:
                if result.failed:
                    self.ledger.apply("tool-error", result.at)
            if not own:
                self.ledger.lose(call.at, "a call without a result", semantic=True)
                own = [ToolResult(call=call.id, parts=[Text(text=NO_RESULT)], failed=True, at=call.at)]
            name = self.names.out(call.name, call.namespace)
            response, media = self._response(own)
            written: Written = {"id": identifier, "name": name, "response": response}
            if media and self.aim.traits.signatures:  # media inside of responses came with Gemini 3
                written["parts"] = media
            elif media:
                following += [{"text": f"From the result of {name} ({identifier}):"}, *media]
            responses.append({"functionResponse": written})
        self._add("user", responses)
        return following, left

    def _response(self, results: list[ToolResult]) -> tuple[Any, list[Written]]:
        """The response object for all results of one call, and their media."""
        texts: list[str] = []
        media: list[Written] = []
        for part in (inner for result in results for inner in result.parts):
            self._marks(part)
            match part:
                case Text():
                    texts.append(part.text)
                case Refusal():
                    texts.append(part.text)
                case Document(source=PlainText(text=text)) if part.citations is None:
                    texts.append("\n".join(line for line in (part.title, part.context, text) if line))
                case _:
                    for written in self.attachments.write(part):
                        (texts.append(written["text"]) if "text" in written else media.append(written))
        raw = results[0].raw
        if len(results) == 1 and raw is not None and bytes(raw).lstrip()[:1] == b"{":
            return raw, media
        key = "error" if any(result.failed for result in results) else "output"
        return {key: "\n".join(texts)}, media

    def _orphan(self, part: ToolResult) -> list[Written]:
        self.ledger.lose(part.at, "a result without its call", semantic=True)
        response, media = self._response([part])
        text = bytes(response).decode() if isinstance(response, Raw) else next(iter(response.values()))
        return [{"text": f"Result of {part.name or part.call}:\n{text}"}, *media]
