"""What a sender of hooks is answered."""

from typing import Annotated

from pydantic import Field

from gate.api.models.views import View


class TakenView(View):
    """It is kept, and need not be sent again."""

    taken: Annotated[int, Field(description="new, and worked on within seconds")]
    known: Annotated[int, Field(description="sent before; nothing is done twice")]
    ignored: Annotated[list[str], Field(description="what nothing is done about, and why")]
