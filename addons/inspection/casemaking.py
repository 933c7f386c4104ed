"""A recorded exchange as a test case: the client's request and the upstream's reply, in the format of tests/cases.

Only what was given is written. What comes of it `pytest tests/test_cases.py --accept` adds, with the code of that day;
whoever reads that knows whether it is right.
"""

import re
from collections.abc import Callable

import msgspec

from addons.inspection.json_diff import ABSENT, parsed
from addons.inspection.recorded import Recorded, RecordedAttempt
from addons.inspection.trimming import left_out
from providers import catalog
from translators.registry import DIALECTS


class NoCase(ValueError):
    """This flow makes no case; the text says why."""


def case(found: Recorded, story: str, redact: Callable[[str], str]) -> str:
    """The text of a case. story: the flow's line, for the title. redact: takes secrets out of a text. Raises NoCase."""
    attempt = found.last
    if attempt is None or found.operation != "generate":
        raise NoCase("no request of it was translated")
    if found.client not in DIALECTS or attempt.dialect not in DIALECTS:
        raise NoCase("its dialects are not known here")
    if parsed(found.body) is ABSENT:
        raise NoCase("the client's body is not JSON, or was not kept whole")
    notes = [f"# R0. {redact(story)}"]
    if attempt.making is not None and (attempt.making.steps or attempt.making.ruled):
        notes.append("# The proxy changed the request further (provider's steps, payload rules); a case does not.")
    settings = _settings(found, attempt)
    sections = [("client request", msgspec.json.format(found.body, indent=2).decode())]
    if attempt.raw and not left_out(attempt.raw):
        reply, escaped = _reply(attempt.answer)
        sections.append(("upstream reply", reply))
        settings |= _of_reply(found, attempt) | ({"escapes": "yes"} if escaped else {})
    elif attempt.raw:
        notes.append("# The upstream's reply was not kept whole.")
    head = [*notes, *(f"{name}: {value}" for name, value in settings.items())]
    body = [f"=== {name}\n{redact(text)}" for name, text in sections]
    return "\n".join(head) + "\n\n" + "\n\n".join(body) + "\n"


def file_name(found: Recorded, flow_id: str) -> str:
    """A name that tells what it is, and is another one for each flow."""
    upstream = found.last.dialect if found.last is not None else "nobody"
    words = f"{found.client} to {upstream} {found.model} {flow_id[:8]}"
    return re.sub(r"[^\w.]+", "_", words).strip("_.") + ".case"


def _settings(found: Recorded, attempt: RecordedAttempt) -> dict[str, str]:
    upstream, making = DIALECTS[attempt.dialect], attempt.making
    said = {"client": found.client, "upstream": attempt.dialect, "model": attempt.model}
    if attempt.provider in catalog.load().providers:
        said["provider"] = attempt.provider
    if found.model != attempt.model:
        said["asked"] = found.model
    if making is not None and making.aim.vendor != upstream.vendor:
        said["vendor"] = making.aim.vendor
    if making is not None and not making.aim.official:
        said["official"] = "no"
    if found.client == "gemini" or attempt.raw:
        said["stream"] = "yes" if found.stream else "no"
    return said


def _of_reply(found: Recorded, attempt: RecordedAttempt) -> dict[str, str]:
    said: dict[str, str] = {}
    if attempt.status >= 400:
        said["status"] = str(attempt.status)
        told = [f"{name}: {value}" for name, value in attempt.answer_headers if _tells(name) and ";" not in value]
        if told:
            said["headers"] = "; ".join(told)
    elif attempt.failure is not None and attempt.failure.origin == "cliproxy":
        said["cut"] = "yes"
    if found.stream and found.client == "gemini" and "alt=sse" not in found.path:
        said["array"] = "yes"
    return said


def _tells(name: str) -> bool:
    """Headers of an error that its meaning depends on."""
    return name.lower().startswith(("retry-after", "x-ratelimit-", "x-should-retry"))


def _reply(answer: bytes) -> tuple[str, bool]:
    """The reply as a section's text, and whether it had to be written with escapes to stay what it is."""
    try:
        text = answer.decode()
    except UnicodeDecodeError:
        text = ""
    plain = text and "\r" not in text and not re.search(r"^=== ", text, re.MULTILINE)
    whole = text.startswith(("{", "[", "<")) or text.endswith("\n\n")
    if plain and whole:
        return text.rstrip("\n"), False
    if not text:  # bytes that are no text
        return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in answer), True
    escaped = text.replace("\\", "\\\\")
    ends = len(escaped) - len(escaped.rstrip("\n"))
    escaped = escaped.rstrip("\n") + "\\n" * ends
    return re.sub(r"^===", r"\\x3d==", escaped.replace("\r", "\\r"), flags=re.MULTILINE), True
