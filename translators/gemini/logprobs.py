"""Log probabilities of an answer, as the model keeps them (OpenAI's list of tokens)."""

import msgspec
from msgspec import Raw

from translators.gemini import wire


def read_logprobs(result: wire.LogprobsResult) -> Raw | None:
    """Log probabilities in the model's form: a list of {token, logprob, top_logprobs}."""
    tops = result.top_candidates or []
    tokens = []
    for index, chosen in enumerate(result.chosen_candidates or []):
        others = (tops[index].candidates or []) if index < len(tops) else []
        tokens.append(_token(chosen) | {"top_logprobs": [_token(other) for other in others]})
    return Raw(msgspec.json.encode(tokens)) if tokens else None


def _token(said: wire.LogprobsToken) -> dict[str, object]:
    token = said.token or ""
    return {"token": token, "logprob": said.log_probability or 0.0, "bytes": list(token.encode("utf-8", "replace"))}
