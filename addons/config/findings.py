"""What the doctor's checks tell."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table. advice: what to mend, a line each."""

    subject: str
    state: State
    finding: str
    advice: tuple[str, ...] = ()


def readable_by_others(path: Path) -> bool:
    """True if group or others have any right; always False on Windows, where the mode says nothing."""
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)
