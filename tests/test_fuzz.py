"""The fuzzer of scripts/lib/fuzz.py, for a few seconds and the same inputs every time."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ("claude:request", "gemini:request", "claude:stream", "openai-chat:stream")


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(target):
    pytest.importorskip("atheris")
    command = [sys.executable, str(ROOT / "scripts/lib/fuzz.py"), target, "--runs=1500", "--seed=7", "--seconds=2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
