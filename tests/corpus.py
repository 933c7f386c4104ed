"""Recorded traffic of real providers, where it is at hand: read in place, never part of the repository."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DIALECTS = ("claude", "openai-chat", "openai-responses", "gemini")
FOLDER = Path(os.environ.get("CLIPROXY_CORPUS") or Path(__file__).resolve().parents[2] / "shared" / "corpus")


def exchanges(dialect: str) -> Iterator[dict[str, Any]]:
    """The recorded exchanges of a dialect; skips the test where there are none.

    Each has id, host, stream, status, content_type, request (JSON or None), body (text as it came), reframed.
    """
    path = FOLDER / f"{dialect}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no recorded traffic at {path}; CLIPROXY_CORPUS names another folder")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
