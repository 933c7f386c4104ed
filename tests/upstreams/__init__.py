"""Fake upstreams: real HTTP servers that speak the four dialects, judge every request, and misbehave on command."""

from tests.upstreams.answers import Answer, Call, Gate, Play, Usage
from tests.upstreams.server import FakeUpstream, Seen

__all__ = ["Answer", "Call", "FakeUpstream", "Gate", "Play", "Seen", "Usage"]
