"""The OpenAPI document against the service that it describes."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from gladsr.web.app import create_app
from gladsr.web.limits import Limits
from gladsr.web.service import Service
from gladsr.web.settings import EngineSettings

from .helpers import (
    Server,
)


@schemathesis.serializer("image/tiff", "image/avif")
def as_it_is(_context: schemathesis.SerializationContext, value: bytes) -> bytes:
    return value


schema = schemathesis.openapi.from_dict(
    create_app(Service(Limits(), EngineSettings(), Path("nowhere"))).openapi()
)


def _operations() -> list[Any]:
    results: list[Any] = list(schema.get_all_operations())
    return [result.ok() for result in results]


@pytest.mark.parametrize(
    "operation",
    _operations(),
    ids=lambda operation: operation.label,
)
def test_the_service_does_as_its_openapi_document_says(operation: Any, server: Server):
    # A schema cannot say which bytes are a picture, so random ones may be refused.
    is_upload = operation.method.upper() == "POST"

    @given(operation.as_strategy())
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def agrees(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(
            base_url=server.url,
            timeout=60,
            excluded_checks=[positive_data_acceptance] if is_upload else [],
        )

    agrees()


def test_the_document_names_its_problems_and_loads_no_foreign_page(server: Server):
    document = server.client.get("/openapi.json").json()
    assert "ProblemDetails" in document["components"]["schemas"]
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
    assert server.client.get("/docs").status_code == 404
