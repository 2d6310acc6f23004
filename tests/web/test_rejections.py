import asyncio
import io
import re
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.datastructures import Headers

from gladsr.web.access import BearerToken
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem

from .helpers import Server, ask, assert_problem, png, running


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "<b>"}, "model: there is no such model; /v1/models lists them"),
        ({"scale": "two"}, "scale: "),
        ({"scale": 1}, "scale: Input should be greater than 1"),
        ({"scale": 8.5}, "scale: Input should be less than or equal to 8"),
        ({"scale": "nan"}, "scale: "),
        ({"size": "<b>"}, "size: it must have a form such as 1920x1080, 3840x or x2160"),
        ({"size": "0x90"}, "size: it must have a form such as"),
        ({"size": "39x"}, "it has 40x32 pixels: 39x would not make it larger"),
        ({"size": "400x"}, "400x is more than 8 times as large"),
        ({"scale": 2, "size": "80x"}, "give a scale or a size, not both"),
        ({"quality": 101}, "quality: "),
        ({"format": "bmp"}, "format: it must be one of png, jpeg, tiff, webp, avif, gif"),
        ({"draft": "perhaps"}, "draft: "),
        ({"scal": 2}, "there is an unknown option"),
    ],
)
def test_invalid_options_are_named_but_not_quoted(
    options: dict[str, Any], message: str, server: Server, pictures: dict[str, Path]
):
    response = ask(server, pictures["png"].read_bytes(), **options)
    problem = assert_problem(response, 422, "options")
    assert message in problem["detail"]
    assert "<b>" not in response.text


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 422, "picture"),
        (b"GIF89a" + bytes(100), 422, "picture"),
        (b"P6 2 1 255 " + bytes(6), 415, "format"),
        (b"BM" + bytes(100), 415, "format"),
        (bytes(range(256)) * 40, 415, "format"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), 422, "picture"),
        (b"\xff\xd8\xff" + bytes(range(250)), 422, "picture"),
        (b"II*\0" + b"\xff" * 500, 422, "picture"),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(500), 422, "picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "format"),
    ],
)
def test_files_that_are_no_pictures_are_rejected(
    body: bytes, status: int, kind: str, server: Server
):
    assert_problem(ask(server, body), status, kind)


def test_jpeg_rejects_transparency(server: Server):
    file = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 128)).save(file, "png")
    problem = assert_problem(ask(server, file.getvalue(), format="jpeg"), 422, "picture")
    assert problem["detail"].startswith(("The result: ", "The picture: "))


@pytest.mark.parametrize(
    "request_",
    [
        {"data": {"scale": "2"}},
        {"files": {"picture": b"x"}},
        {"files": {"image": b"x"}, "data": {"scale": "2"}},
        {"content": b"--", "headers": {"Content-Type": "multipart/form-data; boundary=-"}},
        {"content": b"--", "headers": {"Content-Type": "multipart/form-data"}},
    ],
)
def test_an_invalid_form_is_rejected(request_: dict[str, Any], server: Server):
    response = server.client.post("/v1/upscale", **request_)
    kind = {415: "format", 422: "options"}[response.status_code]
    assert "image" in assert_problem(response, response.status_code, kind)["detail"]


def test_unknown_addresses_and_methods_are_rejected(server: Server):
    assert_problem(server.client.get("/v2"), 404, "not-found")
    assert_problem(server.client.get("/v1/jobs/../../etc/passwd"), 404, "not-found")
    assert_problem(server.client.get("/page/%2e%2e/app.py"), 404, "not-found")
    response = server.client.put("/v1/upscale")
    assert_problem(response, 405, "method")
    assert response.headers["allow"] == "POST"
    response = server.client.put("/v1/jobs/x")
    assert_problem(response, 405, "method")
    assert response.headers["allow"] == "DELETE, GET"


def test_pages_of_other_sites_and_other_host_names_are_rejected(server: Server):
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert_problem(server.client.get("/v1/models", headers=headers), 403, "foreign-page")
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert server.client.get("/v1/models", headers=own).status_code == 200
    rebound = {"Host": "evil.example"}
    assert_problem(server.client.get("/", headers=rebound), 421, "wrong-host")


@pytest.mark.parametrize("host", ["localhost:80@evil", "localhost:", "local host", "[::1", "a/b"])
def test_a_host_header_that_is_no_name_and_port_is_rejected(host: str, server: Server):
    response = server.client.get("/", headers={"Host": host})
    assert_problem(response, 400, "bad-request")


@pytest.mark.parametrize(
    ("query", "named"), [("scale=2&scale=3", "scale"), ("size=9x9&model=gladsr&size=8x", "size")]
)
def test_a_repeated_option_is_rejected(query: str, named: str, server: Server):
    for address in ("/v1/upscale", "/v1/jobs"):
        problem = assert_problem(
            server.client.post(f"{address}?{query}", content=png(4)), 422, "options"
        )
        assert problem["detail"] == f"An option is given more than once ({named})."
    problem = assert_problem(
        server.client.post("/v1/masks?<b>=1&<b>=2", content=png(4)), 422, "options"
    )
    assert "<b>" not in problem["detail"]


@pytest.mark.parametrize("path", ["/", "/v1/models", "/v1/jobs/x", "/nothing", "/metrics"])
def test_every_response_has_the_security_headers(path: str, server: Server):
    headers = server.client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_every_problem_is_explained(server: Server):
    page = server.client.get("/problems").text
    entries = re.findall(r'<dt id="([\w-]+)">(.*?) <code>', page)
    assert dict(entries) == {kind.slug: kind.title for kind in ProblemKind}


def test_a_token_is_required():
    with running(token="secret") as server:  # noqa: S106 - of this test only
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic secret"}):
            for path in ("/v1/models", "/metrics", "/v1/jobs/x"):
                response = httpx.get(server.url + path, headers=header)
                assert_problem(response, 401, "token-needed")
                assert response.headers["www-authenticate"] == "Bearer"
        for path in ("/healthz", "/", "/openapi.json"):
            assert httpx.get(server.url + path).status_code == 200
        assert server.client.get("/v1/models").status_code == 200
        paths = server.client.get("/openapi.json").json()["paths"]
        for path, operations in paths.items():
            protected = path.startswith("/v1/") or path == "/metrics"
            for operation in operations.values():
                assert operation.get("security", []) == ([{"token": []}] if protected else [])
        assert "secret" not in server.stop()


def test_guessing_a_token_is_slowed_down_for_that_client_alone():
    token = BearerToken("secret", free_attempts=2, seconds=0.2, forgive_seconds=60)

    def seconds(client: str, sent: str) -> float:
        start = monotonic()
        with suppress(Problem):
            asyncio.run(token.check(client, Headers({"Authorization": f"Bearer {sent}"})))
        return monotonic() - start

    for _ in range(3):
        assert seconds("a", "wrong") < 0.1
    assert seconds("a", "wrong") >= 0.2
    assert seconds("a", "wrong") >= 0.4
    assert seconds("a", "secret") >= 0.6  # else a quick answer would give the token away
    assert seconds("b", "secret") < 0.1


def test_wrong_tokens_are_forgotten():
    token = BearerToken("secret", free_attempts=0, seconds=10, forgive_seconds=0.1)
    wrong, right = (Headers({"Authorization": f"Bearer {sent}"}) for sent in ("wrong", "secret"))
    with pytest.raises(Problem):
        asyncio.run(token.check("a", wrong))
    sleep(0.2)
    start = monotonic()
    asyncio.run(token.check("a", right))
    assert monotonic() - start < 1
