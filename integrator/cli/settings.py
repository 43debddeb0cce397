"""`integrator settings`: all settings."""

from __future__ import annotations

import typer

from integrator import settings as service
from integrator.cli.output import output

app = typer.Typer()


@app.command()
def settings() -> None:
    """All settings: variable, value (secrets masked), default, meaning. They come from the environment and .env.

    Exit code 2 if one is wrong. Example: integrator settings --json
    """
    found = service.load()
    rows = []
    for name, field in service.Settings.model_fields.items():
        value, default = getattr(found, name), field.default
        rows.append(
            {
                "variable": service.variable(name),
                "value": service.masked(name, value),
                "default": service.masked(name, default),
                "set": name in found.model_fields_set,
                "meaning": field.description or "",
            }
        )
    out = output()
    out.table(
        rows,
        columns={"variable": "Variable", "value": "Value", "default": "Default", "meaning": "Meaning"},
    )
    for sentence in service.unknown_names():
        out.warn(sentence)
