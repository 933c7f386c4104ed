"""docs/debugging.md: its pictures are there, and all pictures are made by the script."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")


def test_the_pictures_are_there() -> None:
    shown = set(re.findall(r"\(images/([\w-]+)\.png\)", PAGE))
    assert len(shown) >= 10
    kept = {path.stem for path in (ROOT / "docs" / "images").glob("*.png")}
    script = [sys.executable, ROOT / "scripts" / "lib" / "screenshots.py", "--list"]
    made = set(subprocess.run(script, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())
    assert shown <= kept == made
