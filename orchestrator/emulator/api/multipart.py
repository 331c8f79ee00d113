"""Takes apart an uploaded form (API 1.3). Law: a package is one file part of the documented name, or a refusal."""

import re
from collections.abc import Iterator

from orchestrator.emulator.protocol.errors import Refusal, roma
from orchestrator.emulator.protocol.messages import Received, Upload

FIELD = "ImportAssetRequestBody"
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))')
_LEGAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+_-]*\.zip")


def uploaded_package(content_type: str, body: Received, strict_filename: bool) -> Upload:
    """The bytes of the file part; ROMA.13001 without one, ROMA.10013 for an illegal file name."""
    for name, filename, content in _parts(content_type, body):
        if name == FIELD:
            _check_name(filename, strict_filename)
            return content
    raise _no_body()


def form(content_type: str, body: Received) -> dict[str, str]:
    """The parts of an uploaded form by name, read as text; none where it is no form."""
    return {name: bytes(content).decode("utf-8", "replace") for name, _, content in _parts(content_type, body)}


def _parts(content_type: str, body: Received) -> Iterator[tuple[str, str, Upload]]:
    """Name, file name and content of each part."""
    boundary = _boundary(content_type)
    if not boundary or not body:
        return
    marker = b"--" + boundary
    start = body.find(marker)
    while start >= 0:
        head_start = start + len(marker) + 2
        head_end = body.find(b"\r\n\r\n", head_start)
        end = body.find(b"\r\n" + marker, head_end)
        if head_end < 0 or end < 0:
            return
        name, filename = _disposition(body[head_start:head_end])
        held: Upload = body if isinstance(body, bytes) else memoryview(body)
        yield name, filename, held[head_end + 4 : end]
        start = end + 2


def _check_name(filename: str, strict: bool) -> None:
    legal = _LEGAL_NAME.fullmatch(filename) if strict else filename.endswith(".zip")
    if not legal:
        raise roma("ROMA.10013", "Only .zip files are supported. The file name must start with a letter or digit.")


def _boundary(content_type: str) -> bytes:
    kind = content_type.partition(";")[0].strip().lower()
    return _parameters(content_type).get("boundary", "").encode() if kind == "multipart/form-data" else b""


def _disposition(head: bytes) -> tuple[str, str]:
    """Field name and file name of one part."""
    for line in head.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            told = _parameters(value)
            return told.get("name", ""), told.get("filename", "")
    return "", ""


def _parameters(header: str) -> dict[str, str]:
    """What stands behind the semicolons of a header, by name in lower case; the first of a name counts."""
    found: dict[str, str] = {}
    for key, quoted, plain in _PARAMETER.findall(header):
        found.setdefault(key.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain.strip())
    return found


def _no_body() -> Refusal:
    return roma("ROMA.13001", "No request body is available.")
