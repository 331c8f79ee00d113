"""Resolves references to secrets, when a command needs them. Law: a secret leaves only inside a value whose
representation hides it; whatever goes wrong, only the reference is named.
"""

import configparser
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.core.model.secrets import (
    AccessKeySecret,
    AssumedAgency,
    CommandKey,
    IdToken,
    PasswordSecret,
    Secret,
    ServerAgency,
)
from orchestrator.core.plan.containers import is_loopback
from orchestrator.core.plan.plan import (
    AccessKey,
    Agency,
    Assume,
    Credentials,
    Oidc,
    Password,
    Plan,
    SdkProfile,
    SecretRef,
    SecretSource,
)
from orchestrator.core.plan.scalars import words_of_command
from orchestrator.errors import OperatorError
from orchestrator.storage.commands import CommandFailed, output_of
from orchestrator.storage.inputs import read_input

#: bytes; a token is at most some kilobytes (API 1.11)
LARGEST_FILE = 64 * 1024

_SDK = "HUAWEICLOUD_SDK_"
#: where servers of the cloud find their metadata service (Finishing 7.1)
METADATA = "http://169.254.169.254"
#: names another one on this machine, for tests; never in a plan, which may come from elsewhere
_METADATA_VARIABLE = "ROMA_MIGRATE_METADATA"
#: where a service manager puts secrets as files: systemd sets it, a pod mounts a folder there
_FOLDER = "CREDENTIALS_DIRECTORY"


def resolve(plan: Plan, names: Iterable[str], environ: Mapping[str, str]) -> Mapping[str, Secret]:
    """The secrets of these credentials, by name.

    Raises one OperatorError that names every reference which is unset, unreadable or empty. Relative paths are taken
    from the folder of the plan file.
    """
    reader = _Reader(environ, Path(plan.path).parent, plan.credentials)
    found = {name: reader.secret(plan.credentials[name]) for name in dict.fromkeys(names)}
    reader.must_be_sound(plan.path)
    return {name: secret for name, secret in found.items() if secret is not None}


def resolve_references(
    plan: Plan, references: Mapping[str, SecretRef], environ: Mapping[str, str]
) -> Mapping[str, str]:
    """What these references stand for, by the place where each stands; raises one OperatorError for all problems."""
    reader = _Reader(environ, Path(plan.path).parent)
    found = {place: reader.value(place, reference) for place, reference in references.items()}
    reader.must_be_sound(plan.path)
    return found


def resolve_reference(place: str, reference: SecretRef, environ: Mapping[str, str], folder: Path) -> str:
    """What one reference outside a plan stands for; raises OperatorError, which names `place`."""
    return resolve_beside({place: reference}, environ, folder)[place]


