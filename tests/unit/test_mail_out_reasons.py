"""What a submission server's refusal means: try again, or never, and why."""

import aiosmtplib
import pytest

from shared.channels.outgoing import smtp
from shared.channels.outgoing.outcomes import Outcome, Rejected, TryLater


@pytest.mark.parametrize(
    ("error", "came"),
    [
        (aiosmtplib.SMTPRecipientRefused(550, "5.1.1 Nobody here", "a@b"), Rejected("no-such-recipient")),
        (aiosmtplib.SMTPRecipientRefused(550, "Nobody here", "a@b"), Rejected("no-such-recipient-550")),
        (aiosmtplib.SMTPRecipientRefused(450, "4.2.2 Over quota", "a@b"), TryLater("mailbox-full")),
        (aiosmtplib.SMTPRecipientRefused(451, "Later", "a@b"), TryLater("no-such-recipient-451")),
        (aiosmtplib.SMTPSenderRefused(553, "5.7.1 Not yours", "a@b"), Rejected("blocked")),
        (aiosmtplib.SMTPSenderRefused(530, "5.7.0 Log in first", "a@b"), TryLater("account-unauthorized")),
        (aiosmtplib.SMTPAuthenticationError(535, "5.7.8 No"), TryLater("account-unauthorized")),
        (aiosmtplib.SMTPConnectResponseError(554, "No SMTP service here"), TryLater("no-connection")),
        (aiosmtplib.SMTPHeloError(550, "Who?"), TryLater("no-connection")),
        (aiosmtplib.SMTPDataError(552, "5.3.4 Too big"), Rejected("message-too-large")),
        (aiosmtplib.SMTPServerDisconnected("gone"), TryLater("no-connection")),
        (aiosmtplib.SMTPNotSupported("no STARTTLS"), TryLater("not-supported")),
        (ConnectionRefusedError(), TryLater("no-connection")),
    ],
)
def test_what_failed_before_the_mail_was_handed_over(error: Exception, came: Outcome) -> None:
    assert smtp._before(error) == came
