"""Files of an answer are brought before it, go out with it, and are forgotten with their person or where none comes."""

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.contracts.inbound_messages import Attachment, Sender
from shared.http import MAX_FILE_BYTES
from tests.eventually import eventually
from tests.integration.answering import answer, commands, opened
from tests.integration.ticketing import Tickets, ticket_of

INVOICE = b"%PDF-1.7 \x00\x01 an invoice"


async def mailed(tickets: Tickets, **more: Any) -> UUID:
    """A ticket of a mail."""
    sender = Sender(kind="email", value="ada@example.org")
    return await opened(tickets, channel="postmark", account="bikes-mail", sender=sender, **more)


async def bring(tickets: Tickets, ticket: UUID, content: bytes = INVOICE, **more: Any) -> httpx.Response:
    asked = {"name": "invoice.pdf", "type": "application/pdf"} | more
    async with tickets.client(workspace=more.get("workspace")) as client:
        headers = {"content-type": asked["type"]}
        query = {"name": asked["name"]}
        return await client.post(f"/v1/tickets/{ticket}/files", params=query, content=content, headers=headers)


def blobs(tickets: Tickets) -> list[Path]:
    folder = tickets.desk.directory / "blobs" / tickets.workspace
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


async def test_a_file_goes_out_with_the_answer_and_is_read_on_its_line(tickets: Tickets) -> None:
    ticket = await mailed(tickets)
    brought = await bring(tickets, ticket)
    again = await bring(tickets, ticket)
    assert brought.status_code == again.status_code == 201, brought.text
    file = brought.json()
    assert file == again.json() == {
        "id": file["id"], "name": "invoice.pdf", "media_type": "application/pdf", "size": len(INVOICE)
    }  # fmt: skip
    said = await answer(tickets, ticket, files=[file["id"]])
    assert said.status_code == 201, said.text
    (command,) = await commands(tickets, 1)
    (sent,) = command.data.attachments
    assert (sent.name, sent.media_type, sent.size, sent.content) == (
        "invoice.pdf",
        "application/pdf",
        len(INVOICE),
        None,
    )
    async with tickets.client() as client:
        url = f"/v1/tickets/{ticket}/messages/{said.json()['message']}/files/0"
        read = await client.get(url)
        assert (read.status_code, read.content) == (200, INVOICE)
        assert read.headers["content-disposition"] == "attachment; filename*=UTF-8''invoice.pdf"
        assert read.headers["x-content-type-options"] == "nosniff"
        assert (await client.get(url[:-1] + "1")).status_code == 404
    async with tickets.client(workspace="another") as stranger:
        assert (await stranger.get(url)).status_code == 404


async def test_what_was_not_brought_for_the_ticket_or_its_channel_does_not_carry_is_refused(tickets: Tickets) -> None:
    first, second = await mailed(tickets), await mailed(tickets, person="78", thread="other")
    chat = await opened(tickets, person="501")
    file = (await bring(tickets, first)).json()["id"]
    elsewhere = await answer(tickets, second, files=[file])
    assert (elsewhere.status_code, elsewhere.json()["type"]) == (422, "urn:switchboard:problem:unknown_file")
    picture = (await bring(tickets, chat)).json()["id"]
    refused = await answer(tickets, chat, files=[picture])
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:switchboard:problem:files_not_carried")


@pytest.mark.parametrize(
    ("content", "status"), [(b"", 422), (b"x" * (MAX_FILE_BYTES + 1), 413)], ids=["empty", "too large"]
)
async def test_a_file_that_is_none_or_too_large_is_refused(tickets: Tickets, content: bytes, status: int) -> None:
    assert (await bring(tickets, await mailed(tickets), content)).status_code == status


async def test_a_file_that_went_out_with_no_answer_is_forgotten_after_a_day(tickets: Tickets) -> None:
    ticket = await mailed(tickets)
    kept, forgotten = [(await bring(tickets, ticket, INVOICE + tail)).json()["id"] for tail in (b"1", b"2")]
    assert (await answer(tickets, ticket, files=[kept])).status_code == 201
    connection = await tickets.database()
    back = "update uploads set at = now() - interval '25 hours' where workspace = $1"
    await connection.execute(back, tickets.workspace)
    await connection.close()
    tickets.desk.stop(["tickets"])
    await tickets.desk.start("services.tickets")

    async def gone() -> bool:
        return len(blobs(tickets)) == 1

    await eventually(gone, what="one blob left")
    assert blobs(tickets)[0].name == kept
    assert (await answer(tickets, ticket, files=[forgotten])).status_code == 422


async def test_a_long_message_is_read_whole(tickets: Tickets) -> None:
    words = tickets.desk.directory / "blobs" / tickets.workspace / "somebody" / "text"
    words.parent.mkdir(parents=True)
    words.write_text("all of it: " + "long " * 1000)
    file = Attachment(name="not there.png", reference="AgAD")
    beginning = {"text": "all of it:", "text_blob": f"{tickets.workspace}/somebody/text"}
    event = tickets.message(person="90", attachments=(file,), **beginning)
    await tickets.publish(event)
    ticket = ticket_of(event)
    await tickets.timeline(ticket, 1)
    async with tickets.client() as client:
        whole = await client.get(f"/v1/tickets/{ticket}/messages/{event.id}/text")
        assert (whole.status_code, whole.text) == (200, words.read_text())
        assert (await client.get(f"/v1/tickets/{ticket}/messages/{event.id}/files/0")).status_code == 404
