"""The base of answers that are documented here and come ready from the flow."""

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """An answer has these fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)
