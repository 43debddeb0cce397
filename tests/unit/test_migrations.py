from __future__ import annotations

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from integrator.store import migrate
from integrator.store.engine import make_engine
from integrator.store.tables import metadata


def test_the_migrated_schema_is_what_the_code_expects(database: str) -> None:
    engine = make_engine(database)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda _o, name, kind, *_: not (kind == "table" and name.startswith("procrastinate"))
            },
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_down_removes_everything_and_up_comes_again(database: str) -> None:
    migrate.downgrade(database)
    engine = make_engine(database)
    with engine.connect() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
        left = connection.execute(sa.text("SELECT count(*) FROM pg_proc WHERE proname LIKE 'procrastinate%'")).scalar()
        assert left == 0
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()
    engine.dispose()
