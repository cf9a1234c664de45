"""HTTP as every owner speaks it: problems (RFC 9457), signed identities, and bodies that are checked before use."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
import orjson
from fastapi import Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import identity
from shared.db.pool import may_pass
from shared.errors import Forbidden, Invalid, Malformed, StoreUnavailable, SwitchboardError, TooLarge, Unauthenticated
from shared.identity import Identity, Role

if TYPE_CHECKING:
    from shared.service import Runtime

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024
MAX_FILE_BYTES = 25 * 1024 * 1024
"""Of a file that somebody brings: what mail carries at most in practice."""
PROBLEM_JSON = "application/problem+json"


class FieldProblem(BaseModel):
    """One field that is wrong: where (JSON Pointer, RFC 6901) and why."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """The body of every refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = Field(default_factory=list)


def problem(error: SwitchboardError) -> Response:
    """The answer that says what was wrong and what to do."""
    headers = {"retry-after": str(error.retry_after_s)} if error.retry_after_s is not None else {}
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return _response(error.status, error.reason, type(error).__name__, str(error), error.fields, headers)


def _response(
    status: int, reason: str, title: str, detail: str, fields: list[dict[str, str]], headers: Mapping[str, str]
) -> Response:
    body = {
        "type": f"urn:switchboard:problem:{reason}",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": fields,
    }
    return Response(orjson.dumps(body), status_code=status, media_type=PROBLEM_JSON, headers=dict(headers))


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: these refusals, and those that any route may give."""
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    wanted = sorted({400, 401, 403, 413, 422, 500, 503, *statuses})
    return {status: {"description": "Refused, with the reason", "content": content} for status in wanted}


def pointer(location: tuple[int | str, ...]) -> str:
    """A validation error's place as a JSON Pointer."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def fields_of(errors: Any) -> list[dict[str, str]]:
    """Pydantic's errors as field problems; never the value, which may be secret."""
    return [{"pointer": pointer(error["loc"]), "detail": error["msg"]} for error in list(errors)[:50]]


def create_app(
    runtime: "Runtime", title: str, *, description: str = "", files: re.Pattern[str] | None = None
) -> FastAPI:
    """An owner's API: OpenAPI 3.1, problems for every refusal, checked bodies.

    What is posted to a path that `files` matches is a file: up to MAX_FILE_BYTES, and not looked into.
    """
    app = FastAPI(title=title, description=description, version="1", docs_url=None, redoc_url=None)
    app.state.runtime = runtime
    app.add_exception_handler(SwitchboardError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unexpected)
    app.add_middleware(CheckedBodies, files=files)
    _declare_problem(app)
    return app


def _declare_problem(app: FastAPI) -> None:
    """Put the schema that `problems` refers to into the document; FastAPI knows only models of parsed bodies."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["FieldProblem"] = FieldProblem.model_json_schema()
        schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas["Problem"].pop("$defs", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


async def _on_ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, SwitchboardError)
    if error.status >= 500:
        log.warning("request failed", extra={"reason": error.reason, "error": str(error)})
    return problem(error)


async def _on_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [{"pointer": pointer(e["loc"]), "detail": e["msg"]} for e in error.errors()[:50]]
    return problem(Invalid("the request breaks its schema; see errors", fields=fields))


async def _on_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    reason = title.lower().replace(" ", "_").replace("-", "_")
    return _response(error.status_code, reason, title, str(error.detail), [], error.headers or {})


async def _on_unexpected(_request: Request, error: Exception) -> Response:
    if may_pass(error):
        log.warning("request failed", extra={"error": type(error).__name__})
        return problem(StoreUnavailable("the database did not answer; try again shortly"))
    if isinstance(error, asyncpg.DataError):
        return problem(Invalid("a value cannot be stored: it is out of range or not text"))
    log.error("request failed", exc_info=error)
    return problem(SwitchboardError("this is our fault; it was logged", reason="bug"))


class CheckedBodies:
    """Refuses what no handler should see: bodies over the cap, broken JSON, NUL, lone surrogates, deep nesting."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES, files: re.Pattern[str] | None = None) -> None:
        self.app = app
        self.limit = limit
        self.files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Buffer and check the body, then hand the request on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            is_file = self.files is not None and scope["method"] == "POST" and self.files.fullmatch(scope["path"])
            body = await read_body(receive, scope, MAX_FILE_BYTES if is_file else self.limit)
            _check(scope, b"" if is_file else body)
        except SwitchboardError as error:
            return await problem(error)(scope, receive, send)
        except orjson.JSONDecodeError:
            return await problem(Malformed("the body is not JSON (RFC 8259, UTF-8)"))(scope, receive, send)
        return await self.app(scope, _replay(body, receive), send)


async def read_body(receive: Receive, scope: Scope, limit: int) -> bytes:
    """The whole body; raises TooLarge (413) as soon as it is certain to be over `limit` bytes."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise TooLarge(f"the body has {int(value)} bytes; at most {limit} are taken")
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("the client went away before the body was complete")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the body is over {limit} bytes")
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def has_nul(value: Any) -> bool:
    """Whether any string in a JSON value holds U+0000, which PostgreSQL cannot store."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return False


def _check(scope: Scope, body: bytes) -> None:
    if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
        raise Malformed("the address holds a NUL character")
    if body:
        value = orjson.loads(body)
        if b"\\u0000" in body and has_nul(value):
            raise Malformed("the body holds a NUL character")


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def caller(
    request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
) -> Identity:
    """Who asks, by the identity that the gateway signed."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("no identity came with the request; ask through the gateway")
    runtime: Runtime = request.app.state.runtime
    for key in runtime.config.key.get_secret_value().split(","):
        try:
            return identity.verify(token, key)
        except Unauthenticated as error:
            refused = error
    raise refused


Caller = Annotated[Identity, Depends(caller)]


def require(*roles: Role) -> Callable[[Identity], Awaitable[Identity]]:
    """A dependency that lets these roles pass."""

    async def check(who: Caller) -> Identity:
        if who.role not in roles:
            raise Forbidden(f"this needs the role {' or '.join(roles)}; the key has {who.role}")
        return who

    return check
