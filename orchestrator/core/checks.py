"""Answers of preflight. Law: each has a stable id, a verdict, the assets concerned and what to do (product.md section 4)."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    #: nothing is started
    BLOCKER = "blocker"
    #: a read that only informs was refused or is missing
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One preflight question, answered."""

    #: stable id, as `waive` takes it
    id: str
    verdict: Verdict
    sentence: str
    #: names of the assets concerned
    assets: tuple[str, ...] = ()
    remedy: str = ""
    #: "MIGRATION@INSTANCE", "@INSTANCE" or ""
    where: str = ""
