"""One write as a request, before it is signed. Law: a body is JSON or a form, never both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

_JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Form:
    """A form with one file."""

    #: (name, text)
    fields: tuple[tuple[str, str], ...]
    #: name, file name and content
    file: tuple[str, str, bytes] = field(repr=False)
    #: what stands in none of them
    boundary: str
    #: of the file
    kind: str = "application/json"

    @property
    def bytes(self) -> bytes:
        opened = f"--{self.boundary}\r\nContent-Disposition: form-data; name="
        fields = "".join(f'{opened}"{name}"\r\n\r\n{text}\r\n' for name, text in self.fields)
        name, filename, content = self.file
        head = f'{fields}{opened}"{name}"; filename="{filename}"\r\nContent-Type: {self.kind}\r\n\r\n'
        return head.encode() + content + f"\r\n--{self.boundary}--\r\n".encode()


@dataclass(frozen=True, slots=True)
class Spelled:
    """One write as a request."""

    method: str
    #: the family of paths, such as `fdi/instances` (Finishing 1)
    room: str
    path: tuple[str, ...]
    body: Mapping[str, object] | None = None
    form: Form | None = None

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.form.boundary}" if self.form else _JSON

    @property
    def bytes(self) -> bytes | None:
        if self.form is not None:
            return self.form.bytes
        return None if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()
