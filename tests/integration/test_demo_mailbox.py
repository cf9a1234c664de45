"""The mailbox of the demo's customers, as a mail client meets it."""

from email.message import EmailMessage

import aiosmtplib
import pytest

from switchboard.seed.customers.mail import MailServer, words
from tests.desk import free_port

SECRET = "what-the-demo-knows"


async def test_the_mailbox_wants_the_password_and_takes_a_line_of_one_dot() -> None:
    mails: list[tuple[str, str]] = []
    server, port = MailServer(SECRET, lambda to, mail: mails.append((to, words(mail)))), free_port()
    await server.start(port)
    try:
        with pytest.raises(aiosmtplib.SMTPResponseException):
            await submit(port, "Hello", "another")
        await submit(port, "Hello\n.\nagain", SECRET)
    finally:
        await server.stop()
    assert mails == [("customer-1001@customers.example", "Hello\n.\nagain")]


async def submit(port: int, text: str, password: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@shop.example", "customer-1001@customers.example", "Re: Hello"
    mail.set_content(text)
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False, username=password, password=password)
