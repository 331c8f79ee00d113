"""Secrets are resolved when asked for, and nothing but their reference is ever told."""

import time
from pathlib import Path

import pytest

from orchestrator.core.model.secrets import AccessKeySecret, CommandKey, PasswordSecret, Secret, ServerAgency
from orchestrator.core.plan.plan import (
    AccessKey,
    Agency,
    Credentials,
    Password,
    Plan,
    SdkProfile,
    SecretRef,
    SecretSource,
    Settings,
)
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.commands import CommandFailed, output_of
from orchestrator.storage.secrets import LARGEST_FILE, METADATA, resolve


def env(name: str) -> SecretRef:
    return SecretRef(SecretSource.ENV, name)


def file(path: Path | str) -> SecretRef:
    return SecretRef(SecretSource.FILE, str(path))


def secret_of(credentials: Credentials, folder: Path, environ: dict[str, str]) -> Secret:
    plan = Plan("p", {"me": credentials}, {}, Settings(), (), path=str(folder / "plan.yaml"))
    return resolve(plan, ["me"], environ)["me"]


def refusal_of(credentials: Credentials, folder: Path, environ: dict[str, str]) -> str:
    with pytest.raises(OperatorError) as caught:
        secret_of(credentials, folder, environ)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.__cause__ is None
    assert "SESAME" not in f"{caught.value!r} {caught.value.next_step}"
    return caught.value.message


def test_variables_become_an_access_key(tmp_path: Path) -> None:
    key = AccessKey("me", env("A"), env("S"), env("T"))
    secret = secret_of(key, tmp_path, {"A": "ak", "S": "sk", "T": "token"})
    assert secret == AccessKeySecret("ak", "sk", "token")
    assert "sk" not in repr(secret).replace("AccessKeySecret", "")


def test_a_variable_that_is_not_set_is_a_file_in_the_folder_of_credentials(tmp_path: Path) -> None:
    (tmp_path / "A").write_text("ak\n", encoding="utf-8")
    (tmp_path / "HUAWEICLOUD_SDK_SK").write_text("sdk-sk", encoding="utf-8")
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path), "S": "sk"}
    assert secret_of(AccessKey("me", env("A"), env("S")), tmp_path, given) == AccessKeySecret("ak", "sk", "")
    assert secret_of(SdkProfile("me"), tmp_path, given | {"HUAWEICLOUD_SDK_AK": "x"}) == AccessKeySecret(
        "x", "sdk-sk", ""
    )
    assert "${env:B} is not set" in refusal_of(AccessKey("me", env("B"), env("S")), tmp_path, given)


def test_a_file_loses_one_newline_at_its_end_and_no_more(tmp_path: Path) -> None:
    for content, password in (("pw\n", "pw"), ("pw\r\n", "pw"), ("pw", "pw"), ("pw\n\n", "pw\n"), (" p w ", " p w ")):
        (tmp_path / "pw").write_bytes(content.encode())
        secret = secret_of(Password("me", "u", "d", file(tmp_path / "pw")), tmp_path, {})
        assert secret == PasswordSecret("u", "d", password)


def test_a_relative_path_begins_at_the_plan_and_a_tilde_at_home(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("here")
    assert secret_of(Password("me", "u", "d", file("pw")), tmp_path, {}) == PasswordSecret("u", "d", "here")
    elsewhere = tmp_path / "plans"
    secret = secret_of(Password("me", "u", "d", file("~/pw")), elsewhere, {"HOME": str(tmp_path)})
    assert secret == PasswordSecret("u", "d", "here")


def test_nothing_is_read_for_credentials_that_are_not_asked_for() -> None:
    plan = Plan("p", {"me": AccessKey("me", env("A"), env("S"))}, {}, Settings(), ())
    assert resolve(plan, [], {}) == {}


def test_all_that_is_missing_is_told_together_with_the_plan_and_the_place(tmp_path: Path) -> None:
    key = AccessKey("me", env("A"), file(tmp_path / "gone"), env("T"))
    assert refusal_of(key, tmp_path, {"T": ""}).splitlines() == [
        f"{tmp_path}/plan.yaml: credentials.me.ak: ${{env:A}} is not set",
        f"{tmp_path}/plan.yaml: credentials.me.sk: ${{file:{tmp_path}/gone}} cannot be read: no such file or directory",
        f"{tmp_path}/plan.yaml: credentials.me.security_token: ${{env:T}} is empty",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"SESAME" * LARGEST_FILE, "is larger than 64 KiB"),
        (b"SESAME\xff", "is not UTF-8 text"),
    ],
    ids=["empty", "newline", "huge", "binary"],
)
def test_a_file_that_can_be_no_secret_is_refused(content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(content)
    assert expected in refusal_of(Password("me", "u", "d", file("s")), tmp_path, {})


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    assert "cannot be read: is a directory" in refusal_of(Password("me", "u", "d", file(tmp_path)), tmp_path, {})


@pytest.mark.parametrize("value", ["SES AME", "SESAME\n", "SESAME\r\nX-Evil: 1", "SESAMÉ"])
def test_a_key_with_a_character_that_no_key_has_is_refused(value: str, tmp_path: Path) -> None:
    refusal = refusal_of(AccessKey("me", env("A"), env("S")), tmp_path, {"A": "ak", "S": value})
    assert "${env:S} holds a blank, a line break or another character that no key has" in refusal


def test_the_sdk_profile_takes_the_variables_first(tmp_path: Path) -> None:
    environ = {"HUAWEICLOUD_SDK_AK": "a", "HUAWEICLOUD_SDK_SK": "s", "HUAWEICLOUD_SDK_SECURITY_TOKEN": "t"}
    assert secret_of(SdkProfile("me"), tmp_path, environ) == AccessKeySecret("a", "s", "t")


def test_the_sdk_profile_takes_its_file_where_there_are_no_variables(tmp_path: Path) -> None:
    (tmp_path / ".huaweicloud").mkdir()
    (tmp_path / ".huaweicloud" / "credentials").write_text("[basic]\nak = a\nsk = s%1\nsecurity_token = t\n")
    assert secret_of(SdkProfile("me"), tmp_path, {"HOME": str(tmp_path)}) == AccessKeySecret("a", "s%1", "t")
    (tmp_path / "other").write_text("[basic]\nak = b\nsk = c\n")
    environ = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(tmp_path / "other"), "HOME": str(tmp_path)}
    assert secret_of(SdkProfile("me"), tmp_path, environ) == AccessKeySecret("b", "c")


