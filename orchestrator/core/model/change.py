"""One small write to an instance, with what was there before and what shall be there after. Law: no secret in an image.

What follows a move (`finish`, `undo`) is made of changes. One is proved by reading (promise 16); its inverse swaps the
images.
"""

from dataclasses import dataclass
from enum import StrEnum

#: what an object looks like as far as it was read, (field, value); () means that it is not there
Image = tuple[tuple[str, str], ...]


class ChangeKind(StrEnum):
    """What a change does to its object."""

    REMOVE_APP = "remove-app"
    REMOVE_TASK = "remove-task"
    #: put back as it was before a Merge, by importing its backup
    RESTORE_APP = "restore-app"
    RESTORE_TASK = "restore-task"
    #: its schedule goes on no more, and its run has ended
    STOP_TASK = "stop-task"
    START_TASK = "start-task"
    #: an entry of the data dictionary
    CREATE_ENTRY = "create-entry"
    REMOVE_ENTRY = "remove-entry"
    #: how a data source is reached
    ENTER_CONNECTION = "enter-connection"
    EMPTY_CONNECTION = "empty-connection"
    #: nothing is changed: the service tries it out
    TEST_CONNECTION = "test-connection"
    #: an application's secret
    KEEP_SECRET = "keep-secret"  # noqa: S105 - the name of a kind
    RENEW_SECRET = "renew-secret"  # noqa: S105 - the name of a kind
    CREATE_APP_CODE = "create-app-code"
    DELETE_APP_CODE = "delete-app-code"
    SET_MEMBERS = "set-members"
    #: a group of APIs
    CREATE_GROUP = "create-group"
    REMOVE_GROUP = "remove-group"
    #: from a file of definitions
    IMPORT_API = "import-api"
    REMOVE_API = "remove-api"
    #: in which APIs are published
    CREATE_ENVIRONMENT = "create-environment"
    REMOVE_ENVIRONMENT = "remove-environment"
    #: in one environment
    PUBLISH_API = "publish-api"
    TAKE_OFFLINE = "take-offline"
    #: a throttling policy, an access control policy, a signature key or a plugin
    CREATE_POLICY = "create-policy"
    REMOVE_POLICY = "remove-policy"
    BIND_POLICY = "bind-policy"
    UNBIND_POLICY = "unbind-policy"
    #: of the message service
    CREATE_TOPIC = "create-topic"
    REMOVE_TOPIC = "remove-topic"
    ALLOW_ON_TOPIC = "allow-on-topic"
    #: of device integration
    CREATE_PRODUCT = "create-product"
    REMOVE_PRODUCT = "remove-product"
    #: of an application, for an API
    AUTHORISE = "authorise"
    CANCEL_AUTHORISATION = "cancel-authorisation"


#: kinds that a job of ROMA carries out; any other is one request, whose answer is its end
BY_JOB = frozenset({ChangeKind.REMOVE_APP, ChangeKind.REMOVE_TASK, ChangeKind.RESTORE_APP, ChangeKind.RESTORE_TASK})


#: words of facts that only the kind itself needs: people are not told them row by row
TECHNICAL = frozenset(
    (
        "app",
        "app updated",
        "asset",
        "twin",
        "twin at",
        "twin by",
        "digest wanted",
        "digest before",
        "values",
        "entry",
        "updated",
        "content",
        "found there",
        "application id",
        "group",
        "method",
        "path",
        "read by",
        "source group",
        "source id",
        "source environment",
        "define",
        "environment",
        "environment id",
        "its name",
        "its backend",
        "its remark",
        "policy kind",
        "policy",
        "owner",
        "owner there",
        "sort",
        "key",
        "tag",
        "topic",
        "caller",
        "caller id",
    )
)


@dataclass(frozen=True, slots=True)
class Proves:
    """An item of the handover list that is done once a change is: what is left to people shrinks by it."""

    #: one of `orchestrator.core.model.handover_item.Action`'s words
    action: str
    #: the instance in which it is done
    where: str
    #: as the item has it, "" where it has none
    subject: str = ""
    #: name of the asset at the source, "" where the item is one of the instance
    asset: str = ""

    @property
    def in_part(self) -> bool:
        """Whether it is one word of what the item lists, which all of its changes together prove."""
        return self.action == "api-settings"


@dataclass(frozen=True, slots=True)
class Change:
    """One write that was planned, previewed and journaled before it is asked for."""

    id: str
    kind: str
    instance: str
    #: id of the object at the instance, and its name there
    object: str
    name: str
    #: credentials that ask for it: they see the object and own it
    credentials: str
    before: Image = ()
    after: Image = ()
    #: changes of a lower wave come first
    wave: int = 0
    #: the migration whose delivery it takes back
    migration: str = ""
    #: of what is restored: the batch whose package holds it; a package is imported whole, and so asked for together
    package: str = ""
    #: changes that must be done before: where one of them is not, this one is left
    behind: tuple[str, ...] = ()
    #: the step of `finish` that it belongs to, "" for what an undo removes and restores
    step: str = ""
    #: (word, value): what its kind must know to write and to prove it, beside the images; shown to people
    facts: Image = ()
    #: the change of `finish` that it takes back, "" where it takes back none
    inverse_of: str = ""
    #: what of the handover list is done with it
    proves: tuple[Proves, ...] = ()

    @property
    def restores(self) -> bool:
        """Whether it puts an object back instead of removing one."""
        return bool(self.package)

    @property
    def by_job(self) -> bool:
        """Whether a job of ROMA carries it out."""
        return self.kind in BY_JOB

    @property
    def asset(self) -> str:
        """Id of the asset that it is of: the application whose secret, members or data source it changes."""
        return self.fact("app") or self.object

    def fact(self, word: str) -> str:
        """One of its facts, "" where it has none of that word."""
        return dict(self.facts).get(word, "")


@dataclass(frozen=True, slots=True)
class Left:
    """An object that is left alone, for a person."""

    kind: str
    #: its id at the instance, "" where that is not known
    id: str
    name: str
    target: str
    why: str


def change_id(kind: str, instance: str, object_id: str) -> str:
    """The same change has the same id in every preview of it."""
    return f"{kind}:{instance}:{object_id}"
