"""The schema's history, as SQL that the store's own driver runs.

Alembic writes the statements (its offline mode) and the store runs them in one transaction
under its own write lock: so no second database driver ever opens the file, and two processes
that start at once upgrade it once.
"""

import io
import logging
from pathlib import Path
from typing import Final

from grantory.errors import SetupError

HEAD: Final = "0001"
"""The newest revision; a test holds it equal to the scripts in ``versions``."""

CURRENT: Final = "SELECT version_num FROM alembic_version"


def upgrade_sql(dialect: str, current: str | None) -> str:
    """Writes the statements that lead from a revision to the newest.

    Args:
        dialect: SQLAlchemy's name of the database, ``sqlite`` or ``postgresql``.
        current: the store's revision, None for an empty store.

    Returns:
        SQL text; the caller runs it in one transaction.

    Raises:
        SetupError: when the revision is none of this program's.
    """
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "newline")
    script = ScriptDirectory.from_config(config)
    text = io.StringIO()
    context = EnvironmentContext(
        config,
        script,
        fn=lambda revision, _context: script._upgrade_revs("head", revision),
        as_sql=True,
        starting_rev=current,
        destination_rev="head",
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
