"""The API keeps to its schema: whoever sends whatever, no server error and no answer it does not tell of.

schemathesis makes requests out of the schema, good ones and bad ones; ids are of things that are there,
one's own and another's, so that calls go deeper than "not found". They are the same requests every
time; ``make long`` makes more of them.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.unlock.creating import b64
from tests.unlock.test_bad_input import Cast, cast
from unlock import tokens
from unlock.models import Creator
from unlock.scopes import Scope

__all__ = ["cast"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]

# A 503 is documented: there is no store and no chain here, and calls that need one say so.
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
ACTORS = ("anonymous", "creator", "token", "buyer")
# After these a session is none any more; tests/unlock/test_api_creators.py has them.
ENDS_SESSIONS = {"/api/v1/session/", "/api/v1/session/password/", "/api/v1/sessions/{session_id}/"}


def headers_of(cast: Cast) -> dict[str, dict[str, str]]:
    """What each of the actors sends along."""
    maya = Creator.objects.select_related("user").get(user__username="maya")
    _row, token = tokens.make(maya, name="t", scopes=Scope, days=1, now=timezone.now())
    cookies = cast.maya.client.cookies
    jar = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    return {
        "anonymous": {},
        "creator": {"Cookie": jar, "X-CSRFToken": cookies["csrftoken"].value},
        "token": {"Authorization": f"Bearer {token}"},
        "buyer": {"Authorization": f"Claim {b64(cast.buyer.claim)}"},
    }


@pytest.fixture(scope="module")
def schema() -> Any:
    made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    loaded = schemathesis.openapi.from_dict(json.loads(OpenApiJsonRenderer().render(made)))
    loaded.app = get_wsgi_application()
    return loaded


def modes_of(operation: Any) -> list[GenerationMode]:
    """A path alone cannot be sent wrong here: the ids are put in."""
    has_more = len(operation.body) or len(operation.query)
    return [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if has_more else [])]


def wrong_answers(
    operation: Any, mode: GenerationMode, cast: Cast, headers: Any, *, times: int
) -> list[str]:
    found: set[str] = set()

    @seed(20261123)
    @settings(
        max_examples=times,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        actor=st.sampled_from(ACTORS),
        which=st.integers(0, 3),
    )
    def one(case: Any, actor: str, which: int) -> None:
        if actor == "creator" and operation.path in ENDS_SESSIONS:
            actor = "anonymous"
        for name in case.path_parameters or ():
            ids = cast.ids.get(name, cast.ids["file_id"])
            case.path_parameters[name] = ids[which % len(ids)]
        answer = case.call(headers=headers[actor], base_url="http://testserver")
        if answer.status_code == 500:
            found.add(f"{actor}: 500")
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            found.update(f"{actor}: {str(each)[:800]}" for each in failures.exceptions)

    with contextlib.suppress(Unsatisfiable):  # nothing of it can be sent wrong
        one()
    return sorted(found)


def walk(schema: Any, cast: Cast, *, times: int) -> dict[str, list[str]]:
    """Every call with what is wrong about its answers."""
    headers = headers_of(cast)
    found = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in modes_of(operation):
            name = f"{operation.label} ({mode.value})"
            found[name] = wrong_answers(operation, mode, cast, headers, times=times)
    return {name: wrong for name, wrong in found.items() if wrong}


def test_whoever_sends_whatever_gets_an_answer_that_the_schema_tells_of(
    cast: Cast, schema: Any
) -> None:
    assert walk(schema, cast, times=4) == {}


@pytest.mark.long
def test_and_so_does_whoever_sends_it_a_hundred_times(cast: Cast, schema: Any) -> None:
    assert walk(schema, cast, times=100) == {}
