"""The small changes that single upstreams want."""

import pytest

from providers import catalog
from providers.steps import STEPS, drop_call_ids


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"contents":[{"role":"user","parts":[{"text":"\\"id\\""}]}]}', None),
        (
            b'{"contents":[{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{"id":1.0}},'
            b'"thoughtSignature":"s"}]},{"parts":[{"function_response":{"name":"f","id":"a","response":{}}}]}],"x":1}',
            b'{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{"id":1.0}},'
            b'"thoughtSignature":"s"}]},{"parts":[{"function_response":{"name":"f","response":{}}}]}],"x":1}',
        ),
        (
            b'{"generateContentRequest":{"contents":[{"parts":[{"functionCall":{"id":"a","name":"f"}}]}]}}',
            b'{"generateContentRequest":{"contents":[{"parts":[{"functionCall":{"name":"f"}}]}]}}',
        ),
        (b'{"id":1}', None),
        (b'{"contents":[{"id":2}]}', None),
    ],
)
def test_call_ids_go_and_nothing_else(body, expected):
    assert drop_call_ids(body) == (expected or body)


def test_every_step_that_data_names_exists():
    for provider in catalog.load().providers.values():
        assert set(provider.steps) <= set(STEPS)
