"""Alembic's entry: `integrator db upgrade` runs it with the connection in `config.attributes`.

Every migration runs with a lock_timeout and a statement_timeout, so that one that cannot get its lock gives
up instead of queueing all other work behind it.
"""

from alembic import context
from sqlalchemy import Connection, text

from integrator.store.engine import make_engine
from integrator.store.tables import metadata

LOCK_TIMEOUT, STATEMENT_TIMEOUT = "4s", "60s"


def ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """Procrastinate's tables live beside ours and are not ours to compare."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate"))


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=ours,
        transaction_per_migration=True,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        run(connection)
        return
    engine = make_engine(context.config.get_main_option("sqlalchemy.url") or "")
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'; SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        connection.commit()
        run(connection)


main()
