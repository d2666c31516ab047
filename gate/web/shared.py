"""What the endpoints of pages are given beside the gate."""

from typing import Annotated, TypeAlias

from fastapi import Depends
from starlette.requests import Request

from gate.flow.queries.desk import Desk


def _desk(request: Request) -> Desk:
    desk: Desk = request.scope["app"].state.desk
    return desk


DeskDep: TypeAlias = Annotated[Desk, Depends(_desk)]
