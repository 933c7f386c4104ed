#!/bin/sh
# Every dialect with curl: examples/curl.sh [MODEL]
set -eu
base="${CLIPROXY:-http://127.0.0.1:8317}"
model="${1:-demo-text}"

ask() {
    echo "--- $1"
    curl -sS --fail-with-body "$base$1" -H 'content-type: application/json' \
        -H "authorization: Bearer ${CLIPROXY_KEY:-any}" -d "$2"
    echo
}

ask /v1/chat/completions "{\"model\":\"$model\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}"
ask /v1/responses "{\"model\":\"$model\",\"input\":\"Hello\"}"
ask /v1/messages "{\"model\":\"$model\",\"max_tokens\":500,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}"
ask "/v1beta/models/$model:generateContent" '{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}'
ask /v1/completions "{\"model\":\"$model\",\"prompt\":\"Hello\",\"max_tokens\":500}"
