"""The schema's history, as SQL that the store's own driver runs.

Alembic writes the statements (its offline mode) and the store runs them in one transaction
under its own write lock: so no second database driver ever opens the file, and two processes
that start at once upgrade it once. What makes an empty store is kept as it was written, in
``newest/``, for loading Alembic takes longer than all the rest of a first start.
"""

import io
import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from grantory.errors import SetupError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

HEAD: Final = "0006"
"""The newest revision; a test holds it equal to the scripts in ``versions``."""

GENERATION_DIGITS: Final = 2

CURRENT: Final = "SELECT version_num FROM alembic_version"


def fits(found: str) -> bool:
    """Tells whether this program can work on tables of a revision.

    The first two digits of a revision are its generation. Within one generation tables only
    gain what an older program need not know, so that it may go on beside a newer one while
    the nodes are upgraded one after another.

    Args:
        found: the revision of the tables.
    """
    same = found[:GENERATION_DIGITS] == HEAD[:GENERATION_DIGITS] and len(found) == len(HEAD)
    return same and found >= HEAD


def upgrade_sql(dialect: str, current: str | None, target: str = "head") -> str:
    """Returns the statements that lead from a revision to a newer one.

    Args:
        dialect: SQLAlchemy's name of the database, ``sqlite`` or ``postgresql``.
        current: the store's revision, None for an empty store.
        target: the revision to reach, by default the newest.

    Returns:
        SQL text; the caller runs it in one transaction.

    Raises:
        SetupError: when a revision is none of this program's.
    """
    if current is None and target in ("head", HEAD):
        return newest_file(dialect).read_text("utf-8")
    return written_sql(dialect, current, target)


def newest_file(dialect: str) -> Path:
    """Names the file of what makes an empty store; ``make schema`` writes it anew."""
    return Path(__file__).parent / "newest" / f"{dialect}.sql"


def written_sql(dialect: str, current: str | None, target: str = "head") -> str:
    """Writes the statements that lead from a revision to a newer one; as ``upgrade_sql``."""
    from alembic.runtime.environment import EnvironmentContext
    from alembic.util import CommandError

    config, script = _scripts()
    if target != "head" and target not in known_revisions():
        raise SetupError(f"this program does not know schema {target}: use a newer one")
    text = io.StringIO()
    context = EnvironmentContext(
        config,
        script,
        fn=lambda revision, _context: script._upgrade_revs(target, revision),
        as_sql=True,
        starting_rev=current,
        destination_rev=target,
    )
    with context:
        context.configure(
            dialect_name=dialect,
            output_buffer=text,
            transactional_ddl=False,
            as_sql=True,
            literal_binds=True,
        )
        try:
            context.run_migrations()
        except CommandError:
            raise SetupError(
                f"the store has schema {current}, which is newer than this program"
            ) from None
    return text.getvalue()


@cache
def known_revisions() -> tuple[str, ...]:
    """Lists the schema revisions that this program can make, oldest first."""
    _, script = _scripts()
    return tuple(found.revision for found in script.walk_revisions())[::-1]


def _scripts() -> "tuple[Config, ScriptDirectory]":
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "newline")
    return config, ScriptDirectory.from_config(config)
