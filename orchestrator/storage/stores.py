"""Which store keeps a home's runs. Law: a home's runs are kept in one place; a database's code comes when asked for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import OperatorError
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore, LocalStore

if TYPE_CHECKING:
    from orchestrator.storage.postgres.database import Database
    from orchestrator.storage.postgres.store import PostgresStore

#: told the secrets that were resolved, so that nobody says them
Learn = Callable[[Iterable[str]], None]

_SCHEMES = ("postgresql://", "postgres://")
_ELSEWHERE = "name its journal with --journal, or choose another home with --home"


@dataclass(frozen=True, slots=True)
class Places:
    """What the command line or the environment say of where runs are kept."""

    #: the database that keeps the journals, or "": the home does
    journal: str = ""
    #: the folder of all hosts that keeps the packages too, or "": the home alone does
    packages: str = ""
    #: what names both again on a command line
    options: tuple[str, ...] = ()


def open_store(
    home: Home, places: Places, environ: Mapping[str, str], learn: Learn, say: Callable[[str], None]
) -> LocalStore:
    """The store of this command; `say` hears that its database is waited for. OperatorError, JournalUnreachable."""
    if not places.journal:
        kept_here = home_store(home)
        if places.packages:
            from orchestrator.storage.shared_packages import shared_vaults

            kept_here.vaults = shared_vaults(home, places.packages, lambda: None, environ)
        kept_here.options = places.options
        return kept_here
    store = database_store(home, places.journal, environ, learn, say)
    if places.packages:
        from orchestrator.storage.shared_packages import shared_vaults

        store.vaults = shared_vaults(home, places.packages, store.holdings.must_hold, environ)
    store.options = places.options
    return store


def home_store(home: Home) -> HomeStore:
    """The home's own journals; raises OperatorError where a database keeps them."""
    if kept := home.journal_place():
        raise OperatorError(f"the runs of the home {home.path} are kept in {kept.shown}", next_step=_ELSEWHERE)
    return HomeStore(home)


def database_store(
    home: Home, address: str, environ: Mapping[str, str], learn: Learn, say: Callable[[str], None]
) -> "PostgresStore":
    """The journals of the database at this address; `say` hears that it is waited for.

    Raises JournalUnreachable, and OperatorError also where this home has runs of its own, or of another database.
    """
    database = _database(address, environ, learn, say)
    from orchestrator.storage.postgres.store import opened  # behind the refusal where the extra is missing

    if home.run_ids():
        raise OperatorError(
            f"the home {home.path} keeps journals of its own, and --journal names a database",
            next_step="leave --journal out, or choose another home with --home",
        )
    store = opened(database, home)
    kept = home.journal_place()
    if kept is not None and kept.id != store.id:
        store.close()
        raise OperatorError(f"the runs of the home {home.path} are kept in {kept.shown}", next_step=_ELSEWHERE)
    return store


def upgrade_tables(address: str, environ: Mapping[str, str], learn: Learn) -> tuple[str, list[int]]:
    """Make or renew the tables of a database: its address for people, and the numbers of the migrations applied."""
    database = _database(address, environ, learn)
    from orchestrator.storage.postgres.schema import upgrade

    try:
        return database.address.shown, database.ask(lambda db: upgrade(db, database.address))
    finally:
        database.close()


def vouch_for(address: str, environ: Mapping[str, str], learn: Learn) -> str:
    """A person's word that this database has lost no entry; its address for people."""
    database = _database(address, environ, learn)
    from orchestrator.storage.postgres.schema import vouch

    try:
        database.ask(lambda db: vouch(db, database.address))
        return database.address.shown
    finally:
        database.close()


def must_be_an_address(address: str) -> None:
    """Raises OperatorError where it is none of a database, or a password stands in it in the open."""
    if not address.startswith(_SCHEMES):
        raise OperatorError("--journal is understood with postgresql:// only", next_step="roma-migrate journal --help")
    from orchestrator.storage.postgres.address import parse_address

    parse_address(address)


def _database(
    address: str, environ: Mapping[str, str], learn: Learn, say: Callable[[str], None] = lambda text: None
) -> "Database":
    must_be_an_address(address)
    try:
        from orchestrator.storage.postgres.address import parse_address
        from orchestrator.storage.postgres.database import Database
    except ImportError as error:
        raise OperatorError(
            f"--journal needs a package that is not installed here: {error.name}",
            next_step="pip install 'roma-migrate[fleet]'",
        ) from None
    where = parse_address(address)
    password = where.password(environ, Path.cwd())
    learn([password])
    return Database(where, password, say)
