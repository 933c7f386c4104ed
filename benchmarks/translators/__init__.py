"""How fast the translators are, bytes in to bytes out: `scripts/bench translators`."""
