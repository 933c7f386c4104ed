"""Prints where cliproxy listens, `HOST PORT`, if it can: a start that cannot work should end before it begins.

    python scripts/lib/listen.py CONFIG HOST PORT

Each may be empty: then the configuration is looked for, and says the rest. What is in the way goes to stderr, a line
each, and ends with status 1.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from addons.config.listen import busy, refusal, tls_refusal
from addons.config.load import find, load
from addons.config.model import Config


def main(explicit: str, host: str, port: str) -> int:
    """Print where it will listen; status 1, and why, where it cannot."""
    path = find(explicit, os.environ, Path.cwd(), Path.home())
    config = Config()
    if path is not None:
        loaded = load(path)
        if loaded.config is None:
            return stop(*map(str, loaded.problems))
        config = loaded.config
    if port and not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        return stop(f"--port {port}: should be a number from 0 to 65535")
    at, number = host or config.host, int(port or config.port)
    if why := refusal(at, config.api_keys) or tls_refusal(config.tls):
        return stop(f"cliproxy does not start: {why}")
    if why := busy(at, number):
        return stop(f"cliproxy does not start: {why}", "  Another port: scripts/serve --port N")
    print(at, number)
    return 0


def stop(*lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*[*sys.argv[1:], "", "", ""][:3]))
