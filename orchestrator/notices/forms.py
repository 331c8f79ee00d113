"""How each service wants to hear it. Law: plain text in the smallest documented message, so that nothing is a command.

What the services count or cut is cut here: a message that is refused for its length tells nobody.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from orchestrator.core.plan.plan import NoticeForm
from orchestrator.notices.notice import Notice

Body = dict[str, Any]

#: bytes of a text at WeCom; the others take several times as much
_WECOM = 2048
_OTHERS = 16000


def body_of(form: NoticeForm, notice: Notice) -> Body:
    """The JSON body of a webhook of that form."""
    return _FORMS[form](notice)


def refused_in(form: NoticeForm, answer: object) -> str:
    """What a service says that answers 200 and refuses all the same, or ""."""
    if form not in _CODES or not isinstance(answer, Mapping):
        return ""
    code, words = _CODES[form]
    return "" if answer.get(code, 0) in (0, "0") else f"{code} {answer.get(code)}: {answer.get(words, '')}"


def _json(notice: Notice) -> Body:
    return {
        "source": "roma-migrate",
        "kinds": sorted(kind.value for kind in notice.kinds),
        "plan": notice.plan,
        "run": notice.run,
        "code": notice.code,
        "sentence": notice.sentence,
        "why": notice.why,
        "who": notice.who,
        "next": notice.next_step,
        "counts": {name: number for name, number in notice.counts.items() if number},
        "host": notice.host,
        "time": datetime.fromtimestamp(notice.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _slack(notice: Notice) -> Body:
    text = cut(notice.text, _OTHERS).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": text}


def _teams(notice: Notice) -> Body:
    blocks: list[Body] = [{"type": "TextBlock", "text": notice.title, "weight": "Bolder", "wrap": True}]
    blocks += [{"type": "TextBlock", "text": cut(line, _OTHERS), "wrap": True} for line in notice.lines]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _feishu(notice: Notice) -> Body:
    return {"msg_type": "text", "content": {"text": cut(notice.text, _OTHERS)}}


def _dingtalk(notice: Notice) -> Body:
    return {"msgtype": "text", "text": {"content": cut(notice.text, _OTHERS)}}


def _wecom(notice: Notice) -> Body:
    return {"msgtype": "text", "text": {"content": cut(notice.text, _WECOM)}}


def cut(text: str, most: int) -> str:
    """The text in at most `most` bytes of UTF-8."""
    encoded = text.encode()
    return text if len(encoded) <= most else encoded[: most - 3].decode("utf-8", "ignore") + "…"


_FORMS: Mapping[NoticeForm, Callable[[Notice], Body]] = {
    NoticeForm.JSON: _json,
    NoticeForm.SLACK: _slack,
    NoticeForm.TEAMS: _teams,
    NoticeForm.FEISHU: _feishu,
    NoticeForm.DINGTALK: _dingtalk,
    NoticeForm.WECOM: _wecom,
}
#: the keys of an answer of 200 that say whether the message was taken
_CODES = {
    NoticeForm.FEISHU: ("code", "msg"),
    NoticeForm.DINGTALK: ("errcode", "errmsg"),
    NoticeForm.WECOM: ("errcode", "errmsg"),
}
