"""What can be wrong with an instruction of the operator."""

from __future__ import annotations

from difflib import get_close_matches

from pydantic import BaseModel, ValidationError


class NotFound(LookupError):
    """The thing that was named does not exist (or belongs to another account)."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        return str(self.args[0])


class Refused(ValueError):
    """What was asked for cannot be: the message names the field and the value, `hint` says what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def explain(error: ValidationError, model: type[BaseModel], *, what: str) -> Refused:
    """A pydantic error as one sentence per field: name, value (secrets masked), what is expected."""
    sentences = []
    for problem in error.errors():
        path = ".".join(str(part) for part in problem["loc"])
        field = model.model_fields.get(str(problem["loc"][0])) if problem["loc"] else None
        match problem["type"]:
            case "missing":
                sentences.append(
                    f"{path} is missing" + (f" ({field.description})" if field and field.description else "")
                )
            case "extra_forbidden":
                near = get_close_matches(path, model.model_fields, n=1)
                known = f"did you mean {near[0]}?" if near else f"there are: {', '.join(model.model_fields)}"
                sentences.append(f"{path} is not known; {known}")
            case _:
                secret = field is not None and "Secret" in str(field.annotation)
                value = "********" if secret else repr(problem["input"])
                reason = str(problem.get("ctx", {}).get("error", problem["msg"]))
                sentences.append(f"{path}={value}: {reason}" if path else reason)
    return Refused(f"{what}: {'; '.join(sentences)}.")
