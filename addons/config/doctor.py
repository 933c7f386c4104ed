"""doctor: is this machine, this config, are these credentials all right? Says what to mend. Uses no network.

    scripts/doctor [--config FILE]

Ends with 1 if something keeps cliproxy from working, with 0 otherwise.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from addons.config.examine import examine
from addons.config.findings import Check

_MARKS = {"ok": "ok", "warning": "look", "error": "MEND"}


def main(argv: list[str]) -> int:
    """Examine and print. argv: the arguments without the program's name."""
    parser = argparse.ArgumentParser(prog="doctor", description="Checks config, credentials and environment, offline.")
    parser.add_argument("--config", default="", metavar="FILE", help="the config file (default: as cliproxy finds it)")
    asked = parser.parse_args(argv)
    return run(asked.config, os.environ, Path.cwd(), Path.home(), print)


def run(config: str, env: Mapping[str, str], cwd: Path, home: Path, say: Callable[[str], object]) -> int:
    """As `main`, with the world given."""
    checks = examine(config, env, cwd, home)
    for line in table(checks):
        say(line)
    return 1 if any(check.state == "error" for check in checks) else 0


def table(checks: list[Check]) -> list[str]:
    """The checks as lines: state, subject, finding; below it, indented, what to mend."""
    width = max(len(check.subject) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{_MARKS[check.state]:<5} {check.subject:<{width}}  {check.finding}")
        lines.extend(f"{'':<{width + 8}}{line}" for line in check.advice)
    errors = sum(check.state == "error" for check in checks)
    warnings = sum(check.state == "warning" for check in checks)
    lines.append("")
    if errors:
        lines.append(f"{_counted(errors, 'thing')} to mend, {_counted(warnings, 'thing')} to look at.")
    elif warnings:
        lines.append(f"Ready. {_counted(warnings, 'thing')} to look at.")
    else:
        lines.append("Ready.")
    return lines


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
