"""docs/debugging.md: its pictures are there, and all pictures are made by the script."""

import re
from pathlib import Path

from tests.browser.shots import SHOTS

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")


def test_the_pictures_are_there() -> None:
    shown = set(re.findall(r"\(images/([\w-]+)\.png\)", PAGE))
    assert len(shown) >= 10
    kept = {path.stem for path in (ROOT / "docs" / "images").glob("*.png")}
    made = {shot.name for shot in SHOTS}
    assert shown <= kept == made
