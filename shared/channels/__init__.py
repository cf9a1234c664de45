"""CHANNELS: every way a customer can reach the desk; one file and one line each."""

from shared.channels.base import Channel
from shared.channels.http import CHANNEL as HTTP
from shared.channels.instagram import CHANNEL as INSTAGRAM
from shared.channels.mail import CHANNEL as MAIL
from shared.channels.mailgun import CHANNEL as MAILGUN
from shared.channels.messenger import CHANNEL as MESSENGER
from shared.channels.postmark import CHANNEL as POSTMARK
from shared.channels.sendgrid import CHANNEL as SENDGRID
from shared.channels.telegram import CHANNEL as TELEGRAM
from shared.channels.twilio import CHANNEL as TWILIO
from shared.channels.whatsapp import CHANNEL as WHATSAPP

CHANNELS: dict[str, Channel] = {
    channel.name: channel
    for channel in (
        HTTP,
        TELEGRAM,
        POSTMARK,
        WHATSAPP,
        TWILIO,
        MESSENGER,
        INSTAGRAM,
        MAILGUN,
        SENDGRID,
        MAIL,
    )
}
