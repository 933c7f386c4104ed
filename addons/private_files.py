"""Files of which nobody but their owner needs to know: logs, exports, test cases. Prompts are private."""

import os
from pathlib import Path


def private_folder(folder: Path) -> None:
    """Make sure that it is there, for us alone if we make it. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_new(path: Path, content: bytes) -> None:
    """A file that only its owner may read, in place of what stood there. Raises OSError."""
    private_folder(path.parent)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
