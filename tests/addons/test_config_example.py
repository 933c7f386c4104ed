"""config.example.yaml is true: it can be used as it is, states the defaults, and shows every key."""

import re
from collections.abc import Iterator
from pathlib import Path

from addons.config.keys import CONFIG
from addons.config.load import parse
from addons.config.model import Config
from addons.config.shapes import Ignored, Section, Several, Shape, Table

EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_text(encoding="utf-8")
UNCOMMENTED = re.sub(r"(?m)^#(?! \S)(?=.)", "", EXAMPLE)


def test_it_has_no_problem_and_states_the_defaults():
    loaded = parse(EXAMPLE, "example")
    assert loaded.problems == ()
    assert loaded.config == Config()


def test_all_of_it_can_be_uncommented():
    loaded = parse(UNCOMMENTED, "example")
    assert loaded.problems == ()
    assert loaded.config is not None
    assert loaded.config.openai_compatibility
    assert loaded.config.payload.filter


def test_every_key_that_has_an_effect_is_shown():
    shown = set(re.findall(r"[{\s-]\"?([a-z0-9-]+)\"?:", "\n" + UNCOMMENTED))
    assert set(keys_below(CONFIG)) - shown == set()


def keys_below(shape: Shape) -> Iterator[str]:
    match shape:
        case Section(keys=keys):
            for name, inner in keys.items():
                if not isinstance(inner, Ignored):
                    yield name
                    yield from keys_below(inner)
        case Several(item=inner) | Table(value=inner):
            yield from keys_below(inner)
