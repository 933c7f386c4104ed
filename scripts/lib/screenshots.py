"""Makes the pictures of docs/images: mitmweb after the situations of tests/browser, in a headless Chromium.

scripts/screenshots                 # all of them
scripts/screenshots answer attempts # those whose names begin so
scripts/screenshots --list          # their names

Needs Chromium with its driver (apt-get install chromium chromium-driver). Times differ a little from run to run, so
pictures do: make those anew whose views have changed.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from PIL import Image

from tests.browser.inspector import Inspector, browser, found
from tests.browser.shots import SHOTS, Shot
from tests.browser.situations import STORY, stage

FOLDER = ROOT / "docs" / "images"
PORT = 8317
COLOURS = 256


def main(arguments: list[str]) -> int:
    """Status 1 where there is no browser, or no such picture."""
    if "-h" in arguments or "--help" in arguments:
        print(__doc__)
        return 0
    if "--list" in arguments:
        print("\n".join(shot.name for shot in SHOTS))
        return 0
    wanted = [shot for shot in SHOTS if not arguments or shot.name.startswith(tuple(arguments))]
    if not wanted:
        print(f"no such picture: there are {', '.join(shot.name for shot in SHOTS)}", file=sys.stderr)
        return 1
    if found() is None:
        print("no Chromium with its driver here: apt-get install chromium chromium-driver", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="cliproxy-") as home,
        stage(Path(home), port=PORT) as here,
        browser(Path(home) / "chromium") as driver,
    ):
        for situation in STORY:
            situation.play(here)
        for shot in wanted:
            take(Inspector(driver, here.inspector), shot)
    return 0


def take(page: Inspector, shot: Shot) -> None:
    """One picture, in few colours."""
    if shot.flow:
        page.open(shot.flow, shot.place)
        page.tab(shot.tab)
    if shot.view:
        page.view(shot.view)
        page.rest()
    path = FOLDER / f"{shot.name}.png"
    page.picture(path)
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
