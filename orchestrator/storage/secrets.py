"""Resolves references to secrets, when a command needs them. Law: a secret leaves only inside a value whose
representation hides it; whatever goes wrong, only the reference is named.
"""

import configparser
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.core.model.secrets import AccessKeySecret, PasswordSecret, Secret
from orchestrator.core.plan.plan import AccessKey, Credentials, Password, Plan, SdkProfile, SecretRef, SecretSource
from orchestrator.errors import OperatorError
from orchestrator.storage.inputs import read_input

#: bytes; a token is at most some kilobytes (API 1.11)
LARGEST_FILE = 64 * 1024

_SDK = "HUAWEICLOUD_SDK_"


def resolve(plan: Plan, names: Iterable[str], environ: Mapping[str, str]) -> Mapping[str, Secret]:
    """The secrets of these credentials, by name.

    Raises one OperatorError that names every reference which is unset, unreadable or empty. Relative paths are taken
    from the folder of the plan file.
    """
    reader = _Reader(environ, Path(plan.path).parent)
    found = {name: reader.secret(plan.credentials[name]) for name in dict.fromkeys(names)}
    if reader.problems:
        where = f"{plan.path}: " if plan.path else ""
        raise OperatorError(
            "\n".join(f"{where}{problem}" for problem in reader.problems),
            next_step="set the variables and make the files readable for this user, then run the same command again",
        )
    return {name: secret for name, secret in found.items() if secret is not None}


class _Unusable(Exception):
    """Why a reference gives no secret; never holds the secret."""


@dataclass(slots=True)
class _Reader:
    """Reads references and remembers what went wrong."""

    environ: Mapping[str, str]
    #: where relative paths begin
    folder: Path
    problems: list[str] = field(default_factory=list)

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

    def _access_key(self, key: AccessKey) -> Secret | None:
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
        try:
            value = self._read(reference)
            _check(value, header=header)
        except _Unusable as why:
            self.problems.append(f"credentials.{name}.{key}: {reference} {why}")
            return ""
        return value

    def _read(self, reference: SecretRef) -> str:
        if reference.source is SecretSource.FILE:
            return self._file(reference.name)
        if reference.name not in self.environ:
            raise _Unusable("is not set")
        return self.environ[reference.name]

    def _file(self, name: str) -> str:
        text = _text_of(self._path(name))
        return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text

    def _path(self, name: str) -> Path:
        if name.startswith("~/") and self.environ.get("HOME"):
            return Path(self.environ["HOME"]) / name[2:]
        return self.folder / name

    def _profile(self, profile: SdkProfile) -> Secret | None:
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

    def _profile_parts(self) -> tuple[str, str, str]:
        """The SDK's order: its variables, then its credentials file (API 5)."""
        ak, sk, token = (self.environ.get(_SDK + part, "") for part in ("AK", "SK", "SECURITY_TOKEN"))
        if ak and sk:
            return ak, sk, token
        if ak or sk:
            raise _Unusable(f"{_SDK}{'SK' if ak else 'AK'} is not set, though {_SDK}{'AK' if ak else 'SK'} is")
        path = self._path(self.environ.get(_SDK + "CREDENTIALS_FILE") or "~/.huaweicloud/credentials")
        return _from_ini(path)


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
