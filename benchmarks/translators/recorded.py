"""Recorded streams, where the recorded traffic is at hand."""

import logging

from benchmarks.translators import requests
from benchmarks.translators.streams import Frames
from benchmarks.translators.ways import NAMES, Way

MOST = 12
"""Streams of each dialect."""


def streams(ways: list[Way]) -> dict[str, list[Frames]]:
    """Per dialect, the recorded streams with the most events that every way can read; {} without recordings."""
    try:
        from tests import corpus
    except ImportError:  # pytest is not installed
        return {}
    if not all((corpus.FOLDER / f"{name}.jsonl.gz").is_file() for name in NAMES):
        return {}
    found: dict[str, list[Frames]] = {}
    for name in NAMES:
        bodies = [
            each["body"] for each in corpus.exchanges(name)
            if each["stream"] and each["status"] == 200 and isinstance(each["body"], str)
        ]  # fmt: skip
        several = sorted((_frames(body) for body in bodies), key=len, reverse=True)
        found[name] = []
        for frames in several:
            if len(found[name]) < MOST and len(frames) > 5 and _readable(name, frames, ways):
                found[name].append(frames)
    return found


def _frames(body: str) -> Frames:
    blank = "\r\n\r\n" if "\r\n\r\n" in body else "\n\n"
    return [f"{block}{blank}".encode() for block in body.split(blank) if "data: " in block]


def _readable(upstream: str, frames: Frames, ways: list[Way]) -> bool:
    logging.disable(logging.CRITICAL)  # LiteLLM logs what it cannot read, with the traceback
    try:
        for way in ways:
            for client in NAMES:
                way.stream(client, upstream, frames, requests.small(client))
    except Exception:  # whatever a library raises for what it cannot read
        return False
    finally:
        logging.disable(logging.NOTSET)
    return True
