"""What each service documents of the messages that its webhooks take, as JSON Schema, in our own words.

Slack: "Sending messages using incoming webhooks". Teams: "Create incoming webhooks with Workflows", Adaptive Card 1.4.
Feishu: "Custom bot usage guide". DingTalk: "Custom robot access", type text. WeCom: "Group robot configuration".
"""

from typing import Any

_TEXT = {"type": "string", "minLength": 1}


def _exactly(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False
    }  # fmt: skip


_BLOCK = {
    "type": "object",
    "properties": {
        "type": {"const": "TextBlock"},
        "text": _TEXT,
        "wrap": {"type": "boolean"},
        "weight": {"enum": ["Default", "Lighter", "Bolder", "default", "lighter", "bolder"]},
    },
    "required": ["type", "text"],
    "additionalProperties": False,
}
_CARD = {
    "type": "object",
    "properties": {
        "$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"},
        "type": {"const": "AdaptiveCard"},
        "version": {"enum": ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"]},
        "body": {"type": "array", "items": _BLOCK, "minItems": 1},
    },
    "required": ["type", "version", "body"],
    "additionalProperties": False,
}
_ATTACHMENT = _exactly(
    contentType={"const": "application/vnd.microsoft.card.adaptive"}, contentUrl={"type": "null"}, content=_CARD
)

DOCUMENTED: dict[str, dict[str, Any]] = {
    "slack": _exactly(text={**_TEXT, "maxLength": 40000}),
    "teams": _exactly(
        type={"const": "message"},
        attachments={"type": "array", "items": _ATTACHMENT, "minItems": 1, "maxItems": 1},
    ),
    "feishu": _exactly(msg_type={"const": "text"}, content=_exactly(text=_TEXT)),
    "dingtalk": _exactly(msgtype={"const": "text"}, text=_exactly(content=_TEXT)),
    "wecom": _exactly(msgtype={"const": "text"}, text=_exactly(content={**_TEXT, "maxLength": 2048})),
    "json": {
        "type": "object",
        "properties": {
            "source": {"const": "roma-migrate"},
            "kinds": {"type": "array", "items": {"enum": ["started", "needs-a-person", "failed", "done"]}},
            "plan": _TEXT,
            "run": {"type": "string"},
            "code": {"type": ["integer", "null"]},
            "sentence": _TEXT,
            "why": {"type": "string"},
            "who": {"type": "string"},
            "next": {"type": "string"},
            "counts": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
            "host": _TEXT,
            "time": {"type": "string", "pattern": "^[0-9-]{10}T[0-9:]{8}Z$"},
        },
        "required": ["source", "kinds", "plan", "code", "sentence", "host", "time"],
        "additionalProperties": False,
    },
}
