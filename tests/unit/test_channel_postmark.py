"""Mail over Postmark: who wrote, which conversation it belongs to, and whether anybody wrote it at all."""

import base64
from typing import Any

import pytest

from shared.errors import Invalid
from tests.unit.channel_requests import message, parse


def mail(headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "FromFull": {"Email": "Ada@Example.org", "Name": "Ada"},
        "MessageID": "22c74902-a0c1-4511-804f-341342852c90",
        "Date": "Fri, 02 Jan 2026 04:04:05 +0100",
        "TextBody": "Where is my order?",
        "Headers": [{"Name": name, "Value": value} for name, value in (headers or {}).items()],
    } | more


def test_a_from_line_proves_nothing() -> None:
    sender = message("postmark", mail()).sender
    assert (sender.kind, sender.value, sender.verified) == ("email", "ada@example.org", False)


def test_the_answer_without_the_quoted_mail_is_taken_where_postmark_found_it() -> None:
    assert message("postmark", mail(StrippedTextReply="Thanks")).text == "Thanks"


def test_a_mail_of_html_alone_is_read_as_its_reader_sees_it() -> None:
    html = "<style>p{}</style><p>Hello&nbsp;there</p><p><script>evil()</script>I am<br>Ada"
    assert message("postmark", mail(TextBody="", HtmlBody=html)).text == "Hello there\n\nI am\nAda"


def test_answers_belong_to_the_conversation_they_name() -> None:
    first = message("postmark", mail({"Message-ID": "<a@x>"}))
    answer = message("postmark", mail({"Message-ID": "<c@x>", "In-Reply-To": "<b@x>", "References": "<a@x> <b@x>"}))
    assert (first.thread, answer.thread) == ("a@x", "a@x")
    assert answer.references == ("a@x", "b@x")


def test_nul_in_a_mail_is_taken_out_and_the_mail_kept() -> None:
    assert message("postmark", mail(TextBody="a\0b", Subject="c\0d")).text == "ab"


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, None),
        ({"Auto-Submitted": "no"}, None),
        ({"Auto-Submitted": "auto-replied (vacation)"}, "auto-reply"),
        ({"Auto-Submitted": "auto-generated; x=y"}, "auto-reply"),
        ({"Precedence": "auto_reply"}, "auto-reply"),
        ({"X-Autoreply": "yes"}, "auto-reply"),
        ({"Precedence": "Bulk"}, "bulk"),
        ({"List-Unsubscribe": "<mailto:x@y>"}, "bulk"),
        ({"Return-Path": "<>"}, "bounce"),
        ({"Content-Type": "multipart/report; report-type=delivery-status"}, "bounce"),
        ({"Auto-Submitted": "auto-replied", "Return-Path": "<>"}, "auto-reply"),
    ],
)
def test_mail_that_nobody_wrote_is_told_apart(headers: dict[str, str], kind: str | None) -> None:
    assert message("postmark", mail(headers)).automatic == kind


def test_a_mail_from_the_mail_system_is_a_bounce() -> None:
    assert message("postmark", mail(FromFull={"Email": "MAILER-DAEMON@mx.example"})).automatic == "bounce"


def test_one_mail_folded_otherwise_has_the_same_content_key() -> None:
    headers = {"Message-ID": "<a@x>"}
    one = message("postmark", mail(headers, TextBody="Where is\r\nmy  order? "))
    other = message("postmark", mail(headers, Date="Fri, 02 Jan 2026 03:04:05 GMT", MessageID="another-route"))
    different = message("postmark", mail(headers, TextBody="Where is my other order?"))
    assert one.content_key == other.content_key != different.content_key


def test_files_come_with_their_bytes() -> None:
    files = [{"Name": "a\nb.txt", "ContentType": "text/plain; charset=x", "Content": base64.b64encode(b"hi").decode()}]
    (received,) = parse("postmark", mail(Attachments=files)).received
    assert [(file.name, file.media_type, file.content) for file in received.files] == [("a b.txt", "text/plain", b"hi")]


def test_a_raw_mail_in_another_charset_is_read() -> None:
    raw = (
        "From: =?iso-8859-1?Q?J=F6rg?= <joerg@example.de>\r\nSubject: =?utf-8?B?w5xiZXI=?=\r\n"
        "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe"
    )
    found = message("postmark", mail(RawEmail=raw))
    assert (found.sender.name, found.subject, found.text) == ("Jörg", "Über", "Grüße")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"FromFull": {}}, "no_sender"),
        ({"FromFull": {"Email": "not an address"}}, "no_sender"),
        ({"FromFull": "ada"}, "wrong_type"),
        ({"Headers": {"a": "b"}}, "wrong_type"),
        ({"Attachments": [{"Content": "?"}]}, "bad_attachment"),
        ({"Attachments": [{}] * 101}, "too_many_parts"),
    ],
)
def test_what_cannot_be_read_is_kept_with_the_reason(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(Invalid) as error:
        parse("postmark", mail(**more))
    assert error.value.reason == reason
