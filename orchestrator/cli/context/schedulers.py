"""Who can start a plan by itself, or keep its workers. Law: names alone, as a shell completes them."""

from enum import StrEnum


class Kind(StrEnum):
    """Who starts the plan, or its workers."""

    SYSTEMD = "systemd"
    CRON = "cron"
    KUBERNETES = "kubernetes"
    GITLAB = "gitlab"
    GITHUB = "github"
    #: no time: workers that conduct what is submitted
    KUBERNETES_FLEET = "kubernetes-fleet"
    SYSTEMD_FLEET = "systemd-fleet"


#: what keeps workers asks for no time
FLEETS = frozenset({Kind.KUBERNETES_FLEET, Kind.SYSTEMD_FLEET})
