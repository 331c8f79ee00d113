"""What requests ask for; the words that fault rules and counts use. Law: a request that is served is one of these."""

from enum import StrEnum


class Operation(StrEnum):
    """What a request asks for; the words rules and counts use."""

    EXPORT = "export"
    IMPORT = "import"
    DELETE = "delete"
    #: GET of a job
    JOB = "job"
    #: GET of an archive
    ARCHIVE = "archive"
    APPS = "apps"
    APP = "app"
    #: the secret of an application
    SECRET = "secret"  # noqa: S105 - the name of an operation, not a secret
    SECRET_CHANGE = "secret-change"  # noqa: S105 - the name of an operation, not a secret
    #: the members of an application
    MEMBERS = "members"
    #: users that could be members
    CANDIDATES = "candidates"
    MEMBERS_CHANGE = "members-change"
    APP_CODES = "app-codes"
    APP_CODE = "app-code"
    APP_CODE_CREATE = "app-code-create"
    #: a random one
    APP_CODE_MAKE = "app-code-make"
    APP_CODE_DELETE = "app-code-delete"
    TASKS = "tasks"
    TASK = "task"
    DATASOURCES = "datasources"
    DATASOURCE = "datasource"
    DATASOURCE_CHANGE = "datasource-change"
    DATASOURCE_CREATE = "datasource-create"
    DATASOURCE_DELETE = "datasource-delete"
    #: a connection tried out: nothing is stored, yet real credentials are used
    TEST_CONNECT = "test-connect"
    APIS = "apis"
    API = "api"
    API_DELETE = "api-delete"
    #: definitions of APIs as a file: nothing changes
    API_EXPORT = "api-export"
    API_IMPORT = "api-import"
    #: APIs published or taken offline
    API_PUBLISH = "api-publish"
    #: one API published or taken offline
    API_ACTION = "api-action"
    #: what was published of an API
    API_VERSIONS = "api-versions"
    API_VERSION_CHANGE = "api-version-change"
    #: what is in force of an API
    API_RUNTIME = "api-runtime"
    GROUPS = "api-groups"
    GROUP_CREATE = "api-group-create"
    GROUP_DELETE = "api-group-delete"
    #: APIs an application may call
    BINDINGS = "bindings"
    #: applications that may call an API
    BOUND_APPS = "bound-apps"
    AUTHORISE = "authorise"
    AUTHORISATION_CANCEL = "authorisation-cancel"
    ENVS = "envs"
    ENV_CREATE = "env-create"
    ENV_DELETE = "env-delete"
    THROTTLES = "throttles"
    THROTTLE_CREATE = "throttle-create"
    THROTTLE_DELETE = "throttle-delete"
    THROTTLE_BIND = "throttle-bind"
    THROTTLE_UNBIND = "throttle-unbind"
    #: APIs of one throttling policy
    THROTTLE_APIS = "throttle-apis"
    #: throttling policies of an API
    BOUND_THROTTLES = "bound-throttles"
    ACLS = "acls"
    ACL_CREATE = "acl-create"
    ACL_DELETE = "acl-delete"
    ACL_BIND = "acl-bind"
    ACL_UNBIND = "acl-unbind"
    #: APIs of one access control policy
    ACL_APIS = "acl-apis"
    #: access control policies of an API
    BOUND_ACLS = "bound-acls"
    SIGNS = "signs"
    SIGN_CREATE = "sign-create"
    SIGN_DELETE = "sign-delete"
    SIGN_BIND = "sign-bind"
    SIGN_UNBIND = "sign-unbind"
    #: APIs of one signature key
    SIGN_APIS = "sign-apis"
    #: signature keys of an API
    BOUND_SIGNS = "bound-signs"
    PLUGINS = "plugins"
    PLUGIN_CREATE = "plugin-create"
    PLUGIN_DELETE = "plugin-delete"
    PLUGIN_ATTACH = "plugin-attach"
    PLUGIN_DETACH = "plugin-detach"
    #: APIs of one plugin
    PLUGIN_APIS = "plugin-apis"
    #: plugins of an API
    ATTACHED_PLUGINS = "attached-plugins"
    FEATURES = "features"
    CONFIGS = "configs"
    INSTANCE = "instance"
    INSTANCES = "instances"
    DICTIONARIES = "dictionaries"
    #: one entry of the data dictionary
    DICTIONARY = "dictionary"
    DICTIONARY_CREATE = "dictionary-create"
    DICTIONARY_CHANGE = "dictionary-change"
    DICTIONARY_DELETE = "dictionary-delete"
    #: validate-dictionaries
    DICTIONARY_VALIDATE = "dictionary-validate"
    #: of the message service
    TOPICS = "topics"
    #: which applications may use a topic
    TOPIC_ACCESS = "topic-access"
    #: what is in a topic
    TOPIC_MESSAGES = "topic-messages"
    TOPIC_CREATE = "topic-create"
    TOPIC_DELETE = "topic-delete"
    #: more applications may use a topic
    TOPIC_ALLOW = "topic-allow"
    #: of devices
    PRODUCTS = "products"
    #: products as a file
    PRODUCT_EXPORT = "product-export"
    PRODUCT_IMPORT = "product-import"
    PRODUCT_DELETE = "product-delete"
    #: of devices: what is of a product
    DEVICES = "devices"
    #: custom back ends
    BACKENDS = "backends"
    #: when a task runs
    DISPATCHES = "dispatches"
    DISPATCH_CREATE = "dispatch-create"
    DISPATCH_CHANGE = "dispatch-change"
    #: validate-apps
    VALIDATE = "validate"
    #: start or stop of tasks
    TASK_ACTION = "task-action"
    #: one run of a task, now
    TASK_RUN = "task-run"
    #: the end of the run in progress
    TASK_TERMINATE = "task-terminate"
    TOKEN = "token"  # noqa: S105 - the name of an operation, not a secret
    PROJECTS = "projects"
    #: the metadata service of a server
    METADATA = "metadata"
    #: an id token exchanged for a token
    ID_TOKEN = "id-token"  # noqa: S105 - the name of an operation, not a secret
    #: a temporary key asked for at IAM
    KEY = "key"
    #: a path that is served nowhere
    UNKNOWN = "unknown"


