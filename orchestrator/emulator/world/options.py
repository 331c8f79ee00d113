"""How this local ROMA Connect behaves: one reading of everything left open, and how long jobs take.

Law: every ambiguity is one switch, never an `if` elsewhere.

Times are in seconds. Section numbers are those of roma/README.md.
"""

import math
from dataclasses import dataclass, field

from orchestrator.emulator.world.finishing_readings import (
    AppCodeUnique,
    ConnectFailure,
    ConnectTested,
    CreateStatus,
    DatasourcePut,
    DictionaryList,
    DuplicateCreate,
    MergeResult,
    Reauthorised,
    Rebind,
    RepublishBindings,
    RepublishId,
    SecretRead,
    TaskBatchOver,
    TaskSameState,
    Told,
    UnknownApp,
    UnknownMember,
    WithoutLink,
)
from orchestrator.emulator.world.readings import (
    AddNewOnExisting,
    AppKey,
    ArchiveIdPlace,
    BusyCheck,
    Carried,
    FailedImport,
    Landing,
    Limit100,
    LockScope,
    MergeSemantics,
    Offset,
    PackageKind,
    PrefixRenames,
    Progress,
    ReasonKey,
    SecondArrival,
    StatusVocab,
    TaskIds,
    Visibility,
)


@dataclass(frozen=True, slots=True)
class Switches:
    """One reading of everything that the documents leave open; each default is the documented or likeliest one."""

    #: slot of the one running job (API 2.1)
    lock_scope: LockScope = LockScope.USER_ANY
    #: words of a job's status (API 1.4)
    status_vocab: StatusVocab = StatusVocab.UPPER
    #: key of the failure causes (API 1.4)
    reason_key: ReasonKey = ReasonKey.REASONS
    #: one cause is written as an object, not as a list of one
    reason_single: bool = False
    #: HTTP status of ROMA envelopes: 400 as the error table says, or 403 as the pages say (API 3.1)
    error_http_status: int = 400
    #: what the limit of 100 counts (API 1.2)
    limit_100: Limit100 = Limit100.TOTAL
    #: an archive can be downloaded this long after its job ended (API 4)
    archive_ttl_seconds: float = 600.0
    #: an archive can be downloaded once (API 1.5)
    archive_single_use: bool = True
    #: where a job names its archive (API 1.5)
    archive_id_place: ArchiveIdPlace = ArchiveIdPlace.TOP
    #: export and delete need both arrays (API 1.2)
    strict_tasks_required: bool = True
    #: ROMA.10013 for an illegal upload file name (API 1.3)
    strict_filename: bool = True
    #: what a failed import leaves behind (API 7, 18)
    failed_import: FailedImport = FailedImport.ATOMIC
    #: an import with failed assets says SUCCEEDED with reasons, and lands the others (API 7, 19)
    success_with_reasons: bool = False
    #: AddNew and an existing name (API 7, 14)
    add_new_on_existing: AddNewOnExisting = AddNewOnExisting.FAILS
    #: Merge and an existing name (API 7, 15)
    merge_semantics: MergeSemantics = MergeSemantics.UPDATE
    #: what `prefix` renames (API 2.3)
    prefix_renames: PrefixRenames = PrefixRenames.APPS
    #: what becomes of an application's key
    app_key: AppKey = AppKey.KEPT
    #: a write shows in lists and details this much later
    read_lag_seconds: float = 0.0
    #: ROMA.10012 before or after the request is checked
    busy_check: BusyCheck = BusyCheck.BEFORE
    #: a slot stays taken this long after its job was seen to end
    busy_after_success_seconds: float = 0.0
    #: what a user sees (API 1.8)
    visibility: Visibility = Visibility.ALL
    #: a write whose caller got no answer and which was not executed is executed within this time after all; 0 = never
    late_execution_seconds: float = 0.0
    #: what `offset` counts (API 1.9)
    offset: Offset = Offset.RECORD
    #: what the list of the data dictionary gives without `parent_code` (Finishing 5, 12)
    dictionary_list: DictionaryList = DictionaryList.LEVEL
    #: how an instance without device integration lists its data dictionary (Finishing 5, 27)
    dictionary_without_link: WithoutLink = WithoutLink.EMPTY
    #: the creation of something whose name or code exists (Finishing 5, 13)
    duplicate_create: DuplicateCreate = DuplicateCreate.REFUSE
    #: the HTTP status of a creation (Finishing 5, 25)
    create_status: CreateStatus = CreateStatus.DOCUMENTED
    #: how reads tell the secrets of a data source (Finishing 5, 3)
    datasource_secret_read: SecretRead = SecretRead.CLEAR
    #: what a change of a data source does with fields that it leaves out (Finishing 5, 6)
    datasource_put: DatasourcePut = DatasourcePut.FULL
    #: which configuration the test of a connection uses (Finishing 5, 4)
    test_connect_uses: ConnectTested = ConnectTested.BODY
    #: how a test of a connection says that it failed (Finishing 5, 5)
    test_connect_failure: ConnectFailure = ConnectFailure.ERROR
    #: how the read of an application's secret tells it (Finishing 5, 1)
    secret_read: Told = Told.CLEAR
    #: how lists and details tell AppCodes (Finishing 5, 20)
    list_secrets: Told = Told.MASKED
    #: where an AppCode may stand once only (Finishing 5, 22)
    appcode_unique: AppCodeUnique = AppCodeUnique.INSTANCE
    #: what a list of members does that names a user of another account, or none (Finishing 5, 24)
    unknown_member: UnknownMember = UnknownMember.REFUSE
    #: how many tasks one start or stop may name (Finishing 5, 7)
    task_batch_limit: int = 10
    #: what a start or stop of more tasks does (Finishing 5, 7)
    task_batch_over: TaskBatchOver = TaskBatchOver.REFUSE
    #: what the start of a running task and the stop of a stopped one are (Finishing 5, 8)
    task_same_state: TaskSameState = TaskSameState.FAILURE
    #: a stopped task's run in progress ends this much later (Finishing 5, 9); 0 = the stop cuts it
    stop_drains_seconds: float = 0.0
    #: the export of API definitions needs an environment (Finishing 5, 14)
    export_env_required: bool = True
    #: an import of API definitions that names an unknown application (Finishing 5, 16)
    api_file_unknown_app: UnknownApp = UnknownApp.REFUSE
    #: how an import of API definitions tells an API that is there (Finishing 5, 15)
    api_merge_result: MergeResult = MergeResult.IGNORE
    #: APIs that travel in a package arrive published in RELEASE (Finishing 5, 17)
    import_publishes: bool = True
    #: the id of a publication that is published again (Finishing 5, 18)
    republish_id: RepublishId = RepublishId.SAME
    #: the policies of an API that is published again (Finishing 5, 18)
    republish_bindings: RepublishBindings = RepublishBindings.KEEP
    #: a binding where another policy of the kind is bound (Finishing 5, 19)
    rebind: Rebind = Rebind.REPLACE
    #: how an authorisation is told that was there (Finishing 5, 21)
    reauthorise: Reauthorised = Reauthorised.SKIPPED
    #: a job is forgotten this long after its end
    job_record_ttl_seconds: float = math.inf
    #: how a package is written (API 6)
    package_kind: PackageKind = PackageKind.PLAIN
    #: bytes of filling in each package, stored uncompressed
    package_padding: int = 0
    #: with which asset a data source travels
    datasources_carried: Carried = Carried.APP
    #: a data source that arrives a second time under AddNew
    datasource_second_arrival: SecondArrival = SecondArrival.ACCEPTED
    #: when the effect of an import shows
    landing: Landing = Landing.AT_END
    #: status word of a job in its first half, "" = the vocabulary's word for running
    running_word: str = ""
    #: what `progress_percent` tells (API 1.4)
    progress: Progress = Progress.TRUTHFUL
    #: how task ids are written (API 1.2)
    task_ids: TaskIds = TaskIds.HEX
    #: downloads carry a Content-Length (API 1.5 leaves it open)
    content_length: bool = True
    #: largest body of a signed request in bytes (API 2.2); 0 = no limit
    signed_body_limit: int = 12 * 1024 * 1024
    #: largest body of a request with a token in bytes; 0 = no limit
    token_body_limit: int = 0
    #: writes a second that the gateway takes of one user; more are refused with 429 (API 3.4, 4); 0 = no limit
    writes_per_second: float = 0.0
    #: how many of them may come at once after a pause
    writes_at_once: int = 3
    #: such a refusal says after how many seconds to come back (Retry-After); 0 = it does not say
    throttle_retry_after_seconds: float = 0.0
    #: topics travel with their application (Finishing 2.11)
    import_keeps_topics: bool = True
    #: products travel with their application (Finishing 2.12)
    import_keeps_products: bool = True
    #: custom back ends travel with their application (Finishing 2.6)
    import_keeps_backends: bool = True
    #: an application may call at the target what it called at the source (Finishing 2.8)
    import_keeps_authorisations: bool = True
    #: a task's schedule travels with it (Finishing 5, 10)
    import_keeps_dispatch: bool = True
    #: a task's increment position travels with it (Finishing 5, 11)
    import_keeps_position: bool = False
    #: what the list of applications tells of keys
    key_read: Told = Told.CLEAR
    #: what the list of topics tells
    topics_read: Told = Told.CLEAR
    #: what the list of products tells
    products_read: Told = Told.CLEAR
    #: what the list of custom back ends tells
    backends_read: Told = Told.CLEAR
    #: what the list of APIs that an application may call tells
    authorisations_read: Told = Told.CLEAR
    #: what a task's schedule tells
    dispatch_read: Told = Told.CLEAR
    #: what a task's details tell of its increment position
    position_read: Told = Told.CLEAR
    #: a calling application in one package with the called one is accepted (API 2.3 leaves it open)
    calls_within_package: bool = False


@dataclass(frozen=True, slots=True)
class Duration:
    """How long jobs of one type take: (base + per_asset * assets) times a lognormal factor, in seconds."""

    base: float
    per_asset: float = 0.0
    #: sigma of the lognormal factor, whose median is 1
    sigma: float = 0.0


@dataclass(frozen=True, slots=True)
class Durations:
    """How long jobs take, by type."""

    #: export jobs
    export: Duration = field(default_factory=lambda: Duration(1.0, 0.02))
    #: import jobs
    import_: Duration = field(default_factory=lambda: Duration(1.5, 0.03))
    #: delete jobs
    delete: Duration = field(default_factory=lambda: Duration(0.5, 0.01))
