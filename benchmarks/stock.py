"""The yardstick: an addon that lets mitmproxy pass every answer on as it comes, and does nothing else."""

from mitmproxy import http


def responseheaders(flow: http.HTTPFlow) -> None:
    assert flow.response
    flow.response.stream = True
