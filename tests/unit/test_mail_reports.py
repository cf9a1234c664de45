"""What nobody wrote is told apart, and a report on a mail of ours becomes a receipt of it."""

from typing import Any

import pytest

from shared.channels.base import AccountContext, Parsed
from shared.channels.formats import mail_message, rfc822
from shared.channels.formats.mail_automatic import automatic
from tests.unit.channel_requests import NOW

SENT = "01a20719-75d9-700c-83cc-a366018aeb02"
OURS = f"{SENT}@bikes.example"
ACCOUNT = AccountContext("main", "bikes", "mail", (), {"from": "care@bikes.example"})


def mail(body: str = "Hi", **headers: str) -> bytes:
    given = {"From": "ada@example.org", "Message-ID": "<m@example.org>"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return ("".join(f"{name}: {value}\r\n" for name, value in given.items()) + f"\r\n{body}").encode()


def report(status: str, *, kind: str = "delivery-status", returned: str = "") -> bytes:
    back = returned or f"Message-ID: <{OURS}>\r\nSubject: Re: bike\r\n"
    body = (
        "--x\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        f"--x\r\nContent-Type: message/{kind}\r\n\r\n{status}\r\n"
        f"--x\r\nContent-Type: text/rfc822-headers\r\n\r\n{back}\r\n--x--\r\n"
    )
    return mail(
        body,
        From="MAILER-DAEMON@mx.example",
        Return_Path="<>",
        Content_Type=f'multipart/report; report-type={kind}; boundary="x"',
    )


def parsed(raw: bytes, account: AccountContext = ACCOUNT) -> Parsed:
    return mail_message.parsed(rfc822.read(raw), mail_message.Arrived("mail", account, NOW, "request"))


def status(code: str, action: str = "failed") -> str:
    return (
        "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; ada@example.org\r\n"
        f"Action: {action}\r\nStatus: {code}\r\nDiagnostic-Code: smtp; 550 no\r\n"
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("5.1.1", "no-such-recipient"),
        ("5.2.2", "mailbox-full"),
        ("4.4.7", "expired"),
        ("5.7.1", "blocked"),
        ("5.9.9", "bounced-5.9.9"),
        ("", "bounced"),
    ],
)
def test_a_bounce_fails_the_mail_it_answers_and_is_kept(code: str, reason: str) -> None:
    found = parsed(report(status(code)))
    (receipt,), (received,) = found.receipts, found.received
    assert (receipt.provider_id, receipt.state, receipt.reason) == (SENT, "failed", reason)
    assert (received.message.automatic, received.message.references) == ("bounce", (OURS,))


def test_a_delay_changes_nothing_and_an_arrival_is_delivery() -> None:
    delayed, arrived = parsed(report(status("4.4.1", "delayed"))), parsed(report(status("2.0.0", "delivered")))
    assert delayed.receipts == ()
    assert delayed.received[0].message.automatic == "delivery-report"
    assert [receipt.state for receipt in arrived.receipts] == ["delivered"]


def test_a_bounce_of_somebody_elses_mail_is_kept_and_fails_nothing() -> None:
    found = parsed(report(status("5.1.1"), returned="Message-ID: <other@example.org>\r\n"))
    assert (found.receipts, found.received[0].message.automatic) == ((), "bounce")


def test_a_bounce_with_the_whole_mail_behind_its_words_is_linked_too() -> None:
    body = f"This message was created automatically.\r\n\r\n--- copy\r\nMessage-ID: <{OURS}>\r\n"
    found = parsed(mail(body, From="Mailer-Daemon@mx.example", X_Failed_Recipients="ada@example.org"))
    assert [(receipt.provider_id, receipt.reason) for receipt in found.receipts] == [(SENT, "bounced")]


@pytest.mark.parametrize(
    ("disposition", "states"),
    [
        ("manual-action/MDN-sent-manually; displayed", ["read"]),
        ("automatic-action/MDN-sent-automatically; deleted", []),
    ],
)
def test_a_read_receipt_is_a_receipt_and_no_message(disposition: str, states: list[str]) -> None:
    said = f"Final-Recipient: rfc822;a@b.c\r\nOriginal-Message-ID: <{OURS}>\r\nDisposition: {disposition}\r\n"
    found = parsed(report(said, kind="disposition-notification"))
    assert [receipt.state for receipt in found.receipts] == states
    assert [received.message.automatic for received in found.received] == ([] if states else ["auto-reply"])


