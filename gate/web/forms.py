"""Forms that a browser sends back. They are small, and only forms of our own pages are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from gate.api.http.body import read_body
from gate.api.http.cookies import CSRF_FIELD, require_csrf, require_same_origin
from gate.api.http.faults import faults_of
from gate.api.http.permits import attached_to
from gate.errors import BadRequest, Fault, GateError, Invalid
from gate.flow.caller import Person

FIELDS_MAX = 500
MEDIA_TYPE = "application/x-www-form-urlencoded"

_READ = "gate.form"
"""The key of the form in the scope of a request. The form is kept, because a body can be read only
once."""

_NEVER_SHOWN = frozenset({CSRF_FIELD, "password", "again"})

Model = TypeVar("Model", bound=BaseModel)
Form: TypeAlias = Mapping[str, list[str]]
"""The values of each field, in order. `text_of` reads a field that occurs once."""


@dataclass(frozen=True, slots=True)
class Written:
    """A refused form, kept so that its page can show it again: the values of its fields and the
    faults in them.

    `form` is its name among the forms of the page.
    """

    form: str = ""
    fields: Form = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""

    def of(self, form: str) -> "Written":
        """Return this form if it has that name, or an empty one."""
        return self if self.form == form else NOT_WRITTEN

    def text(self, name: str, otherwise: str = "") -> str:
        """Return the text of a field."""
        return text_of(self.fields, name, otherwise)


NOT_WRITTEN = Written()


def written(form_name: str, form: Form, refused: GateError, otherwise: str = "") -> Written:
    """Return a refused form with each error at its field.

    An error that names no field stands at the field `otherwise`, and if there is none, above the
    form.
    """
    errors = errors_of(refused.faults)
    if not errors and otherwise:
        errors = {otherwise: refused.detail}
    return Written(form_name, form, errors, refused.detail)


def errors_of(faults: Sequence[Fault]) -> dict[str, str]:
    """Return the first fault of each field."""
    found: dict[str, str] = {}
    for fault in faults:
        name = fault.where.removeprefix("#").removeprefix("/").partition("/")[0]
        if name:
            found.setdefault(name, fault.detail)
    return found


async def read_form(request: Request, by: Person) -> Form:
    """Return the form of a page that was made for this session.

    Raises `NotAllowed` for a form from anywhere else.
    """
    require_same_origin(request, attached_to(request).gate)
    form = await read_fields(request)
    require_csrf(by, text_of(form, CSRF_FIELD))
    return form


async def read_fields(request: Request) -> Form:
    """Return the fields of a form. Raises `BadRequest` and `Invalid`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        raise BadRequest(f"A form is sent as {MEDIA_TYPE}.", problem="invalid")
    # Set first, because the body can be read only once: if it is refused, `typed` must not wait
    # for another one.
    request.scope[_READ] = {}
    body = await read_body(request.receive)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"
        )
    except ValueError:
        raise Invalid(
            f"The form cannot be read; it may have {FIELDS_MAX} fields in UTF-8."
        ) from None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in value:
            raise Invalid("A field has a NUL character, which no text may have.")
        form.setdefault(name, []).append(value.replace("\r\n", "\n").strip())
    request.scope[_READ] = form
    return form


async def typed(request: Request) -> Form:
    """Return the form of a refused request, so that its page can show it again.

    It is empty for a request that another site made its visitor send, because that site would
    choose the words on our page. Secrets are never written into a page.
    """
    try:
        require_same_origin(request, attached_to(request).gate)
        form = request.scope.get(_READ)
        if form is None:
            form = await read_fields(request)
    except GateError:
        return {}
    return {name: values for name, values in form.items() if name not in _NEVER_SHOWN}


def text_of(form: Form, name: str, otherwise: str = "") -> str:
    """Return the value of a field that may stand once, or `otherwise`."""
    values = form.get(name, [])
    return values[0] if len(values) == 1 else otherwise


def names_of(form: Form, name: str) -> list[str]:
    """Return names that are written with commas between them, in one field or in several."""
    return [
        part.strip() for value in form.get(name, []) for part in value.split(",") if part.strip()
    ]


def read_request(model: type[Model], **values: object) -> Model:
    """Return the values of a form as the request model of the API, with its limits.

    Raises `Invalid` in words for a person.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = faults_of(error, model)
    raise Invalid(
        " ".join(
            f"{fault.where.removeprefix('#/').replace('_', ' ')}: {fault.detail}."
            for fault in faults
        ),
        faults=faults,
    )
