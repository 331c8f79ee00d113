"""Which fields the connection of a data source has, by its type (Finishing 2.4). Law: the only table of them.

A values file is checked against it, editors are told of it, and it says which values are secrets. Where the schema and
the examples of the service spell a field differently, both spellings stand here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class FieldKind(Enum):
    """What a field holds."""

    TEXT = "text"
    WHOLE = "a whole number"
    FLAG = "true or false"
    #: a password, a key, or a file that holds one
    SECRET = "a secret"  # noqa: S105 - the name of a kind
    #: addresses with their ports
    ADDRESSES = "a list of addresses"
    #: how an API is logged in to
    LOGIN = "a mapping of the login's fields"
    #: whatever a connector of the customer's own needs; each value may be a secret
    FREE = "a mapping"


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """One type of data source."""

    #: field -> the only values that are known, or none where any text may stand
    fields: Mapping[str, tuple[str, ...]]
    #: value of `mode` -> fields that only go with it; for types that have modes
    modes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_K = FieldKind
_BY_KIND: Mapping[FieldKind, tuple[str, ...]] = {
    _K.TEXT: (
        "gauss100_version", "host", "port", "database_name", "redis_database", "user_name", "mode", "cdc_mode",
        "oracle_service_name", "ftp_connect_mode", "connect_mode", "ftp_protocol", "protocol", "address",
        "bucket_name", "url", "api_method", "auth_method", "broker", "ssl_username", "mongodb_auth_source",
        "mongodb_replica_set", "encoding", "trust_store_file_type", "ssl_auth_method", "key_store_file_type",
        "dis_tunnel_name", "dis_data_type", "dis_setting_type", "dis_endpoint", "dis_region",
        "dis_source_project_id", "hl7_position", "hl7_whitelist", "ldap_security_auth_type",
        "rabbitmq_virtual_host", "rabbitmq_ssl_protocol", "sap_client", "sap_sysnr", "snmp_network_protocol",
        "ibmmq_ccs_id", "ibmmq_queue_manager", "ibmmq_channel", "ibmmq_cipher_suite", "hdfs_path",
        "principal_name", "config_file_name", "connection_instance_id",
    ),
    _K.WHOLE: ("mysql_timeout", "snmp_version"),
    _K.FLAG: ("https", "ssl", "ssl_enable", "mongodb_cluster_enable", "hl7_whitelist_enable"),
    _K.SECRET: (
        "password", "ak", "sk", "ssl_password", "trust_store", "trust_store_password", "key_store",
        "key_store_password", "key_store_key_password", "snmp_community", "config_file_content",
    ),
    _K.ADDRESSES: ("multi_oracle_address",),
    _K.LOGIN: ("api_auth_detail", "ApiAuthDetail"),
    _K.FREE: ("connector_params",),
}  # fmt: skip
#: what each field of a connection holds
FIELDS: Mapping[str, FieldKind] = {name: kind for kind, names in _BY_KIND.items() for name in names}

#: what each field of `api_auth_detail` holds
LOGIN_FIELDS: Mapping[str, FieldKind] = {
    **dict.fromkeys(
        ("auth_method", "app_auth_type", "user_name", "app_key", "alt_ip", "access_token_url", "client_id", "scope",
         "grant_type"),
        FieldKind.TEXT,
    ),
    **dict.fromkeys(("password", "app_secret", "secret", "client_secret", "authorization"), FieldKind.SECRET),
}  # fmt: skip
LOGIN_METHODS = (
    "none", "basicauth", "oauth2.0", "hmac", "secret", "md5", "apiGateway", "keyTop", "hikVision",
    "huaweiNetworkManagement", "liHe",
)  # fmt: skip
#: one of `multi_oracle_address`
ADDRESS_FIELDS = ("oracle_address", "oracle_port")

#: an account, and the secret without which it is no use: a change replaces the whole content (Finishing 2.4)
PAIRS = (
    ("user_name", "password"), ("ssl_username", "ssl_password"), ("ak", "sk"), ("app_key", "app_secret"),
    ("client_id", "client_secret"),
)  # fmt: skip
#: fields of which one says where the source is
WHERE = ("host", "url", "address", "broker", "multi_oracle_address", "hdfs_path", "dis_endpoint", "dis_tunnel_name")


def _any(*names: str, **words: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {**dict.fromkeys(names, ()), **words}


_PLACE = ("host", "port", "database_name", "user_name", "password")
_DATABASE = ConnectionType(
    _any(*_PLACE, "url", "encoding", "mysql_timeout", mode=("default", "professional")),
    {"default": ("host", "port", "database_name"), "professional": ("url",)},
)
_TRUST = ("ssl", "ssl_enable", "trust_store", "trust_store_file_type", "trust_store_password")
_KEYS = ("key_store", "key_store_file_type", "key_store_password", "key_store_key_password")
_QUEUE = _any(
    "broker", "host", "port", "database_name", "user_name", "password", "ssl_username", "ssl_password", *_TRUST,
    *_KEYS, mode=("default",), ssl_auth_method=("one-way", "two-way"),
)  # fmt: skip
_KERBEROS = _any("hdfs_path", "principal_name", "config_file_name", "config_file_content")

#: the types that are known
TYPES: Mapping[str, ConnectionType] = {
    **dict.fromkeys(("MYSQL", "SQLSERVER", "DB2", "GAUSS200", "TAURUS", "POSTGRESQL", "HIVE"), _DATABASE),
    "GAUSS100": ConnectionType({**_DATABASE.fields, "gauss100_version": ()}, _DATABASE.modes),
    "ORACLE": ConnectionType(
        _any(
            *_PLACE, "url", "encoding", "multi_oracle_address", "oracle_service_name",
            mode=("default", "professional", "multiAddress"), cdc_mode=("xstream", "logminer"),
        ),
        {
            "default": ("host", "port"),
            "professional": ("url",),
            "multiAddress": ("multi_oracle_address", "oracle_service_name"),
        },
    ),
    **dict.fromkeys(("DWS", "HANA"), ConnectionType(_any(*_PLACE, mode=("default",)))),
    "RABBITMQ": ConnectionType(_any(*_PLACE, *_TRUST, "rabbitmq_virtual_host", "rabbitmq_ssl_protocol")),
    "SAP": ConnectionType(_any(*_PLACE, "sap_client", "sap_sysnr")),
    "SNMP": ConnectionType(
        _any(*_PLACE, "snmp_version", "snmp_community", snmp_network_protocol=("udp", "tcp"))
    ),
    "IBMMQ": ConnectionType(
        _any(*_PLACE, *_TRUST, "ibmmq_ccs_id", "ibmmq_queue_manager", "ibmmq_channel", "ibmmq_cipher_suite")
    ),
    "MONGODB": ConnectionType(
        _any(
            "address", "database_name", "user_name", "password", "mongodb_auth_source", "mongodb_cluster_enable",
            "mongodb_replica_set", mode=("default",),
        )
    ),
    "REDIS": ConnectionType(_any("address", "redis_database", "user_name", "password", mode=("default",))),
    **dict.fromkeys(("KAFKA", "ACTIVEMQ", "ARTEMISMQ"), ConnectionType(_QUEUE)),
    "FTP": ConnectionType(
        _any(
            "host", "port", "user_name", "password",
            **dict.fromkeys(("ftp_protocol", "protocol"), ("sftp", "ftp")),
            **dict.fromkeys(("ftp_connect_mode", "connect_mode"), ("active", "passive")),
        )
    ),
    "OBS": ConnectionType(_any("address", "port", "ak", "sk", "bucket_name", "database_name", "https")),
    "DIS": ConnectionType(
        _any(
            "address", "ak", "sk", "dis_tunnel_name", "dis_data_type", "dis_endpoint", "dis_region",
            "dis_source_project_id", dis_setting_type=("senior", "basic"),
        )
    ),
    "API": ConnectionType(
        _any("url", "api_auth_detail", "ApiAuthDetail", api_method=("GET", "POST", "PUT", "PATCH", "DELETE"))
    ),
    "WEBSOCKET": ConnectionType(
        _any("url", "user_name", "password", "api_auth_detail", "ApiAuthDetail", auth_method=("none", "basicauth"))
    ),
    "LDAP": ConnectionType(_any("url", "user_name", "password", "ldap_security_auth_type")),
    "HL7": ConnectionType(
        _any(
            "host", "port", *_TRUST, *_KEYS, "hl7_whitelist", "hl7_whitelist_enable",
            hl7_position=("source", "target"),
        )
    ),
    **dict.fromkeys(("MRSHDFS", "MRSHIVE", "MRSHBASE", "FIHDFS", "FIHIVE"), ConnectionType(_KERBEROS)),
    **dict.fromkeys(
        ("MRSKAFKA", "FIKAFKA"), ConnectionType({**_KERBEROS, **_any("broker", "ssl", "ssl_enable")})
    ),
    "CUSTOMIZED": ConnectionType(_any("connector_params", "connection_instance_id")),
}  # fmt: skip

#: names that promise a secret, also of fields that no table knows
_SECRET_NAME = re.compile(
    r"(?i)(password|passwd|pwd|secret|token$|credential|authori[sz]ation|private_?key|access_?key|community"
    r"|key_?store$|trust_?store$|config_file_content|(?:^|_)[as]k$)"
)


def is_secret(name: str) -> bool:
    """Whether what stands under this name, in a connection or a part of it, is a secret."""
    kind = FIELDS.get(name) or LOGIN_FIELDS.get(name)
    return kind is FieldKind.SECRET if kind is not None else bool(_SECRET_NAME.search(name))
