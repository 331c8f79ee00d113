"""Colours for verdicts. Law: a colour repeats what a word says, and is laid over a line that is already escaped."""

import re

_RED, _YELLOW, _GREEN, _DIM = "31", "33", "32", "2"
#: the words of a verdict, wherever a run's verdict stands -> its colour; the first that fits counts
_VERDICTS = (
    (_YELLOW, "done: everything is imported, some of it could not be verified"),
    (_GREEN, "done: "),
    (_RED, "ended, but "),
    (_RED, "undecided: "),
    (_RED, "an outcome is unknown"),
    (_RED, "the service refuses us"),
    (_RED, "the service cannot be reached"),
    (_RED, "our own memory failed"),
    (_YELLOW, "not finished"),
    (_YELLOW, "unfinished"),
    (_YELLOW, "stopped by "),
    (_YELLOW, "interrupted"),
)
#: how a line begins -> its colour
_BEGINNINGS = (
    (_RED, re.compile(r"(?:- \*\*)?blocker\b|roma-migrate:|verdict: (?:blocked|it does not hold)|refused:")),
    (_YELLOW, re.compile(r"(?:- \*\*)?warning\b|verdict: nothing stands against it \(|away:")),
    (_GREEN, re.compile(r"verdict: (?:nothing stands against it|it still holds)")),
    (_RED, re.compile(r"\d\d:\d\d:\d\d[+-]\d\d:\d\d error\b")),
    (_YELLOW, re.compile(r"\d\d:\d\d:\d\d[+-]\d\d:\d\d warning\b")),
    (_DIM, re.compile(r"\d\d:\d\d:\d\d[+-]\d\d:\d\d debug\b")),
)
_VERDICT = re.compile(r"(?:run \S+(?: of plan .+?)?: |\*\*)(?=(" + "|".join(re.escape(w) for _, w in _VERDICTS) + "))")


def painted(text: str) -> str:
    """The text with its verdicts in colour, line by line."""
    return "\n".join(map(_line, text.split("\n")))


def _line(line: str) -> str:
    if found := _VERDICT.match(line):
        colour = next(colour for colour, word in _VERDICTS if word == found[1])
        return line[: found.end()] + _in(colour, line[found.end() :])
    for colour, beginning in _BEGINNINGS:
        if found := beginning.match(line):
            return _in(colour, found[0]) + line[found.end() :]
    return line


def _in(colour: str, text: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"
