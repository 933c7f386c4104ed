"""Prints where cliproxy listens according to its configuration: `HOST PORT`.

    python scripts/lib/listen.py [CONFIG]

What is wrong with the file goes to stderr, a line each, and ends with status 1: nothing should start then.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from addons.config.load import find, load
from addons.config.model import Config


def main(explicit: str) -> int:
    path = find(explicit, os.environ, Path.cwd(), Path.home())
    config: Config | None = Config()
    if path is not None:
        loaded = load(path)
        config = loaded.config
        if config is None:
            for problem in loaded.problems:
                print(problem, file=sys.stderr)
            return 1
    assert config is not None
    print(config.host, config.port)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
