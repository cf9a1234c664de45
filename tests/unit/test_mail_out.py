"""What an answer is as a mail: where answers to it go, what HTML shows, and that no header can be slipped in."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels.base import AccountContext
from shared.channels.formats import mail_html, mail_submission, reply_mail, rfc822
from shared.channels.formats.mail_message import reply_token
from shared.channels.formats.reply_mail import From
from shared.contracts.inbound_messages import Attachment, Copied
from shared.contracts.outbound_commands import Recipient, SendMessage
from shared.errors import Invalid

MESSAGE = UUID("01a20719-75d9-700c-83cc-a366018aeb02")
US = From("care@bikes.example", "Canal Bikes", reply_to="care@bikes.example")
TOKEN = "abcdefghijklmnopqrstuvwxyz234567abcdefghij"
HEADERS = {
    "from", "to", "reply-to", "subject", "message-id", "in-reply-to", "references", "auto-submitted",
    "list-unsubscribe", "list-unsubscribe-post", "content-language", "content-type", "mime-version", "x-ours",
}  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def answer(text: str = "Hello", **more: Any) -> SendMessage:
    fields: dict[str, Any] = {
        "message": MESSAGE, "ticket": UUID(int=2), "person": UUID(int=3), "channel": "mail", "account": "care",
        "recipient": Recipient(kind="email", value="ada@example.org", name="Ada"), "text": text,
    }  # fmt: skip
    return SendMessage(**(fields | more))


def mail(text: str = "Hello", sender: From = US, **more: Any) -> EmailMessage:
    body = reply_mail.compose(answer(text, **more), sender, metadata_header="X-Ours")
    return cast("EmailMessage", message_from_bytes(body, policy=policy.default))


def shown(made: EmailMessage, kind: str = "html") -> str:
    part = made.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_an_answer_to_it_comes_back_to_the_ticket_by_its_token() -> None:
    made = mail(reply_token=TOKEN)
    assert made["reply-to"] == f"Canal Bikes <care+t{TOKEN}@bikes.example>"
    assert reply_token([made["reply-to"]]) == TOKEN


def test_an_account_without_a_reply_address_gives_no_token_away() -> None:
    assert mail(sender=From("care@bikes.example"), reply_token=TOKEN)["reply-to"] is None


def test_a_token_that_makes_an_address_too_long_is_left_out() -> None:
    long = "customer-happiness-people@bikes.example"
    assert reply_mail.with_token(long, TOKEN) == long
    assert mail(sender=From("care@bikes.example", "", long), reply_token=TOKEN)["reply-to"] == long


def test_what_nobody_wrote_says_whether_it_answers() -> None:
    assert mail(automatic=True, in_reply_to=("a@b.example",))["auto-submitted"] == "auto-replied"
    assert mail(automatic=True)["auto-submitted"] == "auto-generated"
    assert mail()["auto-submitted"] is None


def test_only_an_answer_is_marked_as_one() -> None:
    assert mail(subject="Your order")["subject"] == "Your order"
    assert mail(subject="Your order", thread="root@a.example")["subject"] == "Re: Your order"
    assert mail(subject="RE: Your order", thread="root@a.example")["subject"] == "RE: Your order"


def test_who_did_not_ask_for_a_mail_ends_them_with_one_click() -> None:
    made = mail(unsubscribe="https://desk.example/u/9f?k=a,b")
    assert made["list-unsubscribe"] == "<https://desk.example/u/9f?k=a,b>"
    assert made["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert mail()["list-unsubscribe"] is None


@pytest.mark.parametrize("url", ["http://a.example/u", "https://a.example/\r\nBcc: x@y", "https://a>b", "mailto:a@b.c"])
def test_an_address_to_unsubscribe_that_no_header_can_hold_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        mail(unsubscribe=url)
    assert refused.value.reason == "bad-unsubscribe-url"


@pytest.mark.parametrize(
    "text",
    [
        "Grüße aus Zürich",
        "您的订单明天到达。",
        "طلبك سيصل غدًا",
        "ご注文は明日届きます",
        "Ваш заказ 🚲",
        "x" * 5000,
        ". \n.\n",
    ],
)
def test_any_script_arrives_as_it_was_written(text: str) -> None:
    written = reply_mail.compose(answer(text, subject=text[:60]), US, metadata_header="X-Ours")
    made = cast("EmailMessage", message_from_bytes(written, policy=policy.default))
    assert shown(made, "plain").replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")
    assert made["subject"] == " ".join(text[:60].split())
    _, _, content = written.partition(b"\r\n\r\n")
    assert written.isascii()
    assert all(len(line) <= 76 for line in content.split(b"\r\n"))


def test_each_paragraph_finds_its_own_direction() -> None:
    html = shown(mail("طلبك سيصل غدًا\nشكرا\n\nYour order", language="ar"))
    assert html.count('<p dir="auto">') == 2 and "<br>" in html and '<html lang="ar">' in html


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("See https://bikes.example/a?b=1&c=2.", "https://bikes.example/a?b=1&amp;c=2"),
        ("(https://bikes.example/x)", "https://bikes.example/x"),
        ("https://wiki.example/Bell_(bike), yes", "https://wiki.example/Bell_(bike)"),
        ("请看https://bikes.example/页。", "https://bikes.example/页"),
        ("«https://bikes.example/»", "https://bikes.example/"),
    ],
)
def test_addresses_can_be_clicked(text: str, link: str) -> None:
    assert f'<a href="{link}">{link}</a>' in mail_html.page(text, {}, None)


@pytest.mark.parametrize("text", ["javascript:alert(1)", "<a href='https://x'>", '"https://x" onclick="', "https://"])
def test_words_never_become_markup(text: str) -> None:
    html = mail_html.page(text, {"c@d": '"><script>'}, None)
    assert "<a href='" not in html and "<script" not in html and 'onclick="' not in html
    assert 'href="javascript' not in html


def test_pictures_stand_below_the_text_and_other_files_are_attached() -> None:
    files = (
        Attachment(name="bell.png", media_type="image/png", content=PNG),
        Attachment(name="invoice.pdf", media_type="application/pdf", content=b"%PDF"),
        Attachment(name="evil.svg", media_type="image/svg+xml", content=b"<svg/>"),
    )
    made = mail(attachments=files)
    assert [part.get_filename() for part in made.iter_attachments()] == ["invoice.pdf", "evil.svg"]
    (picture,) = [part for part in made.walk() if part.get_content_type() == "image/png"]
    assert f'<img src="cid:{picture["content-id"].strip("<>")}" alt="bell.png"' in shown(made)
    assert (picture.get_content_disposition(), picture.get_payload(decode=True)) == ("inline", PNG)
    assert mail(attachments=files).as_bytes() == made.as_bytes()


def test_our_own_reader_finds_everything_in_it() -> None:
    files = (Attachment(name="Grüße.png", media_type="image/png", content=PNG),)
    body = reply_mail.compose(answer("Grüße", attachments=files, subject="Größe"), US, metadata_header="X-Ours")
    read = rfc822.read(body)
    assert (read.text, read.subject, read.sender) == ("Grüße", "Größe", "care@bikes.example")
    assert [(file.name, file.content) for file in read.files] == [("Grüße.png", PNG)]


NASTY = st.text(st.sampled_from("a:\r\n \t\x00\x0b\x85\u2028=?é🚲<>,;\"'"), max_size=60)


@given(NASTY, NASTY, NASTY, NASTY, NASTY)
def test_nothing_that_people_write_becomes_a_header(text: str, subject: str, name: str, id_: str, file: str) -> None:
    made = mail(
        text,
        From("care@bikes.example", name),
        subject=subject,
        recipient=Recipient(kind="email", value="ada@example.org", name=name),
        thread=id_,
        in_reply_to=(f"{id_}@x.example", "good@x.example"),
        attachments=(Attachment(name=file, media_type="application/pdf", content=b"%"),),
    )
    assert {header.lower() for header in made.keys()} <= HEADERS  # noqa: SIM118 - a mail's keys may repeat
    assert made["in-reply-to"] == "<good@x.example>"
    assert made["to"].addresses[0].addr_spec == "ada@example.org"


def test_copies_are_named_for_all_to_see_and_get_the_mail() -> None:
    copies = (Copied(kind="email", value="kim@example.org", name="Kim"), Copied(kind="email", value="lee@example.org"))
    account = AccountContext("main", "bikes", "care", (), {"from": "care@bikes.example"})
    (rendered,) = mail_submission.rendered(answer(copies=copies), account, metadata_header="X-Ours")
    assert b"Cc: Kim <kim@example.org>, lee@example.org\r\n" in rendered.body
    assert (rendered.recipient, rendered.copies) == ("ada@example.org", ("kim@example.org", "lee@example.org"))


def test_no_header_is_slipped_in_by_a_copy() -> None:
    with pytest.raises(Invalid):
        mail(copies=(Copied(kind="email", value="kim@example.org\r\nBcc: x@example.org"),))
