"""All steps and all kinds of change that `finish` knows. Law: the only list; a new kind is named here."""

from collections.abc import Mapping

from orchestrator.core.finish.api_kinds import (
    CreateApiGroup,
    ImportApi,
    PublishApi,
    RemoveApi,
    RemoveApiGroup,
    TakeOffline,
)
from orchestrator.core.finish.apis import ApisStep
from orchestrator.core.finish.app_codes import AppCodesStep, CreateCode, DeleteCode
from orchestrator.core.finish.app_secrets import AppSecretsStep, KeepSecret, RenewSecret
from orchestrator.core.finish.connections import ConnectionsStep, EmptyConnection, EnterConnection, TestConnection
from orchestrator.core.finish.dictionaries import CreateDictionaryEntry, DictionariesStep, RemoveDictionaryEntry
from orchestrator.core.finish.environments import CreateEnvironmentLike, RemoveEnvironment
from orchestrator.core.finish.kind import Kind, Step
from orchestrator.core.finish.members import MembersStep, SetAppMembers
from orchestrator.core.finish.policies import PoliciesStep
from orchestrator.core.finish.policy_kinds import (
    AuthoriseCaller,
    BindPolicy,
    CancelAuthorisationOf,
    CreatePolicyLike,
    RemovePolicy,
    UnbindPolicy,
)
from orchestrator.core.finish.products import CreateProductLike, ProductsStep, RemoveProduct
from orchestrator.core.finish.tasks import StartTask, StopTask, TasksStep
from orchestrator.core.finish.topics import AllowUse, CreateTopicLike, RemoveTopic, TopicsStep
from orchestrator.core.plan.plan import FinishStep

#: in the order in which they are done (Finishing 3)
STEPS: tuple[Step, ...] = (
    DictionariesStep(), ConnectionsStep(), AppSecretsStep(), AppCodesStep(), MembersStep(), ApisStep(), PoliciesStep(),
    TopicsStep(), ProductsStep(), TasksStep(),
)  # fmt: skip
_KINDS: tuple[Kind, ...] = (
    CreateDictionaryEntry(), RemoveDictionaryEntry(), EnterConnection(), EmptyConnection(), TestConnection(),
    KeepSecret(), RenewSecret(), CreateCode(), DeleteCode(), SetAppMembers(),
    CreateApiGroup(), RemoveApiGroup(), ImportApi(), RemoveApi(),
    CreateEnvironmentLike(), RemoveEnvironment(), PublishApi(), TakeOffline(),
    CreatePolicyLike(), RemovePolicy(), BindPolicy(), UnbindPolicy(), AuthoriseCaller(), CancelAuthorisationOf(),
    CreateTopicLike(), RemoveTopic(), AllowUse(),
    CreateProductLike(), RemoveProduct(), StopTask(), StartTask(),
)  # fmt: skip
KINDS: Mapping[str, Kind] = {each.kind.value: each for each in _KINDS}
#: before the import of a run
BEFORE_IMPORT = frozenset({FinishStep.DICTIONARIES})
#: never without a person's own word (Contract 6)
BY_WORD = frozenset({FinishStep.TASKS})
