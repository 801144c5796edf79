"""The sandbox's OpenAPI document is the truth about the sandbox, as schemathesis finds it."""

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from target_tocobagus.sandbox import BASE_PATH
from target_tocobagus.sandbox.handle import Sandbox
from target_tocobagus.sandbox.testing import running
from tests.sandbox.client import Client

DOCUMENT = json.loads(
    resources.files("target_tocobagus.sandbox").joinpath("openapi.json").read_bytes()
)
OPERATIONS = [
    (path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods
]
PARTNER_OPERATIONS = [(path, method) for path, method in OPERATIONS if BASE_PATH in path]
bounded = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Signing(requests.auth.AuthBase):
    """Signs whatever leaves, as late as possible: the bytes signed are the bytes sent."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.client = Client(sandbox)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the five headers to a request that is ready to go."""
        path = (request.path_url.partition("?")[0]).removeprefix(BASE_PATH)
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        signed = self.client.signed(request.method or "", path, raw)
        signed.pop("content-type", None)
        request.headers.update(signed)
        return request


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Give one sandbox for all generated requests."""
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def schema(sandbox: Sandbox) -> Any:
    """Give the document that the sandbox itself serves."""
    return schemathesis.openapi.from_url(f"{sandbox.url}/openapi.json")


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_a_signed_request_that_fits_the_document_succeeds_as_it_says(
    sandbox: Sandbox, schema: Any, path: str, method: str
) -> None:
    """Signed, whatever fits the schema gets a documented 2xx."""

    @bounded
    @given(st.data())
    def whatever_is_sent(data: st.DataObject) -> None:
        case = data.draw(schema[path][method].as_strategy())
        case.call_and_validate(auth=Signing(sandbox))

    whatever_is_sent()


@pytest.mark.parametrize(("path", "method"), PARTNER_OPERATIONS)
def test_a_signed_request_that_does_not_fit_the_document_is_refused_as_it_says(
    sandbox: Sandbox, path: str, method: str
) -> None:
    """Signed, a body or query that breaks the schema gets a documented 4xx."""
    # without the headers of its security, for those would be broken too, and then signed again
    unsecured = schemathesis.openapi.from_dict({**DOCUMENT, "security": []})
    broken = unsecured[path][method].as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @bounded
    @given(broken)
    def whatever_is_sent(case: Any) -> None:
        case.call_and_validate(base_url=sandbox.url, auth=Signing(sandbox))

    whatever_is_sent()


@pytest.mark.parametrize(("path", "method"), PARTNER_OPERATIONS)
def test_an_unsigned_request_is_answered_with_a_documented_refusal(
    schema: Any, path: str, method: str
) -> None:
    """Without a valid signature nothing is done, and the 401 has the documented form."""

    @bounded
    @given(st.data())
    def whatever_is_sent(data: st.DataObject) -> None:
        case = data.draw(schema[path][method].as_strategy())
        response = case.call()
        assert response.status_code == requests.codes.unauthorized
        case.validate_response(response)

    whatever_is_sent()
