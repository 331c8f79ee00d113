"""The slips that people make in YAML, and their cures. Law: a cure names the line and repeats nothing secret.

The parser says where it gave up, which is often behind the slip; the line itself says what was meant. Where that is
certain, the text comes back repaired, only so that the rest of the file can be read for further problems.
"""

import re
from typing import Protocol

import yaml

from orchestrator.core.plan.problems import SECRET_KEYS, quoted

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
#: a glob without quotes; in brackets it ends at a comma or bracket
_STARRED = re.compile(r"\*[^\s,\[\]{}#:]*")
_REFERENCE = re.compile(r"""(?<!["'])\$\{(env|file):[A-Za-z0-9_./~-]+\}""")
_KEY_RUN_INTO_VALUE = re.compile(r"^\s*(?:- +)?([A-Za-z_][\w-]*):\S")
#: whole words: "tasks" holds no key named "sk"
_SECRET_LINE = re.compile(rf"(?i)(\b({'|'.join(SECRET_KEYS)})\b|password|secret|token|community|authorization|_store)")

# What the parser says, and what to say instead; the first that fits.
_SENTENCES = (
    (
        "mapping values are not allowed",
        'a ": " stands inside a text, or the line is indented wrongly: put the text in quotes',
    ),
    (
        "block sequence entries are not allowed",
        'a "- " may not stand behind a key on its line: begin the list on the next line',
    ),
    ("could not find expected ':'", "a colon and a blank are missing here, or the line is indented wrongly"),
    ("expected ',' or '}'", 'a comma or "}" is missing; a text with one of {}[], must be in quotes'),
    ("expected ',' or ']'", 'a comma or "]" is missing; a text with one of {}[], must be in quotes'),
    ("scanning a block scalar", "a text that begins with > or | must be in quotes"),
    ("scanning an anchor", "a text that begins with & must be in quotes"),
    ("scanning a tag", "a text that begins with ! must be in quotes"),
    ("unexpected end of stream", "the file ends inside quotes: the closing quote is missing"),
    ("unexpected document indicator", "the document ends inside quotes: the closing quote is missing"),
    ("unknown escape", r'an unknown "\..." stands in double quotes: write single quotes, or \\ for a backslash'),
    ("expected node content", "a value is missing, or a bracket is not closed or not opened"),
    ("expected key", "something stands behind a value, or the line is indented wrongly: is a quote missing?"),
    ("expected '-' indicator", "this line is no item of the list around it: it is indented wrongly"),
    (
        "<document start>",
        "this line is indented less than the lines before it: begin every top key in the first column",
    ),
    ("while scanning a directive", 'a line begins with "%": put the text in quotes'),
)


class NotYaml(Exception):
    """The text cannot be read as YAML further than this."""

    def __init__(self, line: int, message: str, repaired: str = "") -> None:
        super().__init__(f"line {line}: {message}")
        #: from 1
        self.line = line
        self.message = message
        #: the whole text as it was surely meant, with the same lines; "" where that is not known
        self.repaired = repaired


class Mark(Protocol):
    """A place in the text, both from 0."""

    line: int
    column: int


def explain(error: yaml.YAMLError, text: str) -> NotYaml:
    """The parser's error as a sentence with its cure."""
    mark: Mark | None = getattr(error, "problem_mark", None)
    if mark is None:
        return NotYaml(1, "this is not YAML: a character stands in it that no text may hold")
    context: Mark | None = getattr(error, "context_mark", None)
    lines = _LINE_BREAK.split(text)
    problem = f"{getattr(error, 'context', '') or ''}: {getattr(error, 'problem', '') or ''}"
    if "scanning an alias" in problem and context is not None:
        return undefined_alias(text, context)
    if "simple key" in problem and context is not None:
        mark = context
    line = _line_at(lines, mark)
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return NotYaml(mark.line + 1, "a tab stands in the indentation: write blanks")
    if "cannot start any token" in problem:
        odd = quoted(line[mark.column : mark.column + 1])
        return NotYaml(mark.line + 1, f"no text can begin with {odd} without quotes: put it in quotes")
    if found := _REFERENCE.search(line):
        message = f'write "{found[0]}" in quotes: in {{...}} and [...] a text with {{}} needs them'
        return NotYaml(mark.line + 1, message, _requoted(text, lines, mark.line, found))
    if "expected ':'" in problem and (found := _KEY_RUN_INTO_VALUE.match(line)):
        return NotYaml(mark.line + 1, f'a blank is missing after the colon: write "{found[1]}: ..."')
    return NotYaml(mark.line + 1, _sentence(problem))


def undefined_alias(text: str, mark: Mark) -> NotYaml:
    """An alias that names nothing is nearly always a glob without quotes."""
    lines = _LINE_BREAK.split(text)
    line = _line_at(lines, mark)
    found = _STARRED.match(line, mark.column)
    shown = '"*"' if found is None or _SECRET_LINE.search(line) else quoted(found[0])
    message = f"write {shown} in quotes: without them a word that begins with * is a YAML alias"
    return NotYaml(mark.line + 1, message, _requoted(text, lines, mark.line, found) if found else "")


def _requoted(text: str, lines: list[str], number: int, found: re.Match[str]) -> str:
    """The text with what was found on that line in quotes."""
    start = sum(len(line) for line in lines[:number])
    # The breaks are one or two characters long, so they are counted from the text itself.
    start += sum(len(found[0]) for found, _ in zip(_LINE_BREAK.finditer(text), range(number), strict=False))
    return f'{text[: start + found.start()]}"{found[0]}"{text[start + found.end() :]}'


def _sentence(problem: str) -> str:
    for part, sentence in _SENTENCES:
        if part in problem:
            return sentence
    return "this is not YAML: look at this line and the one before for a missing quote, bracket, colon or blank"


def _line_at(lines: list[str], mark: Mark) -> str:
    return lines[mark.line] if mark.line < len(lines) else ""
