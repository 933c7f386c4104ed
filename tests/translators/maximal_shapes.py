"""What the wire structs do not say of themselves: one table for each dialect that clients speak.

Keys are `Struct.field` in wire spelling. A field without a line here is made as its type says.
"""

from typing import Any

from tests.translators.maximal import Bytes, Fixed, Form, One, Only, Same, With, Without
from translators import openai_completions
from translators.claude import wire as claude
from translators.gemini import wire as gemini
from translators.openai_chat import wire as chat
from translators.openai_responses import wire as responses

PNG = Bytes("iVBORw0K")
TEXT = Form("{}")
SCHEMA = {
    "type": "object",
    "properties": {"place": {"type": "string", "description": TEXT}, "n": {"type": "integer", "maximum": 900_000}},
    "required": ["place"],
    "additionalProperties": Fixed(False),
}
ARGUMENTS = {"place": TEXT, "n": 800_000}
ARGUMENTS_TEXT = Form('{{"place":"{}"}}')
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": TEXT}
PLACE = {"type": "approximate", "city": TEXT, "region": TEXT, "country": TEXT, "timezone": TEXT}

SAMPLING: dict[str, Any] = {
    "temperature": 0.5, "top_p": 0.96, "topP": 0.96, "top_k": 40_000, "topK": 40_000, "seed": 50_000,
    "frequency_penalty": 0.25, "presence_penalty": 0.35, "frequencyPenalty": 0.25, "presencePenalty": 0.35,
}  # fmt: skip


def _sampling(owner: str) -> dict[str, Any]:
    return {f"{owner}.{name}": shape for name, shape in SAMPLING.items()}


# --- Claude ---------------------------------------------------------------------------------------------------------

_SEARCHED = {
    "type": "web_search_tool_result",
    "tool_use_id": Same("srvtoolu_"),
    "content": [{"type": "web_search_result", "url": Form("https://{}.test/"), "title": TEXT}],
}
_LEAVES: list[Any] = [
    claude.TextBlock,
    claude.ImageBlock,
    claude.DocumentBlock,
    With(claude.SearchResultBlock, content=[claude.TextBlock]),
]

