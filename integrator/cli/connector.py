"""`integrator connector`: a connector for a further platform, begun in a checkout."""

from __future__ import annotations

import keyword
import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Annotated

import typer

import integrator
from integrator.cli.output import Exit, Failed, output

app = typer.Typer(help="Connectors: begin one for a further platform.")

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 24  # characters, so that no line of what is written becomes too long
CHECKOUT = ("pyproject.toml", "integrator/connectors/base.py", "tests/connectors/suite.py")


@app.callback()
def connector() -> None:
    """Connectors: begin one for a further platform."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The platform's name in commands and folders, as acme.")],
    title: Annotated[str, typer.Option(help="What people call the platform; default: made of the name.")] = "",
) -> None:
    """Write the folders of a new connector, with the contract suite failing until it is written.

    Needs a checkout of Integrator: a connector is a part of it. docs/connectors.md leads through the rest.

    Example: integrator connector new acme --title "Acme Commerce"
    """
    root = _checkout()
    _usable(name)
    title = " ".join(title.split()) or " ".join(part.capitalize() for part in name.split("_"))
    if not re.fullmatch(r"[\w .,&+'()-]{1,40}", title):
        raise Failed(
            f"The title {title[:60]!r} cannot be taken.",
            hint="Use up to 40 letters, digits, blanks and simple signs.",
            code=Exit.USAGE,
        )
    folders = {root / "integrator" / "connectors" / name: "", root / "tests" / "connectors" / name: "tests"}
    for folder in folders:
        for taken in (folder, folder.with_suffix(".py")):
            if taken.exists():
                hint = "Choose another name, or remove what is there."
                raise Failed(f"{taken.relative_to(root)} is there already; nothing was written.", hint=hint)
    values = {"name": name, "title": title, "cls": "".join(part.capitalize() for part in name.split("_"))}
    source = resources.files(integrator) / "cli" / "templates" / "connector"
    written = []
    for folder, part in folders.items():
        written += _write(source / part if part else source, folder, values, deep=bool(part))
    files = [str(one.relative_to(root)) for one in written]
    out = output()
    out.done(f"The connector {name!r} has {len(files)} files.", name=name, title=title, files=files)
    for one in files:
        out.note(f"  {one}")
    out.note(
        f"Now: docs/connectors.md, and scripts/test tests/connectors/{name} until nothing fails; then scripts/docs."
    )


def _checkout() -> Path:
    root = Path(integrator.__file__).resolve().parents[1]
    if not all((root / one).is_file() for one in CHECKOUT):
        raise Failed(
            f"Integrator runs from {root}, which is no checkout: a connector and its tests are a part of the source.",
            hint="Clone the repository, and run this in it: pip install -e . && integrator connector new NAME",
            code=Exit.USAGE,
        )
    return root


def _usable(name: str) -> None:
    if not NAME.fullmatch(name) or len(name) > LONGEST or keyword.iskeyword(name) or name == "test":
        raise Failed(
            f"The name {name[:60]!r} cannot be taken.",
            hint=f"Use up to {LONGEST} of a-z, 0-9 and single _, beginning with a letter, and no word of Python.",
            code=Exit.USAGE,
        )


def _write(source: Traversable, target: Path, values: dict[str, str], *, deep: bool) -> list[Path]:
    target.mkdir(parents=True)
    written = []
    for one in sorted(source.iterdir(), key=lambda entry: entry.name):
        if one.is_dir():
            if deep:
                written += _write(one, target / one.name, values, deep=True)
        elif one.name.endswith(".tmpl"):
            path = target / one.name.removesuffix(".tmpl")
            path.write_text(_in_order(Template(one.read_text("utf-8")).substitute(values)), "utf-8")
            written.append(path)
    return written


def _in_order(text: str) -> str:
    """The imports of our own packages sorted, where a name like `acme` or `zoo` belongs."""
    lines = text.splitlines(keepends=True)
    statements: list[list[str]] = []
    first, at = None, 0
    while at < len(lines):
        if lines[at].startswith(("from integrator.", "from tests.")):
            first = at if first is None else first
            end = at
            while lines[at].rstrip().endswith("(") and lines[end].rstrip() != ")":
                end += 1
            statements.append(lines[at : end + 1])
            at = end + 1
        elif first is not None:
            break
        else:
            at += 1
    if first is None:
        return text
    ordered = sorted(statements, key=lambda one: one[0].split()[1])
    return "".join([*lines[:first], *(line for one in ordered for line in one), *lines[at:]])
