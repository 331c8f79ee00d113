"""The address of a journal's database. Law: the password in it is a reference; one in the open is never repeated."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.plan.plan import SecretRef
from orchestrator.core.plan.scalars import reference_of
from orchestrator.errors import OperatorError
from orchestrator.storage.secrets import resolve_reference

#: bytes of an address at most
_LONGEST = 4096
_HOST = r"(?:[\w.%~-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
#: scheme, user, password, and what follows: hosts, database, settings of the connection
_SHAPE = re.compile(
    rf"(postgres(?:ql)?)://(?:([^:@/?#\s]*)(?::(.*))?@)?({_HOST}(?:,{_HOST})*/[^@/?\s]+(?:\?[^@?\s]*)?)", re.DOTALL
)
#: settings of a connection that hold a secret, or that this program gives itself
_REFUSED = re.compile(r"[?&](password|sslpassword|oauth_client_secret|options|dbname|service)=")
_EXAMPLE = "postgresql://USER:${env:JOURNAL_PASSWORD}@HOST:5432/DATABASE?sslmode=verify-full"
_WRITE = f"write it like {_EXAMPLE} (in single quotes, so that the shell leaves it alone)"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is; nothing of it is a secret."""

    #: as it was written, to be pasted
    written: str
    #: for libpq, without a password
    uri: str
    reference: SecretRef | None

    @property
    def shown(self) -> str:
        """Scheme, user, hosts and database, for people."""
        return self.uri.partition("?")[0]

    def password(self, environ: Mapping[str, str], folder: Path) -> str:
        """The password, or "" where libpq is to find one itself; raises OperatorError."""
        if self.reference is None:
            return ""
        return resolve_reference("--journal", self.reference, environ, folder)


def parse_address(text: str) -> Address:
    """Raises OperatorError."""
    found = _SHAPE.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise OperatorError("--journal is no address of a PostgreSQL database", next_step=_WRITE)
    scheme, user, password, rest = found.groups()
    reference = reference_of(password) if password is not None else None
    if password is not None and reference is None:
        raise OperatorError(
            "--journal: a password stands in it in the open (not shown); put it into an environment variable or a file",
            next_step=_WRITE,
        )
    if refused := _REFUSED.search(f"?{rest.partition('?')[2]}"):
        raise OperatorError(f"--journal: {refused[1]} cannot be set in the address", next_step=_WRITE)
    return Address(text, f"{scheme}://{user}@{rest}" if user else f"{scheme}://{rest}", reference)
