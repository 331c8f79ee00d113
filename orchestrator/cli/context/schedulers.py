"""Who can start a plan by itself. Law: names alone, as a shell completes them."""

from enum import StrEnum


class Kind(StrEnum):
    """Who starts the plan."""

    SYSTEMD = "systemd"
    CRON = "cron"
    KUBERNETES = "kubernetes"
    GITLAB = "gitlab"
    GITHUB = "github"
