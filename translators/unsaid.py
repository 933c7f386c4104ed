"""What a request says that several dialects have no words for."""

from translators.losses import Ledger
from translators.model import Request
from translators.parts import Document, SearchResult, ToolCall


def lose_bookkeeping(request: Request, ledger: Ledger) -> None:
    """What Responses' items say of themselves (ids, a phase, a call that was cut), where there are no items."""
    for turn in request.turns:
        if turn.id:
            ledger.lose(f"{turn.at}.id", "the id of an item")
        if turn.phase:
            ledger.lose(f"{turn.at}.phase", "the phase of an item")
        for part in turn.parts:
            if isinstance(part, ToolCall):
                if part.item:
                    ledger.lose(f"{part.at}.id", "the id of an item")
                if not part.complete:
                    ledger.lose(f"{part.at}.status", "the status of an item")


def lose_citations(part: Document | SearchResult, ledger: Ledger) -> None:
    """Whether the answer cites its sources, where that is not for the client to say."""
    if part.citations is not None:
        ledger.lose(part.place("citations"), "whether the answer cites its sources")
