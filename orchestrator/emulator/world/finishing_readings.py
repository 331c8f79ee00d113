"""What the documents leave open of what comes after an import, and how each may be read (Finishing 5).

Law: each enum lists its default first. Section numbers are those of roma/README.md.
"""

from enum import StrEnum


class Told(StrEnum):
    """How the service answers one read whose secrecy is not documented (Finishing 1, Finishing 5)."""

    CLEAR = "clear"
    #: with asterisks in place of most of it
    MASKED = "masked"
    #: 403; an application's key is left out of its list
    REFUSED = "refused"


class DictionaryList(StrEnum):
    """What the list of the data dictionary gives without `parent_code` (Finishing 5, 12)."""

    LEVEL = "level"
    FLAT = "flat"


class WithoutLink(StrEnum):
    """How an instance without device integration answers for its data dictionary (Finishing 5, 27)."""

    #: with an empty list
    EMPTY = "empty"
    #: 404
    ERROR = "error"


class DuplicateCreate(StrEnum):
    """What the creation of something does whose name or code exists (Finishing 5, 13)."""

    #: 400
    REFUSE = "refuse"
    #: a second object arises
    SECOND = "second"
    #: 200 with the object that is there, which stays as it is
    SAME = "same"


class CreateStatus(StrEnum):
    """The HTTP status of a creation that was done (Finishing 5, 25)."""

    #: 201, as the operation's page says
    DOCUMENTED = "documented"
    #: 200
    OK = "200"


class SecretRead(StrEnum):
    """How reads tell the secrets of a data source (Finishing 5, 3)."""

    #: the worst that could be, so that each test shows that no secret is kept
    CLEAR = "clear"
    BLANK = "blank"
    #: asterisks, which a careless change would make the password
    MASKED = "masked"
    #: without their fields
    ABSENT = "absent"


class DatasourcePut(StrEnum):
    """What a change of a data source does with fields that it leaves out (Finishing 5, 6)."""

    #: name, type, application and content are mandatory, and the content is replaced
    FULL = "full"
    #: they stay
    PARTIAL = "partial"


class ConnectTested(StrEnum):
    """Which configuration the test of a connection uses (Finishing 5, 4)."""

    BODY = "body"
    STORED = "stored"


class ConnectFailure(StrEnum):
    """How a test of a connection says that it failed (Finishing 5, 5)."""

    #: 400 FDI.3016
    ERROR = "error"
    #: 200 with `result` false
    FALSE = "false"


class AppCodeUnique(StrEnum):
    """Where an AppCode may stand once only (Finishing 5, 22)."""

    INSTANCE = "instance"
    APP = "app"


class UnknownMember(StrEnum):
    """What a list of members does that names a user of another account, or none (Finishing 5, 24)."""

    #: 400
    REFUSE = "refuse"
    #: the others become members
    IGNORE = "ignore"


class TaskBatchOver(StrEnum):
    """What a start or stop of more tasks than `task_batch_limit` does (Finishing 5, 7)."""

    #: 400, and nothing happens
    REFUSE = "refuse"
    #: the first ones are done, the others stand in neither list
    CUT = "cut"


class TaskSameState(StrEnum):
    """What the start of a running task and the stop of a stopped one are (Finishing 5, 8)."""

    FAILURE = "failure"
    SUCCESS = "success"


class UnknownApp(StrEnum):
    """What an import of API definitions does that names an application which is not there (Finishing 5, 16)."""

    #: the API fails alone
    REFUSE = "refuse"
    #: the API goes to the application of its group
    DEFAULT_APP = "default-app"


class MergeResult(StrEnum):
    """How an import of API definitions under `merge` tells an API that is there (Finishing 5, 15)."""

    IGNORE = "ignore"
    SUCCESS_UPDATE = "success-update"


class RepublishId(StrEnum):
    """Which id the publication of a published API has (Finishing 5, 18)."""

    SAME = "same"
    NEW = "new"


class RepublishBindings(StrEnum):
    """What becomes of the policies of an API that is published again (Finishing 5, 18)."""

    KEEP = "keep"
    DROP = "drop"


class Rebind(StrEnum):
    """What a binding does where another policy of the kind is bound (Finishing 5, 19)."""

    REPLACE = "replace"
    #: 400
    REFUSE = "refuse"


class Reauthorised(StrEnum):
    """How an authorisation is told that was there (Finishing 5, 21)."""

    SKIPPED = "SKIPPED"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
