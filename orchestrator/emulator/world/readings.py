"""What the documents leave open of asset jobs, packages and lists, and how each may be read.

Law: each enum lists its default first. Section numbers are those of roma/README.md.
"""

from enum import StrEnum


class LockScope(StrEnum):
    """Within what one asset job may run (API 2.1)."""

    #: one job per user, whatever the instance and the type: what the text of ROMA.10012 says
    USER_ANY = "user-any"
    #: one export, one import and one delete per user
    USER_TYPE = "user-type"
    #: one job per instance, whoever asks
    INSTANCE_ANY = "instance-any"
    #: one export, one import and one delete per instance
    INSTANCE_TYPE = "instance-type"
    #: one job per user in each instance
    USER_INSTANCE_ANY = "user-instance-any"
    #: one job per user and type in each instance
    USER_INSTANCE_TYPE = "user-instance-type"


class StatusVocab(StrEnum):
    """Which words a job's status uses (API 1.4)."""

    #: RUNNING, SUCCEEDED, FAILED
    UPPER = "upper"
    #: Running, Success, Failed, and Finished after the download
    LEGACY = "legacy"
    #: Running, as in the examples, with SUCCEEDED and FAILED
    MIXED = "mixed"


class ReasonKey(StrEnum):
    """Under which key a job's failure causes stand (API 1.4)."""

    REASONS = "reasons"
    REASON = "reason"
    BOTH = "both"


class Limit100(StrEnum):
    """What "a maximum of 100 applications and tasks" counts (API 1.2)."""

    #: both kinds together
    TOTAL = "total"
    #: each kind alone
    EACH = "each"


class ArchiveIdPlace(StrEnum):
    """Where a job names its archive (API 1.5)."""

    TOP = "top"
    #: in an `entities` object
    ENTITIES = "entities"
    BOTH = "both"


class FailedImport(StrEnum):
    """What a failed import leaves behind (API 7, 18)."""

    #: nothing
    ATOMIC = "atomic"
    #: everything before the first asset that failed
    FIRST_N = "first-n"
    #: the sound applications, without APIs, data sources and tasks
    APP_WITHOUT_CONTENT = "app-without-content"


class AddNewOnExisting(StrEnum):
    """What AddNew does with a name that exists (API 7, 14)."""

    #: the asset fails with a reason
    FAILS = "fails"
    #: a second asset arises, its name ends in `_1`, `_2`, ...
    SUFFIX = "suffix"
    #: the existing asset stays as it is, and nothing is said
    IGNORED = "ignored"


class MergeSemantics(StrEnum):
    """What Merge does with a name that exists (API 7, 15)."""

    #: its content is replaced under the same id, `update_time` moves
    UPDATE = "update"
    #: it stays as it is
    SKIP = "skip"


class PrefixRenames(StrEnum):
    """What `prefix` renames (API 2.3)."""

    APPS = "apps"
    TASKS = "tasks"
    BOTH = "both"


class AppKey(StrEnum):
    """What becomes of an application's key (API 1.8)."""

    #: it travels, and collides where it exists
    KEPT = "kept"
    #: a new one is made
    NEW = "new"


class BusyCheck(StrEnum):
    """Whether ROMA.10012 comes before or after the request is checked."""

    BEFORE = "before"
    AFTER = "after"


class Visibility(StrEnum):
    """What a user sees (API 1.8)."""

    #: every user sees everything
    ALL = "all"
    #: an admin sees everything, others what they own and what is shared with them
    OWNER = "owner"


class Offset(StrEnum):
    """What `offset` counts in the lists of applications, tasks and data sources (API 1.9)."""

    RECORD = "record"
    #: pages of `limit` records, from 0
    PAGE = "page"


class PackageKind(StrEnum):
    """How a package is written (API 6)."""

    PLAIN = "plain"
    #: entries carry the encryption flag
    ENCRYPTED = "encrypted"
    #: sizes stand in zip64 records
    ZIP64 = "zip64"
    #: entries use compression method 98
    UNKNOWN_METHOD = "unknown-method"


class Carried(StrEnum):
    """With which asset a data source travels."""

    APP = "app"
    TASK = "task"
    BOTH = "both"


class SecondArrival(StrEnum):
    """What AddNew does with a data source that an earlier import from the same instance brought."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class Landing(StrEnum):
    """When the effect of an import shows."""

    #: all of it as the job ends
    AT_END = "at-end"
    #: asset by asset while the job runs
    GRADUAL = "gradual"


class Progress(StrEnum):
    """What `progress_percent` tells of a running job (API 1.4)."""

    #: the elapsed fraction
    TRUTHFUL = "truthful"
    #: the elapsed fraction, up to 0.3 off either way: it goes backwards
    NOISY = "noisy"
    ABSENT = "absent"
    #: the elapsed share from 0 to 100
    PERCENT = "percent"


class TaskIds(StrEnum):
    """How task ids are written (API 1.2)."""

    #: 32 hex characters
    HEX = "hex"
    #: 36 characters with dashes
    DASHED = "dashed"
