"""Answers with fields that are not known here, because they depend on the subject."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue


class SchemaAnswer(BaseModel):
    """A JSON Schema for editors."""

    model_config = ConfigDict(extra="allow", frozen=True)

    __pydantic_extra__: dict[str, JsonValue]


class EntryAnswer(BaseModel):
    """An entry of the ledger, with the fields of its kind beside those named here."""

    model_config = ConfigDict(extra="allow")

    v: int
    kind: str
    at: datetime
    change: str | None = None


class PatchAnswer(BaseModel):
    """A patch to merge into a resource of a controller. Its fields are those of the controller."""

    spec: dict[str, JsonValue]
