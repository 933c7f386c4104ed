"""The fuzzer of scripts/lib/fuzz.py, for a few seconds and the same inputs every time."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ("claude:request", "openai-chat:stream")


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(target):
    pytest.importorskip("atheris")
    limits = ["--runs=1500", "--seed=7", "--seconds=1", "--narrow"]
    command = [sys.executable, str(ROOT / "scripts/lib/fuzz.py"), target, *limits]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
