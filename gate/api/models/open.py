"""Answers of which not every field is known here: the other ones depend on what they are about."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue


class SchemaAnswer(BaseModel):
    """A JSON Schema for editors."""

    model_config = ConfigDict(extra="allow", frozen=True)

    __pydantic_extra__: dict[str, JsonValue]


class EntryAnswer(BaseModel):
    """An entry of the ledger; the other fields are those of its kind."""

    model_config = ConfigDict(extra="allow")

    v: int
    kind: str
    at: datetime
    change: str | None = None


class PatchAnswer(BaseModel):
    """A part of a resource of a controller, to be merged into it; the fields are those of the
    controller.
    """

    spec: dict[str, JsonValue]
