"""What parts carry and no message of this dialect can: breakpoints in odd places, documents made of parts."""

from collections.abc import Iterable

from translators.losses import Ledger
from translators.parts import Blocks, Document, Part, Text
from translators.unsaid import lose_citations


def lose_mark(part: Part, ledger: Ledger) -> None:
    """A breakpoint where this dialect has none."""
    if part.cache is not None:
        ledger.lose(part.place("cache"), "no cache breakpoint can stand here")


def flat(parts: Iterable[Part], ledger: Ledger) -> list[Part]:
    """Documents made of parts, opened up behind their title."""
    opened: list[Part] = []
    for part in parts:
        if isinstance(part, Document) and isinstance(part.source, Blocks):
            lose_mark(part, ledger)
            lose_citations(part, ledger)
            ledger.apply("document-as-text", part.at)
            heading = "\n".join(line for line in (part.title, part.context) if line)
            opened += [Text(text=heading, at=part.at)] if heading else []
            opened += flat(part.source.parts, ledger)
        else:
            opened.append(part)
    return opened
