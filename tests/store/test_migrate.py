from __future__ import annotations

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from integrator.store import migrate


def test_the_files_say_what_alembic_says() -> None:
    scripts = ScriptDirectory(str(migrate.migrations_folder()))
    assert migrate.head() == scripts.get_current_head()
    assert migrate.revisions() == {one.revision: one.down_revision for one in scripts.walk_revisions()}
    assert migrate.known(migrate.head())
    assert not migrate.known("from the future")


def test_the_newest_of_several_is_the_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "versions").mkdir()
    for number, before in (("0001", None), ("0003", "0002"), ("0002", "0001")):
        text = f'revision: str = "{number}"\ndown_revision: str | None = {before!r}\nbranch_labels = None\n'
        (tmp_path / "versions" / f"{number}_x.py").write_text(text)
    monkeypatch.setattr(migrate, "migrations_folder", lambda: tmp_path)
    assert migrate.head() == "0003"
    assert migrate.revisions()["0002"] == "0001"
