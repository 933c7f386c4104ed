"""A conversation and its answer as a page to keep or to send: Markdown, or HTML that needs nothing but itself."""

import html
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from addons.inspection.reading import read_answer
from addons.inspection.recorded import Recorded
from addons.inspection.spoken import spoken
from addons.inspection.transcript import Passage, Piece, transcript
from translators.model import Request
from translators.parts import Turn


class Page(NamedTuple):
    """title: the flow's line. facts: name and value. notes: what must be said before anything else is believed."""

    title: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    passages: tuple[Passage, ...]


def page(found: Recorded, story: str) -> Page:
    """Request and answer of an exchange. story: its line. Never raises: what cannot be read is a note."""
    said = spoken(found.body, found.client, found.model, found.stream)
    notes: list[str] = []
    facts: tuple[tuple[str, str], ...] = (("dialect", found.client), ("model", found.model))
    passages: tuple[Passage, ...] = ()
    if said.request is None:
        notes.append(said.trouble)
    else:
        told = transcript(said.request)
        facts, passages = facts + told.settings, told.passages
    if found.failure is not None:
        notes.append(f"The client got an error: {found.failure.message}")
    elif found.error:
        notes.append(f"It broke off: {found.error}")
    if found.operation == "generate" and found.emitted and found.refusal is None:
        answered, trouble = _answer(found, len(said.request.turns) if said.request else 0)
        passages += answered
        notes += [trouble] if trouble else []
    return Page(story or f"{found.client} {found.model}", facts, tuple(notes), passages)


def _answer(found: Recorded, before: int) -> tuple[tuple[Passage, ...], str]:
    """The answer as further turns, and what is wrong with it."""
    said = read_answer(found.emitted, found.client)
    turns = [Turn(role="assistant", parts=one.parts) for one in said.reply.candidates if one.parts]
    told = transcript(Request(model=said.reply.model, turns=turns), answer=True).passages
    trouble = said.trouble or said.failure or ("the end of the answer is missing" if said.cut else "")
    return tuple(each._replace(title="answer", number=before + at, path="") for at, each in enumerate(told, 1)), trouble


# --- Markdown -------------------------------------------------------------------------------------------------------


def markdown(page: Page) -> str:
    """The page as Markdown. Texts stand as they were said, Markdown or not."""
    lines = [f"# {_flat(page.title)}", ""]
    lines += [f"* {_flat(name)}: {_flat(value)}" for name, value in page.facts]
    lines += [f"\n> {_flat(note)}" for note in page.notes]
    for passage in page.passages:
        lines += ["", f"## {_heading(passage)}"]
        for piece in passage.pieces:
            lines += _marked(piece, 3)
    return "\n".join(lines) + "\n"


def _marked(piece: Piece, level: int) -> Iterator[str]:
    if piece.head:
        yield from ("", f"{'#' * min(level, 6)} {_flat(piece.head)}")
    if piece.text:
        yield ""
        yield piece.text if piece.kind in ("text", "refusal") else _fenced(piece.text)
    for inner in piece.inside:
        yield from _marked(inner, level + 1)


def _fenced(text: str) -> str:
    """Between fences that are longer than any in it."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _heading(passage: Passage) -> str:
    return _flat(f"{passage.number} {passage.title}" if passage.number else passage.title)


def _flat(text: str) -> str:
    return " ".join(text.split())


# --- HTML -----------------------------------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.15rem; } h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; border-bottom: 1px solid var(--line); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0; font: inherit; }
pre.code { font: 13px/1.45 ui-monospace, monospace; background: var(--soft); padding: .5rem .7rem; border-radius: 4px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { opacity: .7; } dd { margin: 0; }
details, .piece { margin: .4rem 0; } summary { cursor: pointer; opacity: .8; } .inside { margin-left: 1.2rem; }
.note { border-left: 3px solid #c60; padding-left: .7rem; }
"""

_OPEN = ("text", "refusal", "call", "result")
"""Kinds that show at once; the others are a line to be opened."""


def as_html(page: Page) -> str:
    """The page as HTML without scripts, pictures or addresses: nothing is loaded, nothing that was said can run."""
    title = html.escape(page.title)
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1><dl>",
        *(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in page.facts),
        "</dl>",
        *(f'<p class="note">{html.escape(note)}</p>' for note in page.notes),
    ]
    for passage in page.passages:
        lines.append(f"<h2>{html.escape(_heading(passage))}</h2>")
        for piece in passage.pieces:
            lines += _element(piece)
    return "\n".join([*lines, "</body></html>"]) + "\n"


def _element(piece: Piece) -> Iterator[str]:
    head, shown = html.escape(piece.head), piece.kind in _OPEN
    if piece.head:
        yield f"<details{' open' if shown else ''}><summary>{head}</summary>"
    else:
        yield '<div class="piece">'
    if piece.text:
        code = "" if piece.kind in ("text", "refusal", "thinking") else ' class="code"'
        yield f"<pre{code}>{html.escape(piece.text)}</pre>"
    if piece.inside:
        yield '<div class="inside">'
        for inner in piece.inside:
            yield from _element(inner)
        yield "</div>"
    yield "</details>" if piece.head else "</div>"


FORMS: dict[str, Callable[[Page], str]] = {
    ".md": markdown,
    ".markdown": markdown,
    ".html": as_html,
    ".htm": as_html,
}
"""By the ending of a file's name."""
