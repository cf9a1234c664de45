"""The providers of the whole story, as servers that misbehave as they are told."""

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.providers.bot_api import BotApi
from tests.providers.callback import Callback
from tests.providers.graph_api import GraphApi
from tests.providers.smtp import SmtpServer
from tests.providers.twilio_api import ACCOUNT, TwilioApi
from tests.shop import BOT, FORM, GRAM, LINE, MAILBOX, NUMBER, PAGE, PARCEL, POST, PUBLIC_URL, SECRET, TOKEN


@dataclass
class FarEnds:
    """The providers, as far as customers see them."""

    form: Callback
    bot: BotApi
    mail: SmtpServer
    line: GraphApi
    sms: TwilioApi

    @staticmethod
    def new() -> "FarEnds":
        """All of them."""
        return FarEnds(Callback(SECRET), BotApi(), SmtpServer(), GraphApi(TOKEN), TwilioApi(TOKEN))

    async def start(self) -> None:
        """Listen."""
        await asyncio.gather(*(one.start() for one in (self.form, self.bot, self.mail, self.line, self.sms)))

    async def stop(self) -> None:
        """Stop listening."""
        await asyncio.gather(*(one.stop() for one in (self.form, self.bot, self.mail, self.line, self.sms)))

    def ways_out(self) -> dict[str, dict[str, str]]:
        """The options by which each account's answers come here."""
        mail = {"smtp_host": "127.0.0.1", "smtp_port": str(self.mail.port), "smtp_tls": "none"}
        sms = {"api_url": self.sms.url, "account_sid": ACCOUNT, "from": "+3197010000000", "public_url": PUBLIC_URL}
        return {
            FORM: {"callback_url": self.form.url},
            BOT: {"api_url": self.bot.url},
            MAILBOX: mail | {"from": "care@bikes.example", "reply_to": "help@bikes.example"},
            LINE: {"api_url": self.line.url, "phone_number_id": "106"},
            PAGE: {"api_url": self.line.url},
            GRAM: {"api_url": self.line.url},
            NUMBER: sms,
            POST: mail | {"from": "care@bikes.example"},
            PARCEL: mail | {"from": "care@bikes.example"},
        }

    def received(self, channel: str) -> list[str]:
        """What customers of a channel have read."""
        mails = [_text(mail) for mail in self.mail.mails]
        return {
            "http": self.form.texts,
            "telegram": [text for _, text in self.bot.received],
            "postmark": mails,
            "mailgun": mails,
            "sendgrid": mails,
            "whatsapp": [text for _, text in self.line.received],
            "messenger": [text for _, text in self.line.received],
            "instagram": [text for _, text in self.line.received],
            "twilio": [text for _, _, text in self.sms.received],
        }[channel]


def _text(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content()).strip()
