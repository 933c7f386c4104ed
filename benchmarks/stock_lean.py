"""The yardstick with the measures of addons/engine/lean.py, to see what these alone are worth."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mitmproxy import ctx, http

from addons.engine import lean


def running() -> None:
    lean.apply(ctx.master, lean=True)


def responseheaders(flow: http.HTTPFlow) -> None:
    assert flow.response
    flow.response.stream = True
