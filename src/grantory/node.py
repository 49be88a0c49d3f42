"""An opened store with what stands on it: all that a command needs, and nothing of HTTP."""

from pathlib import Path

import msgspec

from grantory.crypto.passwords import Argon2Hasher, PasswordThreads
from grantory.crypto.runtime import SystemClock, SystemRandom
from grantory.crypto.sealing import MasterKey
from grantory.errors import SetupError
from grantory.master_key_file import find_master_key, make_master_key, master_key_path
from grantory.ports.runtime import Clock, Random
from grantory.protocol.saml.threads import AssertionThreads
from grantory.registry.gathered_refusals import GatheredRefusals
from grantory.registry.jwt_keys import JwtKeys
from grantory.registry.keys import TokenKeys
from grantory.registry.organizations import Founder, Founding
from grantory.settings import Settings
from grantory.storage.database import Database, OpenStore, find_database
from grantory.storage.sql.migrations import HEAD, fits

DATABASE_FILE = "grantory.db"


class Node(msgspec.Struct):
    """An opened store with what stands on it."""

    store: OpenStore
    master_key: MasterKey
    clock: Clock
    random: Random
    founder: Founder
    keys: TokenKeys
    jwt_keys: JwtKeys
    refusals: GatheredRefusals
    passwords: PasswordThreads
    assertions: AssertionThreads
    new_key_file: Path | None = None
    """The master key's file, where this process has just made it."""

    async def close(self) -> None:
        """Finishes waiting writes and closes the store."""
        await self.store.close()
        self.passwords.close()
        self.assertions.close()


def database_of(settings: Settings) -> Database:
    """Finds the database that the settings mean."""
    return find_database(settings.database_url, settings.data_dir / DATABASE_FILE)


async def open_node(
    settings: Settings,
    clock: Clock | None = None,
    random: Random | None = None,
    *,
    patient: bool = False,
) -> Node:
    """Opens a store that is set up, with its master key.

    Args:
        settings: say where it is.
        clock: by default the system's.
        random: by default the system's.
        patient: whether a transaction may take long; for commands.

    Raises:
        SetupError: when it is not set up, of another schema, or of another master key.
    """
    database = database_of(settings)
    _require_fitting(database, await database.revision())
    key = require_master_key(settings)
    return await _node(database, key, clock, random, settings, patient=patient)


def require_master_key(settings: Settings) -> MasterKey:
    """Reads the master key of a store that was set up before.

    Raises:
        SetupError: when it is missing or cannot be read.
    """
    master_key = find_master_key(settings)
    if master_key is None:
        raise SetupError(
            "the master key is missing: copy it to the data directory as master.key, "
            "or set GRANTORY_MASTER_KEY_FILE"
        )
    return master_key


async def _node(
    database: Database,
    master_key: MasterKey,
    clock: Clock | None,
    random: Random | None,
    settings: Settings,
    *,
    patient: bool = False,
) -> Node:
    clock = clock or SystemClock()
    random = random or SystemRandom()
    store = await database.open(clock, settings.workers, patient=patient)
    keys = TokenKeys(clock, random, master_key)
    jwt_keys = JwtKeys(store, clock, random, master_key, settings.key_life)
    founder = Founder(store, clock, random, Argon2Hasher(), keys)
    refusals = GatheredRefusals(clock)
    return Node(
        store,
        master_key,
        clock,
        random,
        founder,
        keys,
        jwt_keys,
        refusals,
        PasswordThreads(),
        AssertionThreads(),
    )


def _require_fitting(database: Database, found: str | None) -> None:
    if found is None:
        raise SetupError(f"{database.name} is not set up: run grantory init, or grantory serve")
    if not fits(found):
        raise SetupError(
            f"{database.name} has schema {found} and this program needs {HEAD}: "
            "run grantory db upgrade"
        )


async def check_master_key(node: Node) -> bool:
    """Tells whether the store is set up.

    Raises:
        SetupError: when it was set up with another master key.
    """
    check = await node.store.read(lambda snapshot: snapshot.installation.master_key_check())
    if check is None:
        return False
    if not node.master_key.fits(check):
        if node.new_key_file is not None:  # another node was faster: this key opens nothing
            node.new_key_file.unlink(missing_ok=True)
        raise SetupError("this store was set up with another master key; nothing was changed")
    return True


async def open_or_create_node(
    settings: Settings, clock: Clock | None = None, random: Random | None = None
) -> Node:
    """Opens a store, making tables and master key where there is none yet.

    Raises:
        SetupError: as ``open_node``.
    """
    database = database_of(settings)
    found = await database.revision()
    if found is None:
        _, found = await database.upgrade()
    _require_fitting(database, found)
    master_key = find_master_key(settings)
    if master_key is None:
        if await database.is_set_up():
            return await open_node(settings, clock, random)
        node = await _node(database, make_master_key(settings), clock, random, settings)
        node.new_key_file = master_key_path(settings)
        return node
    return await _node(database, master_key, clock, random, settings)


async def first_start(node: Node, name: str, email: str) -> Founding | None:
    """Sets the store up where that is still to be done; of several nodes, one does it.

    Returns:
        The first credentials; None when the store was set up before.

    Raises:
        SetupError: when it was set up with another master key.
    """
    if await check_master_key(node):
        return None
    try:
        return await node.founder.set_up(node.master_key.check_value(), name, email)
    except SetupError:
        if await check_master_key(node):  # by another node, at the same moment
            return None
        raise
