"""One pair of dialects, done your way: Claude's clients in front of Chat Completions upstreams.

Here: of the images in a long conversation only the latest three are sent, and the model's thinking is not shown. In
the config:

    extensions: [examples/override_pair.py]
"""

from collections.abc import Callable

from msgspec.structs import replace

from translators.dialect import Aim
from translators.events import BlockOpened, Event
from translators.losses import Ledger
from translators.model import Request
from translators.parts import Image, Text
from translators.registry import Between, between

KEPT = 3


def keep_latest_images(request: Request, _aim: Aim, ledger: Ledger) -> Request:
    """Older images become a line of text: the prompt stays what it was, only shorter. Each is told to the ledger."""
    images = [part.at for turn in request.turns for part in turn.parts if isinstance(part, Image)]
    old = set(images[:-KEPT])
    for at in old:
        ledger.lose(at, f"only the latest {KEPT} images are sent (examples/override_pair.py)", semantic=True)
    turns = [
        replace(turn, parts=[Text(text="[an earlier image]") if part.at in old else part for part in turn.parts])
        for turn in request.turns
    ]
    return replace(request, turns=turns)


def hide_thinking() -> Callable[[list[Event]], list[Event]]:
    """For one answer: its events without thinking blocks; the blocks that stay are counted anew."""
    numbers: dict[int, int] = {}

    def change(events: list[Event]) -> list[Event]:
        """What a piece of the answer becomes."""
        shown: list[Event] = []
        for event in events:
            if isinstance(event, BlockOpened) and event.kind != "thinking":
                numbers[event.block] = len(numbers)
            block = getattr(event, "block", None)
            if block is None:
                shown.append(event)
            elif block in numbers:
                shown.append(replace(event, block=numbers[block]))
        return shown

    return change


between("claude", "openai-chat", Between(request=keep_latest_images, events=hide_thinking))