#: operations that create a job
WRITES = frozenset({Operation.EXPORT, Operation.IMPORT, Operation.DELETE})
#: operations that change something at once, without a job (Finishing 1)
CHANGES = frozenset(
    {
        Operation.DICTIONARY_CREATE,
        Operation.DICTIONARY_CHANGE,
        Operation.DICTIONARY_DELETE,
        Operation.DATASOURCE_CHANGE,
        Operation.DATASOURCE_CREATE,
        Operation.DATASOURCE_DELETE,
        Operation.TEST_CONNECT,
        Operation.TASK_ACTION,
        Operation.TASK_RUN,
        Operation.TASK_TERMINATE,
        Operation.DISPATCH_CREATE,
        Operation.DISPATCH_CHANGE,
        Operation.SECRET_CHANGE,
        Operation.MEMBERS_CHANGE,
        Operation.APP_CODE_CREATE,
        Operation.APP_CODE_MAKE,
        Operation.APP_CODE_DELETE,
        Operation.GROUP_CREATE,
        Operation.GROUP_DELETE,
        Operation.API_DELETE,
        Operation.API_EXPORT,
        Operation.API_IMPORT,
        Operation.API_PUBLISH,
        Operation.API_ACTION,
        Operation.API_VERSION_CHANGE,
        Operation.AUTHORISE,
        Operation.AUTHORISATION_CANCEL,
        Operation.ENV_CREATE,
        Operation.ENV_DELETE,
        Operation.THROTTLE_CREATE,
        Operation.THROTTLE_DELETE,
        Operation.THROTTLE_BIND,
        Operation.THROTTLE_UNBIND,
        Operation.ACL_CREATE,
        Operation.ACL_DELETE,
        Operation.ACL_BIND,
        Operation.ACL_UNBIND,
        Operation.SIGN_CREATE,
        Operation.SIGN_DELETE,
        Operation.SIGN_BIND,
        Operation.SIGN_UNBIND,
        Operation.PLUGIN_CREATE,
        Operation.PLUGIN_DELETE,
        Operation.PLUGIN_ATTACH,
        Operation.PLUGIN_DETACH,
        Operation.TOPIC_CREATE,
        Operation.TOPIC_DELETE,
        Operation.TOPIC_ALLOW,
        Operation.PRODUCT_IMPORT,
        Operation.PRODUCT_DELETE,
    }
)
#: operations at IAM
IAM = frozenset({Operation.TOKEN, Operation.PROJECTS, Operation.METADATA, Operation.ID_TOKEN, Operation.KEY})
#: operations that answer with pages of a list
LISTS = frozenset({Operation.APPS, Operation.TASKS, Operation.DATASOURCES, Operation.APIS, Operation.GROUPS})
#: all but IAM
ROMA = frozenset(Operation) - IAM
