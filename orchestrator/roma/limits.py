"""How much an answer may hold. Law: whatever the service says, it costs a bounded amount of memory.

An instance holds 100 applications, 1,000 tasks and 500 data sources (API 4, [D:QUO]). The bounds here are a hundred
times the documented ones or more [I], so that no real instance reaches them; an answer beyond them is garbage.
"""

import re

#: bytes that a JSON answer may have: 1,000 entries, the longest page that is asked for, are about 2 MiB
JSON_BYTES = 16 * 1024 * 1024
#: values in one JSON answer: each costs some 70 bytes of memory, whatever it is written in
JSON_VALUES = 400_000
#: bytes of an error's body that are looked at
ERROR_BYTES = 65536
#: entries of one list, all pages together
MOST_ENTRIES = 100_000
#: pages of one list
MOST_PAGES = 1000
#: reasons of one job; the schema says at most 10 (API 1.4)
MOST_REASONS = 1000
#: characters of the service's words that are kept
MESSAGE_LENGTH = 500
#: characters of a code, a status or a type that are kept (API 1.4: 64)
CODE_LENGTH = 64
#: characters of an asset's name in a reason that are kept: names have at most 256 (API 1.8)
NAME_LENGTH = 256
#: characters of any other text, such as a path; what must be there is refused beyond it, the rest is cut
TEXT_LENGTH = 4096
#: characters of the JSON text in a task's details that are read (Finishing 2.5)
DETAIL_LENGTH = 256 * 1024
#: ids are journaled and stand in addresses: 1 to 128 characters (API 1.4) that mean nothing there
_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9._:~-]{1,128}\Z")


def is_id(text: str) -> bool:
    """Whether it can be an id of the service's."""
    return _ID.match(text) is not None


def too_many_values(body: bytes) -> bool:
    """Whether JSON text would take far more memory than its length says; told from the text alone."""
    return body.count(b",") + body.count(b"[") + body.count(b"{") > JSON_VALUES
