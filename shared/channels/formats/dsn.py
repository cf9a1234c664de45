"""What mail servers report about a mail of ours: delivery (RFC 3464) and disposition (RFC 8098), from its parts."""

import re
from dataclasses import dataclass
from typing import Literal

from shared.channels.base import File
from shared.channels.formats import enhanced_status
from shared.channels.formats.mail import Mail, in_charset, message_ids

READ_MAX = 65_536
"""Bytes of a report, or of a mail's headers, that are read."""
RECIPIENTS_MAX = 100
_FOLD = re.compile(r"\r?\n[ \t]+")
_BLANK = re.compile(r"\r?\n[ \t]*\r?\n")


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of the mail for one recipient; all as the report says it, `action` in lower case."""

    action: str
    status: str = ""
    original: str = ""
    final: str = ""
    diagnostic: str = ""

    @property
    def reason(self) -> str:
        """A word for a failure."""
        return enhanced_status.word(self.status, self.diagnostic, otherwise="bounced")


@dataclass(frozen=True, slots=True)
class Report:
    """A report and the Message-ID of the mail it is about, empty where it names none."""

    kind: Literal["delivery", "disposition"]
    recipients: tuple[Recipient, ...]
    about: str

    @property
    def failed(self) -> Recipient | None:
        """The first recipient who will not get it; a delay is none."""
        return next((one for one in self.recipients if one.action == "failed"), None)

    @property
    def arrived(self) -> bool:
        """Whether it stands in a mailbox."""
        return any(one.action == "delivered" for one in self.recipients)

    @property
    def displayed(self) -> bool:
        """Whether somebody opened it."""
        return any(one.action == "displayed" for one in self.recipients)


def report(mail: Mail) -> Report | None:
    """The report that the mail is, or None."""
    about = _about(mail.files)
    for file in mail.files:
        if file.media_type in ("message/delivery-status", "message/global-delivery-status"):
            return Report("delivery", _recipients(file), about)
        if file.media_type in ("message/disposition-notification", "message/global-disposition-notification"):
            return _disposition(file, about)
    failed = mail.header("x-failed-recipients")
    if failed:  # Exim says it so, and puts the mail behind its own words
        return Report("delivery", (Recipient("failed", final=failed[:320]),), about or _ours_within(mail.text))
    return None


def _recipients(file: File) -> tuple[Recipient, ...]:
    """One for each group of fields but the first, which is about the mail."""
    found = []
    for block in _BLANK.split(_text(file))[: RECIPIENTS_MAX + 5]:
        said = fields(block)
        action = said.get("action", "").partition("(")[0].strip().lower()
        if action:
            found.append(
                Recipient(
                    action=action,
                    status=said.get("status", ""),
                    original=_address(said.get("original-recipient", "")),
                    final=_address(said.get("final-recipient", "")),
                    diagnostic=said.get("diagnostic-code", ""),
                )
            )
    return tuple(found[:RECIPIENTS_MAX])


def _disposition(file: File, about: str) -> Report:
    said = fields(_text(file))
    action = said.get("disposition", "").rpartition(";")[2].partition("/")[0].strip().lower()
    named = message_ids(said.get("original-message-id", ""))
    whom = Recipient(action, final=_address(said.get("final-recipient", "")))
    return Report("disposition", (whom,), next(iter(named), about))


def _about(files: tuple[File, ...]) -> str:
    """Message-ID in the headers that came back."""
    for file in files:
        if file.media_type in ("text/rfc822-headers", "message/rfc822", "message/global", "message/global-headers"):
            head = _BLANK.split(_text(file).lstrip(), maxsplit=1)[0]
            named = message_ids(fields(head).get("message-id", ""))
            if named:
                return named[0]
    return ""


_MESSAGE_ID_LINE = re.compile(r"^>?[ \t]{0,4}Message-I[Dd]:[ \t]{0,8}(<[^<>\s]{1,250}>)", re.MULTILINE)


def _ours_within(text: str) -> str:
    found = _MESSAGE_ID_LINE.search(text[:READ_MAX])
    return next(iter(message_ids(found[1])), "") if found else ""


def fields(block: str) -> dict[str, str]:
    """Header fields, unfolded, names in lower case, the first of each name."""
    said: dict[str, str] = {}
    for line in _FOLD.sub(" ", block).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            said.setdefault(name.strip().lower(), value.strip())
    return said


def _text(file: File) -> str:
    return in_charset(file.content[:READ_MAX], "utf-8")


def _address(value: str) -> str:
    """`rfc822;ada@example.org` without its type."""
    return value.rpartition(";")[2].strip().strip("<>")