def resolve_beside(references: Mapping[str, SecretRef], environ: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """What references of another file stand for, by place; raises one OperatorError that names each place."""
    reader = _Reader(environ, folder)
    found = {place: reader.value(place, reference) for place, reference in references.items()}
    reader.must_be_sound("")
    return found


class _Unusable(Exception):
    """Why a reference gives no secret; never holds the secret."""


@dataclass(slots=True)
class _Reader:
    """Reads references and remembers what went wrong."""

    environ: Mapping[str, str]
    #: where relative paths begin
    folder: Path
    #: all credentials of the plan, by name
    credentials: Mapping[str, Credentials] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def must_be_sound(self, plan_file: str) -> None:
        """Raises one OperatorError for everything that went wrong."""
        if self.problems:
            where = f"{plan_file}: " if plan_file else ""
            raise OperatorError(
                *(f"{where}{problem}" for problem in dict.fromkeys(self.problems)),
                next_step="set the variables, make the files readable for this user and see that the commands work, "
                "then run the same command again",
            )

    def secret(self, credentials: Credentials) -> Secret | None:
        """The secret, or None after its problems were noted."""
        match credentials:
            case AccessKey():
                return self._access_key(credentials)
            case Password(name=name, username=username, domain=domain):
                password = self._value(name, "password", credentials.password)
                return PasswordSecret(username, domain, password) if password else None
            case SdkProfile():
                return self._profile(credentials)
            case Agency():
                return self._agency(credentials.name)
            case Oidc():
                return self._id_token(credentials)
            case Assume(domain=domain, agency=agency, by=by):
                held = self.secret(self.credentials[by])
                return AssumedAgency(domain, agency, held) if held is not None else None

    def _access_key(self, key: AccessKey) -> Secret | None:
        first = self._one_key(key)
        parts = (key.ak, key.sk, key.security_token)
        if first is None or all(part is None or part.source is not SecretSource.COMMAND for part in parts):
            return first
        return CommandKey(first, lambda: self._anew(key))

    def _anew(self, key: AccessKey) -> AccessKeySecret:
        """The key once more, later in the run; raises OperatorError."""
        reader = _Reader(self.environ, self.folder)
        found = reader._one_key(key)
        reader.must_be_sound("")
        if found is None:
            raise AssertionError("a key that could not be read without a problem told")
        return found

    def _agency(self, name: str, instead_of: str = "") -> ServerAgency | None:
        endpoint = self.environ.get(_METADATA_VARIABLE, METADATA).rstrip("/")
        if endpoint != METADATA and not (
            endpoint.startswith("http://") and is_loopback(urlsplit(endpoint).hostname or "")
        ):
            self.problems.append(
                f"credentials.{name}.agency: {_METADATA_VARIABLE} is no http:// address of this machine"
            )
            return None
        return ServerAgency(endpoint, instead_of)

    def _id_token(self, oidc: Oidc) -> IdToken | None:
        by_file = bool(oidc.token_file)
        source, name = (SecretSource.FILE, oidc.token_file) if by_file else (SecretSource.ENV, oidc.token_env)
        key = f"oidc.{'token_file' if by_file else 'token_env'}"

        def read() -> str:
            reader = _Reader(self.environ, self.folder)
            token = reader._value(oidc.name, key, SecretRef(source, name), header=True)
            reader.must_be_sound("")
            return token

        # Read now only to tell a mistake at once: each exchange reads it anew.
        found = self._value(oidc.name, key, SecretRef(source, name), header=True)
        return IdToken(oidc.idp, oidc.project, read) if found else None

    def _one_key(self, key: AccessKey) -> AccessKeySecret | None:
        ak = self._value(key.name, "ak", key.ak, header=True)
        sk = self._value(key.name, "sk", key.sk, header=True)
        token = ""
        if key.security_token is not None:
            token = self._value(key.name, "security_token", key.security_token, header=True)
            if not token:
                return None
        return AccessKeySecret(ak, sk, token) if ak and sk else None

    def _value(self, name: str, key: str, reference: SecretRef, *, header: bool = False) -> str:
        """What the reference stands for, or "" after its problem was noted."""
        return self.value(f"credentials.{name}.{key}", reference, header=header)

    def value(self, place: str, reference: SecretRef, *, header: bool = False) -> str:
        """The same, for a reference anywhere in the plan."""
        try:
            value = self._read(reference)
            _check(value, header=header)
        except _Unusable as why:
            self.problems.append(f"{place}: {reference} {why}")
            return ""
        return value

    def _read(self, reference: SecretRef) -> str:
        if reference.source is SecretSource.FILE:
            return self._file(reference.name)
        if reference.source is SecretSource.COMMAND:
            return self._command(reference.name)
        value = self._variable(reference.name)
        if value is None:
            raise _Unusable("is not set")
        return value

    def _variable(self, name: str) -> str | None:
        """A variable; where it is not set, the file of its name in CREDENTIALS_DIRECTORY; None without either."""
        if name in self.environ:
            return self.environ[name]
        folder = self.environ.get(_FOLDER, "")
        if not folder or "/" in name or not (Path(folder) / name).exists():
            return None
        return self._file(str(Path(folder) / name))

    def _file(self, name: str) -> str:
        return _without_newline(_text_of(self._path(name)))

    def _command(self, text: str) -> str:
        try:
            content = output_of(words_of_command(text) or [], self.folder, self.environ, LARGEST_FILE)
            return _without_newline(content.decode("utf-8"))
        except CommandFailed as why:
            raise _Unusable(str(why)) from None
        except UnicodeDecodeError:
            raise _Unusable("prints what is not UTF-8 text") from None

    def _path(self, name: str) -> Path:
        if name.startswith("~/") and self.environ.get("HOME"):
            return Path(self.environ["HOME"]) / name[2:]
        return self.folder / name

    def _profile(self, profile: SdkProfile) -> Secret | None:
        if (nothing := self._no_profile()) is not None:
            return self._agency(profile.name, nothing)
        try:
            ak, sk, token = self._profile_parts()
            for part in (ak, sk):
                _check(part, header=True)
            if token:
                _check(token, header=True)
        except _Unusable as why:
            self.problems.append(f"credentials.{profile.name}.profile: {why}")
            return None
        return AccessKeySecret(ak, sk, token)

    def _no_profile(self) -> str | None:
        """Why only the server's agency is left of the SDK's order, or None where there is something to read."""
        path = self._path(self.environ.get(_SDK + "CREDENTIALS_FILE") or "~/.huaweicloud/credentials")
        told = self.environ.get(_SDK + "CREDENTIALS_FILE") or any(self._variable(_SDK + part) for part in ("AK", "SK"))
        if told or os.path.lexists(path):
            return None
        return f"{_SDK}AK and {_SDK}SK are not set, and {path} does not exist"

    def _profile_parts(self) -> tuple[str, str, str]:
        """The SDK's order: its variables, then its credentials file (API 5)."""
        ak, sk, token = (self._variable(_SDK + part) or "" for part in ("AK", "SK", "SECURITY_TOKEN"))
        if ak and sk:
            return ak, sk, token
        if ak or sk:
            raise _Unusable(f"{_SDK}{'SK' if ak else 'AK'} is not set, though {_SDK}{'AK' if ak else 'SK'} is")
        path = self._path(self.environ.get(_SDK + "CREDENTIALS_FILE") or "~/.huaweicloud/credentials")
        return _from_ini(path)


def _without_newline(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _text_of(path: Path) -> str:
    try:
        content = read_input(path, LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise _Unusable(f"cannot be read: {words.lower()}") from None
    if len(content) > LARGEST_FILE:
        raise _Unusable("is larger than 64 KiB, which is no secret")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise _Unusable("is not UTF-8 text") from None


def _from_ini(path: Path) -> tuple[str, str, str]:
    unset = f"{_SDK}AK and {_SDK}SK are not set, and {path}"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_text_of(path))
        section = parser["basic"]
        ak, sk = section.get("ak", ""), section.get("sk", "")
        token = section.get("security_token", "")
    except _Unusable as why:
        raise _Unusable(f"{unset} {why}") from None
    except (configparser.Error, KeyError):
        # The parser's own words quote the line, which may be the secret.
        raise _Unusable(f"{unset} is no INI file with a section [basic]") from None
    if not ak or not sk:
        raise _Unusable(f"{unset} has no {'ak' if not ak else 'sk'} in its section [basic]")
    return ak, sk, token


def _check(value: str, *, header: bool) -> None:
    """Refuses what can only be a mistake; keys and tokens travel in HTTP headers, so they hold no blanks."""
    if not value:
        raise _Unusable("is empty")
    if header and not (value.isascii() and value.isprintable() and " " not in value):
        raise _Unusable("holds a blank, a line break or another character that no key has")