def test_our_own_mail_that_comes_back_is_left_aside() -> None:
    assert parsed(mail(From="care@bikes.example", Message_ID=f"<{OURS}>")).ignored == "own-mail"
    rewritten = mail(From="Care <care@bikes.example>", Message_ID="<x@ses.example>", X_Switchboard_Message=SENT)
    assert parsed(rewritten).ignored == "own-mail"


def test_a_customer_who_answers_it_or_another_desk_is_no_mail_of_ours() -> None:
    assert parsed(mail(In_Reply_To=f"<{OURS}>")).received
    assert parsed(mail(From="a@other.example", Message_ID=f"<{SENT}@other.example>")).received
    assert parsed(mail(From="ada@example.org", X_Switchboard_Message=SENT)).received


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (by a rule)"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
        {"Subject": "Automatic reply: bike", "X_Auto_Response_Suppress": "All"},
        {"Subject": "Automatisch antwoord: fiets", "Precedence": "bulk"},
        {"Subject": "Abwesenheitsnotiz: Rad", "Return_Path": "<>"},
        {"Subject": "Odpowiedź automatyczna: rower", "X_Auto_Response_Suppress": "DR, OOF"},
        {"Subject": "Réponse automatique : vélo", "Return_Path": "<>"},
        {"Subject": "Respuesta automática: bici", "Return_Path": "<>"},
        {"Subject": "Resposta automática: bicicleta", "Return_Path": "<>"},
        {"Subject": "自動返信: 自転車", "Return_Path": "<>"},
        {"Subject": "自动回复: 自行车", "Return_Path": "<>"},
        {"Subject": "پاسخ خودکار: دوچرخه", "Return_Path": "<>"},
    ],
)
def test_an_auto_reply_is_told_apart(headers: dict[str, str]) -> None:
    assert automatic(rfc822.read(mail(**headers))) == "auto-reply"


def test_a_subject_counts_with_words_of_absence_only() -> None:
    subject = {"Subject": "Out of office: bike"}
    assert automatic(rfc822.read(mail("I am out of the office until Monday.", **subject))) == "auto-reply"
    assert automatic(rfc822.read(mail("Where is my order?", **subject))) is None
    assert automatic(rfc822.read(mail("I am out of the office until Monday.", Subject="Bike"))) is None


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("<>", ()),
        ("<1>", ()),
        ("<null> <@> <a@>", ()),
        ("<a@b> <> <c@d>", ("a@b", "c@d")),
        ("bare-id-that-is-long-enough", ("bare-id-that-is-long-enough",)),
        ("no id at all", ()),
    ],
)
def test_ids_that_name_no_mail_join_nothing(named: str, kept: tuple[str, ...]) -> None:
    (received,) = parsed(mail(References=named)).received
    assert received.message.references == kept


@pytest.mark.parametrize("header", ["To", "Cc", "Delivered_To", "X_Original_To"])
def test_the_reply_token_stands_in_any_address_the_mail_went_to(header: str) -> None:
    token = "abcdefghijklmnopqrstuvwxyz234567abcdefghij"
    sent: dict[str, Any] = {header: f"x@y.z, Care <Care+T{token}@bikes.example>"}
    assert parsed(mail(**sent)).received[0].message.reply_token == token


def test_what_was_quoted_is_kept_beside_the_reply() -> None:
    text = "Red.\r\n\r\nOn 1/5/26 10:03, Canal Bikes wrote:\r\n> Which colour?\r\n> Bikes\r\n"
    (received,) = parsed(mail(text)).received
    assert (received.message.text, received.message.quoted) == (
        "Red.",
        "On 1/5/26 10:03, Canal Bikes wrote:\n> Which colour?\n> Bikes",
    )
    (forwarded,) = parsed(mail(text, Subject="Fwd: colour")).received
    assert forwarded.message.quoted is None
    (long,) = parsed(mail(text + "> more\r\n" * 50_000)).received
    assert (long.message.text, long.files[0].name) == ("Red.", "quoted.txt")