CLAUDE: dict[str, Any] = {
    "MessagesRequest.messages": [
        With(claude.Message, role="user", content=[*_LEAVES, claude.ContainerUploadBlock]),
        With(claude.Message, role="system", content=[claude.TextBlock]),
        With(
            claude.Message,
            role="assistant",
            content=[
                claude.ThinkingBlock,
                claude.RedactedThinkingBlock,
                With(
                    claude.TextBlock, citations=[{"type": "char_location", "cited_text": TEXT, "document_index": 1000}]
                ),
                {"type": "server_tool_use", "id": Same("srvtoolu_"), "name": "web_search", "input": {"query": TEXT}},
                _SEARCHED,
                claude.ToolUseBlock,
            ],
        ),
        With(claude.Message, role="user", content=[claude.ToolResultBlock]),
        With(claude.Message, role="assistant", content=TEXT),
        With(claude.Message, role="user", content=TEXT),
    ],
    "MessagesRequest.system": One([claude.TextBlock], TEXT),
    "MessagesRequest.max_tokens": 90_000,
    "MessagesRequest.stop_sequences": [TEXT, TEXT],
    "MessagesRequest.tools": [
        claude.CustomTool,
        With(claude.CustomTool, type="custom", name=TEXT, defer_loading=False, strict=False),
        {
            "type": "web_search_20250305",
            "name": "web_search",
            "max_uses": 1000,
            "allowed_domains": [TEXT],
            "user_location": PLACE,
        },
        {"type": "bash_20250124", "name": "bash"},
        {"type": "code_execution_20250825", "name": "code_execution"},
    ],
    "MessagesRequest.mcp_servers": [{"type": "url", "url": Form("https://{}.test"), "name": TEXT}],
    "MessagesRequest.container": {"id": TEXT},
    "MessagesRequest.thread": Without,  # refused
    "MessagesRequest.service_tier": One("standard_only", "auto"),
    "MessagesRequest.speed": "fast",
    "MessagesRequest.context_management": {"edits": [{"type": "clear_tool_uses_20250919", "keep": TEXT}]},
    "MessagesRequest.inference_geo": TEXT,
    "MessagesRequest.diagnostics": {"previous_message_id": TEXT},
    "MessagesRequest.stream": One(Fixed(False), Fixed(True)),
    "MessagesRequest.output_format": One(Without, claude.JsonFormat),
    "MessagesRequest.output_config": One(claude.OutputConfig, Without, Only(claude.OutputConfig, effort="low")),
    "MessagesRequest.thinking": One(
        With(claude.Thinking, type="enabled", budget_tokens=30_000, display=One("summarized", "omitted")),
        Only(claude.Thinking, type="adaptive", display="omitted"),
        Only(claude.Thinking, type="disabled"),
        Without,
    ),
    "MessagesRequest.tool_choice": One(
        Only(claude.ToolChoice, type="auto", disable_parallel_tool_use=Fixed(True)),
        Only(claude.ToolChoice, type="tool", name=Same("tool"), disable_parallel_tool_use=Fixed(True)),
        Only(claude.ToolChoice, type="any", disable_parallel_tool_use=Fixed(False)),
        Only(claude.ToolChoice, type="none"),
        Without,
    ),
    "JsonFormat.type": "json_schema",
    "JsonFormat.schema": SCHEMA,
    "OutputConfig.effort": One("high", "max"),
    "CacheControl.ttl": One("1h", "5m"),
    "CustomTool.type": Without,
    "CustomTool.name": Same("tool"),
    "CustomTool.input_schema": SCHEMA,
    "Base64Source.media_type": "image/png",
    "Base64Source.data": PNG,
    "UrlSource.url": Form("https://{}.test/a.png"),
    "TextSource.media_type": "text/plain",
    "ContentSource.content": One([claude.TextBlock, With(claude.ImageBlock, source=claude.UrlSource)], TEXT),
    "TextBlock.citations": Without,
    "DocumentBlock.source": One(
        With(claude.Base64Source, media_type="application/pdf", data=Bytes("JVBERi0x")),
        claude.TextSource,
        claude.ContentSource,
        claude.UrlSource,
        claude.FileSource,
    ),
    "ToolUseBlock.id": Same("toolu_"),
    "ToolUseBlock.name": Same("tool"),
    "ToolUseBlock.input": ARGUMENTS,
    "ToolUseBlock.caller": {"type": "program", "caller_id": TEXT},
    "ToolResultBlock.tool_use_id": Same("toolu_"),
    "ToolResultBlock.content": One([*_LEAVES, claude.ToolReferenceBlock], TEXT),
    "ToolReferenceBlock.tool_name": Same("tool"),
} | _sampling("MessagesRequest")

# --- Chat Completions -----------------------------------------------------------------------------------------------

_PARTS: list[Any] = [
    Only(chat.Part, type="text", text=TEXT, prompt_cache_breakpoint=chat.Breakpoint),
    Only(chat.Part, type="text", text=TEXT, cache_control=chat.CacheControl),
    Only(chat.Part, type="image_url", image_url=One(chat.ImageUrl, Form("https://{}.test/b.png"))),
    Only(chat.Part, type="input_audio", input_audio=chat.InputAudio),
    Only(chat.Part, type="file", file=chat.FileInput),
    Only(chat.Part, type="file", file=Only(chat.FileInput, file_id=TEXT, filename=TEXT)),
    Only(chat.Part, type="video_url", video_url=chat.VideoUrl),
    {"type": "hologram", "hologram": {"data": TEXT}},
]
_SAID: list[Any] = [
    Only(chat.Part, type="text", text=TEXT),
    Only(chat.Part, type="refusal", refusal=TEXT),
    Only(chat.Part, type="thinking", thinking=One([{"type": "text", "text": TEXT}], TEXT)),
]


def _said(role: str, **fields: Any) -> Only:
    return Only(chat.Message, role=role, **fields)