def test_half_a_pair_of_sdk_variables_is_told_and_the_file_is_not_guessed(tmp_path: Path) -> None:
    refusal = refusal_of(SdkProfile("me"), tmp_path, {"HUAWEICLOUD_SDK_AK": "SESAME", "HOME": str(tmp_path)})
    assert "credentials.me.profile: HUAWEICLOUD_SDK_SK is not set, though HUAWEICLOUD_SDK_AK is" in refusal


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[basic]\nak = SESAME\n", "has no sk in its section [basic]"),
        ("[global]\nak = SESAME\n", "is no INI file with a section [basic]"),
        ("sk = SESAME\n", "is no INI file with a section [basic]"),
        ("[basic]\nsk = a\nsk = SESAME\n", "is no INI file with a section [basic]"),
        ("[basic]\nSESAME\n", "is no INI file with a section [basic]"),
    ],
)
def test_a_broken_sdk_file_is_told_without_its_content(content: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "c").write_text(content)
    environ = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(tmp_path / "c")}
    refusal = refusal_of(SdkProfile("me"), tmp_path, environ)
    assert "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are not set, and " in refusal
    assert expected in refusal


def test_a_missing_sdk_file_that_was_named_is_told_with_its_path(tmp_path: Path) -> None:
    refusal = refusal_of(SdkProfile("me"), tmp_path, {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(tmp_path / "c")})
    assert f"{tmp_path}/c cannot be read: no such file or directory" in refusal


def test_without_variables_and_file_the_servers_agency_is_left_of_the_sdks_order(tmp_path: Path) -> None:
    told = (
        f"HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are not set, and {tmp_path}/.huaweicloud/credentials does not exist"
    )
    assert secret_of(SdkProfile("me"), tmp_path, {"HOME": str(tmp_path)}) == ServerAgency(METADATA, told)


def test_the_metadata_service_is_only_ever_moved_to_this_machine(tmp_path: Path) -> None:
    for near in ("http://127.0.0.1:8080", "http://[::1]:8080"):
        assert secret_of(Agency("me"), tmp_path, {"ROMA_MIGRATE_METADATA": near}) == ServerAgency(near)
    for elsewhere in ("http://10.0.0.1", "https://127.0.0.1", "file:///etc", "127.0.0.1"):
        refusal = refusal_of(Agency("me"), tmp_path, {"ROMA_MIGRATE_METADATA": elsewhere})
        assert "ROMA_MIGRATE_METADATA is no http:// address of this machine" in refusal


def test_a_command_that_hangs_is_stopped_with_all_it_has_started(tmp_path: Path) -> None:
    """The child of the command holds its output open: waiting for the command alone would not end."""
    hangs = ["/bin/sh", "-c", "sleep 600 & echo $! > child; echo SESAME; exec sleep 600"]
    with pytest.raises(CommandFailed, match=r"did not end within 0\.5 s and was stopped"):
        output_of(hangs, tmp_path, {"PATH": "/usr/bin:/bin"}, LARGEST_FILE, patience=0.5)
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split():
        assert time.monotonic() < deadline, "what the command has started still runs"


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    refusal = refusal_of(Password("me", "u", "d", SecretRef(SecretSource.COMMAND, "./nowhere SESAME")), tmp_path, {})
    assert "credentials.me.password: ${command:./nowhere ...} cannot be started: no such file" in refusal


def test_a_key_of_a_command_is_read_anew_each_time_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "sk").write_text("first")
    key = AccessKey("me", env("A"), SecretRef(SecretSource.COMMAND, "cat sk"))
    secret = secret_of(key, tmp_path, {"A": "ak", "PATH": "/usr/bin:/bin"})
    assert isinstance(secret, CommandKey)
    assert secret.first == AccessKeySecret("ak", "first")
    (tmp_path / "sk").write_text("second")
    assert secret.again() == AccessKeySecret("ak", "second")
