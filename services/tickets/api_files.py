"""Files over the API: those on messages are read, those for an answer are brought before it."""

import re
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import FastAPI, Header, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from services.tickets import files
from services.tickets.repo import changes, reads
from services.tickets.repo import files as kept
from services.tickets.timeline import standing
from services.tickets.visible import require_ticket
from shared.blobs import BlobStore
from shared.db.pool import connection
from shared.errors import Invalid, NotFound
from shared.http import Caller, problems
from shared.identity import Identity
from shared.service import Runtime
from shared.text import one_line

UPLOADS = re.compile(r"/v1/tickets/[^/]+/files")
"""What is posted there is a file, not JSON."""
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
UNKNOWN_TYPE = "application/octet-stream"
PLAIN = "text/plain; charset=utf-8"
Name = Annotated[str, Query(min_length=1, max_length=200, description="The file's name as the customer will see it")]
MediaType = Annotated[str, Header(alias="content-type", max_length=200)]
Number = Annotated[int, Path(ge=0, le=999, description="Its place among the attachments, from 0")]


class FileView(BaseModel):
    """A file that may go out with an answer on this ticket within a day."""

    id: UUID
    name: str
    media_type: str
    size: int = Field(description="Bytes")


def add_files(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""
    blobs = BlobStore(runtime.config.blobs)
    _add_bringing(app, runtime, blobs)
    _add_reading(app, runtime, blobs)


def _add_bringing(app: FastAPI, runtime: Runtime, blobs: BlobStore) -> None:
    body = {"requestBody": {"required": True, "content": {UNKNOWN_TYPE: {"schema": {"type": "string"}}}}}

    @app.post("/v1/tickets/{id}/files", responses=problems(404, 409, 413), status_code=201, openapi_extra=body)
    async def bring_file(
        id: UUID, name: Name, who: Caller, request: Request, content_type: MediaType = UNKNOWN_TYPE
    ) -> FileView:
        """Bring a file for an answer: its content is the body. The same file again is the same."""
        content = await request.body()
        plain = one_line(name.replace("/", "_").replace("\\", "_"), 200)
        if not content or not plain:
            raise Invalid("send the file's content as the body and its name as `name`", reason="empty_file")
        async with connection(runtime.pool) as one:
            ticket = await require_ticket(one, who, id)
        media_type = content_type.partition(";")[0].strip().lower()
        media_type = media_type if _MEDIA_TYPE.fullmatch(media_type) else UNKNOWN_TYPE
        upload = await files.bring(runtime, blobs, ticket, name=plain, media_type=media_type, content=content)
        return FileView(id=upload.id, name=upload.name, media_type=upload.media_type, size=upload.size)


def _add_reading(app: FastAPI, runtime: Runtime, blobs: BlobStore) -> None:
    @app.get(
        "/v1/tickets/{id}/messages/{message}/files/{number}",
        responses=problems(404) | _binary(UNKNOWN_TYPE),
        response_class=StreamingResponse,
    )
    async def read_file(id: UUID, message: UUID, number: Number, who: Caller) -> StreamingResponse:
        """A file of a message, always as a download: what strangers send is not shown by a browser as a page."""
        attachments, _, _ = await _of_message(runtime, who, id, message)
        file = attachments[number] if number < len(attachments) else {}
        if not file.get("blob"):
            raise NotFound(f"message {message} has no file {number} that could be read")
        name = quote(str(file.get("name") or "file"), safe="")
        media_type = str(file.get("media_type") or UNKNOWN_TYPE)
        return await _download(blobs, str(file["blob"]), media_type, f"attachment; filename*=UTF-8''{name}")

    @app.get(
        "/v1/tickets/{id}/messages/{message}/text",
        responses=problems(404) | _binary("text/plain"),
        response_class=StreamingResponse,
    )
    async def read_text(id: UUID, message: UUID, who: Caller) -> StreamingResponse:
        """The whole text of a message; the timeline shows the beginning of a long one."""
        _, text, blob = await _of_message(runtime, who, id, message)
        if blob is not None:
            return await _download(blobs, blob, PLAIN, "inline")
        return StreamingResponse(iter([text.encode()]), media_type=PLAIN, headers=_headers("inline"))


async def _of_message(
    runtime: Runtime, who: Identity, ticket: UUID, message: UUID
) -> tuple[list[dict[str, object]], str, str | None]:
    async with connection(runtime.pool) as one:
        visible = await reads.one(one, who, ticket)
        row = await kept.of_message(one, who.workspace, ticket, message) if visible else None
        done = await changes.of_messages(one, who.workspace, [message]) if row is not None else {}
    if row is None:
        raise NotFound(f"there is no message {message} on ticket {ticket}")
    shown = standing(row, done)
    if shown.text is None:
        raise NotFound(f"message {message} was withdrawn by its author")
    return list(shown.attachments), shown.text, None if shown.edited_at else row["body_blob"]


def _binary(media_type: str) -> dict[int | str, dict[str, object]]:
    return {200: {"content": {media_type: {"schema": {"type": "string"}}}}}


async def _download(blobs: BlobStore, key: str, media_type: str, disposition: str) -> StreamingResponse:
    size, pieces = await blobs.stream(key)
    headers = _headers(disposition) | {"content-length": str(size)}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def _headers(disposition: str) -> dict[str, str]:
    """A stranger's content is never run, and forgotten with its person soon."""
    return {
        "content-disposition": disposition,
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        "cache-control": "private, max-age=300",
    }
