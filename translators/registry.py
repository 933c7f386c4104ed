"""The dialects, written out. Adding one is a folder and a line here."""

from translators.claude import DIALECT as CLAUDE
from translators.dialect import Dialect
from translators.gemini import DIALECT as GEMINI
from translators.openai_chat import DIALECT as OPENAI_CHAT
from translators.openai_completions import DIALECT as OPENAI_COMPLETIONS
from translators.openai_responses import DIALECT as OPENAI_RESPONSES

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (CLAUDE, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, OPENAI_COMPLETIONS)
}
