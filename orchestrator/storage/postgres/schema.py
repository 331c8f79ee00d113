"""The tables, by numbered migrations. Law: tables of another version are neither written nor guessed at.

`migrations/NNNN_name.sql` are applied in their order, all that are missing in one transaction.
"""

from importlib import resources

from orchestrator.errors import JournalInDoubt, OperatorError
from orchestrator.storage.postgres.address import Address
from orchestrator.storage.postgres.database import SCHEMA, Connection

#: of the lock under which two upgrades wait for each other: "roma" in ASCII
_LOCK = 0x726F6D61
_KEEP = "INSERT INTO meta VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_UPGRADE = "roma-migrate journal upgrade --journal ADDRESS"


def migrations() -> dict[int, str]:
    """Number -> SQL."""
    files = resources.files(__package__) / "migrations"
    found = [file for file in files.iterdir() if file.name.endswith(".sql")]
    return {int(file.name.partition("_")[0]): file.read_text(encoding="utf-8") for file in found}


def version_of(connection: Connection) -> int:
    """The migration that was applied last; 0 before the first."""
    if connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.meta",)).fetchone() == (None,):
        return 0
    row = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    return int(row[0]) if row else 0


def must_be_the_same(connection: Connection, address: Address) -> None:
    """Raises JournalInDoubt where this is not the database that wrote last: a stand-in may lack its latest entries."""
    kept: dict[str, str] = dict(
        connection.execute("SELECT name, value FROM meta WHERE name IN ('system', 'timeline')").fetchall()
    )
    there = _identity(connection)
    if there and kept and kept != there:
        what = "another database" if kept["system"] != there["system"] else "on another timeline"
        raise JournalInDoubt(
            f"{address.shown} is {what} than the one that wrote these journals: it was restored or has failed over, "
            "and may lack what was written last",
            next_step="where nothing was lost (a synchronous standby took over), or when the targets were looked at: "
            "roma-migrate journal vouch --journal ADDRESS",
        )


def vouch(connection: Connection, address: Address) -> None:
    """From now on this database is the one that wrote last."""
    must_fit(connection, address)
    for name, value in _identity(connection).items():
        connection.execute(_KEEP, (name, value))


def _identity(connection: Connection) -> dict[str, str]:
    """Which database this is, and how often it was taken over or restored; nothing where we may not know."""
    if connection.execute("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')").fetchone() != (True,):
        return {}
    timeline = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
    row = connection.execute(f"SELECT system_identifier::text, {timeline} FROM pg_control_system()").fetchone()
    return {"system": row[0], "timeline": row[1]} if row else {}


def must_fit(connection: Connection, address: Address) -> None:
    """Raises OperatorError where the tables are not those of this version."""
    there, here = version_of(connection), max(migrations())
    if there > here:
        raise OperatorError(
            f"{address.shown}: its tables are of a newer roma-migrate (version {there}, this one has {here})",
            next_step="run the command with the version that wrote them",
        )
    if there < here:
        what = f"its tables are of version {there}, this roma-migrate needs {here}" if there else "it holds no journals"
        raise OperatorError(f"{address.shown}: {what}", next_step=_UPGRADE)


def upgrade(connection: Connection, address: Address) -> list[int]:
    """Apply what is missing; the numbers of what was applied. Raises OperatorError where the tables are newer."""
    applied = []
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        there = version_of(connection)
        for number, sql in sorted(migrations().items()):
            if number > there:
                connection.execute(sql)
                connection.execute(_KEEP, ("schema", str(number)))
                applied.append(number)
        if not there:
            vouch(connection, address)
    must_fit(connection, address)
    return applied