CHAT: dict[str, Any] = {
    "Body.model": "m",
    "Body.messages": [
        _said("developer", content=TEXT, name=TEXT),
        _said("system", content=[Only(chat.Part, type="text", text=TEXT)]),
        _said("user", content=_PARTS, name=TEXT),
        _said(
            "assistant",
            content=_SAID,
            name=TEXT,
            reasoning_details=[
                Only(
                    chat.Detail, type="reasoning.text", text=TEXT, signature=TEXT, id=TEXT, format=TEXT, index=Fixed(0)
                ),
                Only(chat.Detail, type="reasoning.summary", summary=TEXT, id=Same("rd_"), format=TEXT, index=Fixed(1)),
                Only(chat.Detail, type="reasoning.encrypted", data=TEXT, id=Same("rd_"), format=TEXT, index=Fixed(2)),
            ],
            tool_calls=[
                Only(
                    chat.Call,
                    id=Same("call_1"),
                    type="function",
                    function=chat.Function,
                    extra_content=chat.ExtraContent,
                ),
                Only(chat.Call, id=Same("call_2"), type="custom", custom=chat.Custom),
            ],
        ),
        _said("tool", tool_call_id=Same("call_1"), content=TEXT),
        _said("tool", tool_call_id=Same("call_2"), content=[Only(chat.Part, type="text", text=TEXT)]),
        _said("assistant", content=TEXT, reasoning_content=TEXT, annotations=[chat.Annotation], refusal=TEXT),
        _said("user", content=TEXT),
        _said("assistant", audio=chat.AudioRef, reasoning=TEXT, extra_content=chat.ExtraContent, content=TEXT),
        _said("system", content=TEXT, name=TEXT),
        _said("user", content=TEXT),
        _said("assistant", function_call=Only(chat.Function, name=Same("old"), arguments=ARGUMENTS_TEXT)),
        _said("function", name=Same("old"), content=TEXT),
        _said("user", content=TEXT),
    ],
    "Body.max_completion_tokens": One(90_000, Without),
    "Body.max_tokens": One(Without, 90_000),
    "Body.n": One(Fixed(2), Fixed(1)),
    "Body.stop": One([TEXT, TEXT], TEXT),
    "Body.logit_bias": {"50256": 1000},
    "Body.logprobs": One(Fixed(True), Fixed(False)),
    "Body.top_logprobs": One(Fixed(3), Without),
    "Body.tools": [
        Only(chat.ToolDef, type="function", function=chat.FunctionDef, cache_control=chat.CacheControl),
        Only(chat.ToolDef, type="custom", custom=chat.CustomDef),
        Only(chat.ToolDef, type="function", name=TEXT, description=TEXT, parameters=SCHEMA, strict=Fixed(True)),
        {"type": "file_search", "vector_store_ids": [TEXT]},
    ],
    "Body.functions": One(Without, [Only(chat.FunctionDef, name=Same("old"), description=TEXT, parameters=SCHEMA)]),
    "Body.function_call": One(Without, chat.Named, "none"),
    "Body.tool_choice": One(
        "required",
        "none",
        "auto",
        Only(chat.Choice, type="function", function=chat.Named),
        Only(chat.Choice, type="custom", custom=With(chat.Named, name=Same("free"))),
        Only(chat.Choice, type="allowed_tools", allowed_tools=chat.Allowed),
        Without,
    ),
    "Named.name": Same("tool"),
    "Allowed.mode": One("required", "auto"),
    "Allowed.tools": [
        Only(chat.AllowedTool, type="function", function=chat.Named),
        Only(chat.AllowedTool, type="custom", custom=With(chat.Named, name=Same("free"))),
        Only(chat.AllowedTool, type="function", name=Same("tool")),
    ],
    "Body.parallel_tool_calls": One(Fixed(False), Fixed(True)),
    "Body.reasoning_effort": One("high", "minimal", "none", Without),
    "Body.reasoning": One(
        Without,
        Only(chat.ReasoningOptions, max_tokens=20_000, exclude=Fixed(True)),
        Only(chat.ReasoningOptions, effort="low", exclude=Fixed(True)),
        Only(chat.ReasoningOptions, enabled=Fixed(True)),
    ),
    "Body.thinking": One(
        Without,
        Only(chat.ThinkingOptions, type="enabled", budget_tokens=20_000),
        Only(chat.ThinkingOptions, type="auto"),
    ),
    "Body.verbosity": One("low", "high"),
    "Body.stream": One(Fixed(False), Fixed(True)),
    "Body.modalities": One(["text", "audio"], ["text", "image"]),
    "Body.audio": {"voice": TEXT, "format": "wav"},
    "Body.prediction": {"type": "content", "content": TEXT},
    "Body.service_tier": One("flex", "priority", "auto", "default"),
    "Body.metadata": {"q8001z": TEXT},
    "Body.prompt_cache_retention": One("24h", "in_memory", Without),
    "Body.moderation": {"model": TEXT},
    "Part.text": TEXT,
    "ImageUrl.url": One(Form("https://{}.test/b.png"), Bytes("data:image/png;base64,iVBORw0K")),
    "ImageUrl.detail": One("high", "low"),
    "VideoUrl.url": One(Form("https://{}.test/b.mp4"), Bytes("data:video/mp4;base64,AAAA")),
    "InputAudio.data": Bytes("UklGRgAA"),
    "InputAudio.format": One("wav", "mp3"),
    "FileInput.file_id": Without,
    "FileInput.file_data": One(Bytes("data:application/pdf;base64,JVBERi0x"), Bytes("data:text/plain;base64,")),
    "FileInput.filename": Form("{}.pdf"),
    "CacheControl.type": "ephemeral",
    "CacheControl.ttl": One("1h", "5m"),
    "Breakpoint.mode": "explicit",
    "Breakpoint.ttl": One("30m", "12h"),
    "Function.name": Same("tool"),
    "Function.arguments": One(ARGUMENTS_TEXT, ARGUMENTS),
    "Custom.name": Same("free"),
    "FunctionDef.name": Same("tool"),
    "FunctionDef.parameters": SCHEMA,
    "CustomDef.name": Same("free"),
    "CustomDef.format": One(
        {"type": "grammar", "grammar": {"syntax": "lark", "definition": TEXT}}, GRAMMAR, {"type": "text"}
    ),
    "Annotation.type": "url_citation",
    "Annotation.index": Fixed(0),
    "UrlCitation.url": Form("https://{}.test/cited"),
    "UrlCitation.start_index": Fixed(1),
    "UrlCitation.end_index": Fixed(3),
    "ResponseFormat.type": "json_schema",
    "Body.response_format": One(
        chat.ResponseFormat,
        Only(chat.ResponseFormat, type="json_object"),
        Only(chat.ResponseFormat, type="text"),
        Without,
    ),
    "JsonSchema.schema": SCHEMA,
    "SearchOptions.search_context_size": "high",
    "UserLocation.type": "approximate",
    "CacheOptions.mode": "explicit",
    "CacheOptions.ttl": "30m",
    "GoogleExtra.thought": Fixed(True),
} | _sampling("Body")

