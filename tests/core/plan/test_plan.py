from dataclasses import FrozenInstanceError

import pytest

from orchestrator.core.plan.plan import (
    KeepPackages,
    Mode,
    OnPartial,
    Password,
    Scope,
    SecretRef,
    SecretSource,
    Settings,
    Target,
)


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = Settings()
    assert (settings.batch_size, settings.one_job_per) == (100, Scope.USER)
    assert (settings.busy_timeout, settings.job_timeout, settings.outage_timeout) == (7200, 21600, 1800)
    assert (settings.settle_quiet, settings.settle_wait, settings.shutdown_grace) == (90, 600, 60)
    assert (settings.reads_per_second, settings.writes_per_second, settings.most_writes_per_second) == (5, None, 1)
    assert settings.keep_packages == KeepPackages(0.0)


def test_a_target_is_added_to_without_a_prefix_unless_the_plan_says_otherwise() -> None:
    assert Target("prod") == Target("prod", Mode.ADD_NEW, "", False, "")


def test_the_words_are_the_services_and_the_contracts() -> None:
    assert list(Mode) == ["AddNew", "Merge"]
    assert list(OnPartial) == ["ask", "rest"]
    assert list(Scope) == [
        "user",
        "user+type",
        "instance",
        "instance+type",
        "user+instance",
        "user+instance+type",
        "auto",
    ]


def test_a_reference_to_a_secret_prints_as_it_is_written() -> None:
    assert str(SecretRef(SecretSource.ENV, "DEV_AK")) == "${env:DEV_AK}"
    assert str(SecretRef(SecretSource.FILE, "/run/secrets/prod")) == "${file:/run/secrets/prod}"


def test_a_password_user_is_known_by_domain_and_name() -> None:
    secret = SecretRef(SecretSource.ENV, "X")
    assert Password("prod-migrator", "migrator", "acme", secret).user == "acme/migrator"


def test_a_plan_is_never_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().batch_size = 1  # type: ignore[misc]  # that is what is tested
