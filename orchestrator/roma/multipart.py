"""The form around an uploaded package (API 1.3). Law: one part, a legal file name, a length known beforehand."""

import os
import re

from orchestrator.errors import PackageDamaged
from orchestrator.roma.transport import FileBody

#: the only field of the form
FIELD = "ImportAssetRequestBody"
_LONGEST_NAME = 64


def file_name(path: str) -> str:
    """A legal upload name made from the file's own: what ROMA.10013 lets pass, read narrowly (API 1.3)."""
    stem = os.path.basename(path).removesuffix(".zip")
    legal = re.sub(r"[^A-Za-z0-9+_-]", "-", stem)[: _LONGEST_NAME - len(".zip")].lstrip("+_-")
    return f"{legal or 'package'}.zip"


def package_form(path: str, boundary: str) -> tuple[str, FileBody]:
    """The Content-Type and the body that uploads the file at `path`; raises PackageDamaged when it cannot be read."""
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise PackageDamaged(f"the stored package {path} cannot be read: {error.strerror}") from error
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{FIELD}"; filename="{file_name(path)}"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    )
    body = FileBody(head.encode(), path, size, f"\r\n--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", body