# --- Responses ------------------------------------------------------------------------------------------------------

_IN: list[Any] = [
    Only(responses.TextPart, type="input_text", text=TEXT, prompt_cache_breakpoint={"mode": "explicit"}),
    With(responses.ImagePart, type="input_image"),
    Only(responses.ImagePart, type="input_image", file_id=TEXT, detail="high"),
    With(responses.FilePart, type="input_file"),
    Only(responses.FilePart, type="input_file", file_url=Form("https://{}.test/c.pdf"), filename=TEXT),
    Only(responses.FilePart, type="input_file", file_id=TEXT),
    With(responses.AudioPart, type="input_audio"),
    {"type": "hologram", "hologram": {"data": TEXT}},
]
RESPONSES: dict[str, Any] = {
    "Body.model": "m",
    "Body.input": One(
        [
            With(responses.Message, role="developer", content=TEXT),
            With(responses.Message, role="system", content=[Only(responses.TextPart, type="input_text", text=TEXT)]),
            With(responses.Message, role="user", content=_IN),
            responses.ReasoningItem,
            With(
                responses.Message,
                role="assistant",
                content=[
                    Only(
                        responses.TextPart,
                        type="output_text",
                        text=TEXT,
                        annotations=[responses.Annotation],
                        logprobs=[],
                    ),
                    With(responses.RefusalPart, type="refusal"),
                ],
            ),
            responses.FunctionCall,
            responses.CustomCall,
            With(responses.CallOutput, type="function_call_output", call_id=Same("call_1")),
            With(responses.CallOutput, type="custom_tool_call_output", call_id=Same("call_2"), name=TEXT),
            {"type": "web_search_call", "id": TEXT, "status": "completed", "action": {"type": "search", "query": TEXT}},
            {"type": "item_reference", "id": TEXT},
            {"type": "compaction", "id": TEXT, "encrypted_content": TEXT},
            With(responses.AdditionalTools, type="additional_tools"),
            With(responses.Message, role="developer", content=TEXT),
            With(responses.Message, role="user", content=TEXT),
        ],
        TEXT,
    ),
    "Body.max_output_tokens": 90_000,
    "Body.tools": [
        responses.Function,
        responses.Custom,
        With(responses.Namespace, type="namespace"),
        {
            "type": "web_search",
            "search_context_size": "high",
            "user_location": PLACE,
            "filters": {"allowed_domains": [TEXT]},
        },
        {"type": "file_search", "vector_store_ids": [TEXT]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ],
    "Body.tool_choice": One(
        "required",
        "none",
        Only(responses.Choice, type="function", name=Same("tool")),
        Only(responses.Choice, type="custom", name=Same("free")),
        Only(
            responses.Choice,
            type="allowed_tools",
            mode=One("required", "auto"),
            tools=[
                Only(responses.Choice, type="function", name=Same("tool")),
                Only(responses.Choice, type="function", name=Same("spaced")),
                Only(responses.Choice, type="custom", name=Same("free")),
            ],
        ),
        Only(responses.Choice, type="web_search"),
        Only(responses.Choice, type="mcp", server_label=TEXT, name=TEXT),
        Without,
    ),
    "Body.parallel_tool_calls": One(Fixed(False), Fixed(True)),
    "Body.top_logprobs": One(Without, Fixed(3)),
    "Body.previous_response_id": Without,  # refused
    "Body.conversation": Without,  # refused
    "Body.background": Without,  # refused
    "Body.include": ["message.output_text.logprobs", "reasoning.encrypted_content", "file_search_call.results"],
    "Body.stream": One(Fixed(False), Fixed(True)),
    "Body.service_tier": One("flex", "priority"),
    "Body.metadata": {"q8001z": TEXT},
    "Body.prompt_cache_retention": One("24h", "in_memory", Without),
    "CacheOptions.mode": "explicit",
    "CacheOptions.ttl": "30m",
    "ReasoningWish.effort": One("high", "minimal", "none", Without),
    "ReasoningWish.summary": One("detailed", "auto", Without),
    "ReasoningWish.generate_summary": One(Without, "concise"),
    "Body.text": One(responses.TextWish, With(responses.TextWish, format=Only(responses.Format, type="json_object"))),
    "TextWish.verbosity": One("low", "high"),
    "Format.type": "json_schema",
    "Format.schema": SCHEMA,
    "Message.type": "message",
    "Message.status": "completed",
    "Message.phase": One("commentary", "final_answer"),
    "FunctionCall.call_id": Same("call_1"),
    "FunctionCall.name": Same("tool"),
    "FunctionCall.arguments": ARGUMENTS_TEXT,
    "FunctionCall.type": "function_call",
    "FunctionCall.status": "completed",
    "FunctionCall.caller": {"type": "program", "caller_id": TEXT},
    "FunctionCall.namespace": Without,
    "CustomCall.call_id": Same("call_2"),
    "CustomCall.name": Same("free"),
    "CustomCall.type": "custom_tool_call",
    "CustomCall.status": "completed",
    "CustomCall.caller": {"type": "program", "caller_id": TEXT},
    "CustomCall.namespace": Without,
    "CallOutput.output": One(TEXT, [_IN[0], _IN[1], _IN[3]]),
    "CallOutput.status": "completed",
    "CallOutput.caller": {"type": "program", "caller_id": TEXT},
    "Piece.type": "summary_text",
    "ReasoningItem.type": "reasoning",
    "ReasoningItem.content": One(Without, [With(responses.Piece, type="reasoning_text")]),
    "ReasoningItem.status": "completed",
    "AdditionalTools.tools": [With(responses.Function, name=TEXT)],
    "AdditionalTools.role": "developer",
    "ImagePart.image_url": One(Form("https://{}.test/c.png"), Bytes("data:image/png;base64,iVBORw0K")),
    "ImagePart.file_id": Without,
    "ImagePart.detail": One("high", "low"),
    "ImagePart.prompt_cache_breakpoint": {"mode": "explicit"},
    "FilePart.file_data": One(Bytes("data:application/pdf;base64,JVBERi0x"), Bytes("data:text/plain;base64,")),
    "FilePart.file_id": Without,
    "FilePart.file_url": Without,
    "FilePart.filename": Form("{}.pdf"),
    "FilePart.prompt_cache_breakpoint": {"mode": "explicit"},
    "AudioData.data": Bytes("UklGRgAA"),
    "AudioData.format": One("wav", "mp3"),
    "Function.name": Same("tool"),
    "Function.type": "function",
    "Function.parameters": SCHEMA,
    "Function.defer_loading": One(Fixed(True), Fixed(False)),
    "Custom.name": Same("free"),
    "Custom.type": "custom",
    "Custom.format": One(GRAMMAR, {"type": "text"}),
    "Namespace.tools": [With(responses.Function, name=Same("spaced"))],
    "Annotation.type": "url_citation",
    "Annotation.url": Form("https://{}.test/cited"),
    "Annotation.start_index": Fixed(1),
    "Annotation.end_index": Fixed(3),
    "Annotation.file_id": Without,
    "Annotation.filename": Without,
} | _sampling("Body")

# --- Gemini ---------------------------------------------------------------------------------------------------------

_GSCHEMA = {
    "type": "OBJECT",
    "properties": {"place": {"type": "STRING", "description": TEXT, "nullable": Fixed(True)}},
    "required": ["place"],
}


def _part(**fields: Any) -> Only:
    return Only(gemini.Part, **fields)


GEMINI: dict[str, Any] = {
    "GenerateRequest.model": Without,  # in the path
    "GenerateRequest.generateContentRequest": Without,  # of countTokens
    "GenerateRequest.cachedContent": Without,  # refused
    "GenerateRequest.contents": One(
        [
            With(
                gemini.Content,
                role="user",
                parts=[
                    _part(text=TEXT),
                    _part(inlineData=gemini.Blob, mediaResolution={"level": "MEDIA_RESOLUTION_HIGH"}),
                    _part(fileData=gemini.FileData, videoMetadata={"startOffset": TEXT}),
                    _part(inlineData=With(gemini.Blob, mimeType="application/pdf", data=Bytes("JVBERi0x"))),
                    _part(inlineData=With(gemini.Blob, mimeType="audio/wav", data=Bytes("UklGRgAA"))),
                    {"hologram": {"data": TEXT}},
                ],
            ),
            With(
                gemini.Content,
                role="model",
                parts=[
                    _part(text=TEXT, thought=Fixed(True)),
                    _part(text=TEXT, thoughtSignature=Bytes("")),
                    _part(functionCall=gemini.FunctionCall, thoughtSignature=Bytes("")),
                    _part(executableCode={"language": "PYTHON", "code": TEXT}),
                    _part(codeExecutionResult={"outcome": "OUTCOME_OK", "output": TEXT}),
                    _part(toolCall={"toolType": "GOOGLE_SEARCH_WEB", "id": Same("ws_"), "args": {"query": TEXT}}),
                    _part(toolResponse={"toolType": "GOOGLE_SEARCH_WEB", "id": Same("ws_"), "response": {"x": TEXT}}),
                ],
            ),
            With(gemini.Content, role="user", parts=[_part(functionResponse=gemini.FunctionResponse)]),
            With(gemini.Content, role="user", parts=[_part(text=TEXT)]),
        ],
        Only(gemini.Content, parts=[_part(text=TEXT)]),
        TEXT,
        [With(gemini.Content, role=role, parts=[_part(text=TEXT)]) for role in ("model", "user", "model")],
    ),
    "GenerateRequest.systemInstruction": One(
        With(gemini.Content, role="system", parts=[_part(text=TEXT), _part(text=TEXT)]),
        Only(gemini.Content, parts=_part(text=TEXT)),
        TEXT,
    ),
    "GenerateRequest.tools": [
        Only(
            gemini.Tool,
            functionDeclarations=[
                With(gemini.FunctionDeclaration, parametersJsonSchema=Without),
                With(gemini.FunctionDeclaration, name=TEXT, parameters=Without),
            ],
        ),
        With(gemini.Tool, functionDeclarations=Without, **{"*": Without}),
        {"hologram": {"data": TEXT}},
    ],
    "GenerateRequest.safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": TEXT}],
    "GenerateRequest.labels": {"q8001z": TEXT},
    "GenerateRequest.serviceTier": One("flex", "priority"),
    "GenerateRequest.store": One(Fixed(True), Fixed(False)),
    "Tool.googleSearch": {"excludeDomains": [TEXT]},
    "Tool.googleSearchRetrieval": {"dynamicRetrievalConfig": {"dynamicThreshold": 0.5}},
    "Tool.enterpriseWebSearch": {"blockingConfidence": TEXT},
    "Tool.codeExecution": {},
    "Tool.urlContext": {},
    "Tool.fileSearch": {"fileSearchStoreNames": [TEXT]},
    "Tool.computerUse": {"environment": TEXT},
    "Tool.googleMaps": {"enableWidget": Fixed(True)},
    "Tool.mcpServers": [{"name": TEXT}],
    "FunctionDeclaration.name": Same("tool"),
    "FunctionDeclaration.parameters": _GSCHEMA,
    "FunctionDeclaration.parametersJsonSchema": SCHEMA,
    "FunctionCallingConfig.mode": One("ANY", "AUTO", "NONE", "VALIDATED"),
    "FunctionCallingConfig.allowedFunctionNames": One([Same("tool")], Without),
    "Blob.mimeType": "image/png",
    "Blob.data": PNG,
    "FileData.fileUri": One(Form("https://www.youtube.com/watch?v={}"), Form("https://{}.test/d.mp4")),
    "FileData.mimeType": "video/mp4",
    "FunctionCall.name": Same("tool"),
    "FunctionCall.id": One(Same("call_"), Without),
    "FunctionCall.args": ARGUMENTS,
    "FunctionCall.partialArgs": Without,  # of answers
    "FunctionCall.willContinue": Without,  # of answers
    "FunctionResponse.name": Same("tool"),
    "FunctionResponse.id": One(Same("call_"), Without),
    "FunctionResponse.response": One({"output": TEXT}, {"error": TEXT}, {"x": TEXT, "n": 700_000}),
    "FunctionResponse.parts": [
        Only(gemini.ResponsePart, inlineData=gemini.Blob),
        Only(gemini.ResponsePart, fileData=gemini.FileData),
    ],
    "GenerationConfig.thinkingConfig": One(
        With(gemini.ThinkingConfig, thinkingLevel=Without),
        With(gemini.ThinkingConfig, thinkingLevel=One("HIGH", "LOW"), thinkingBudget=Without),
        Without,
    ),
    "ThinkingConfig.thinkingBudget": 20_000,
    "ThinkingConfig.includeThoughts": One(Fixed(True), Fixed(False)),
    "GenerationConfig.stopSequences": [TEXT, TEXT],
    "GenerationConfig.responseMimeType": One("application/json", "text/x.enum", "text/plain"),
    "GenerationConfig.responseSchema": One(_GSCHEMA, {"type": "STRING", "enum": [TEXT, TEXT]}, Without),
    "GenerationConfig.responseJsonSchema": One(Without, SCHEMA),
    "GenerationConfig.responseModalities": One(["TEXT", "IMAGE"], ["TEXT"]),
    "GenerationConfig.candidateCount": Fixed(2),
    "GenerationConfig.maxOutputTokens": 90_000,
    "GenerationConfig.logprobs": Fixed(3),
    "GenerationConfig.speechConfig": {"languageCode": TEXT},
    "GenerationConfig.imageConfig": {"aspectRatio": TEXT},
    "GenerationConfig.mediaResolution": "MEDIA_RESOLUTION_LOW",
} | _sampling("GenerationConfig")

# --- legacy completions ---------------------------------------------------------------------------------------------

COMPLETIONS: dict[str, Any] = {
    "Body.model": "m",
    "Body.prompt": One(TEXT, [TEXT]),
    "Body.best_of": Fixed(3),
    "Body.logit_bias": {"50256": 1000},
    "Body.logprobs": Fixed(3),
    "Body.max_tokens": 90_000,
    "Body.n": Fixed(2),
    "Body.stop": One([TEXT, TEXT], TEXT),
    "Body.stream": One(Fixed(False), Fixed(True)),
} | _sampling("Body")

ROOTS: dict[str, tuple[type, dict[str, Any]]] = {
    "claude": (claude.MessagesRequest, CLAUDE),
    "openai-chat": (chat.Body, CHAT),
    "openai-responses": (responses.Body, RESPONSES),
    "gemini": (gemini.GenerateRequest, GEMINI),
    "openai-completions": (openai_completions.Body, COMPLETIONS),
}
"""Dialect → the struct of its body, and its table."""
