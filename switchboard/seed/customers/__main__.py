"""`python -m switchboard.seed.customers`: runs the customers' side until it is told to stop."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from email.message import EmailMessage
from email.utils import parseaddr

import httpx
import uvicorn

from shared.errors import NotFound
from switchboard.desk_api import service_urls
from switchboard.seed.customers.kept import Kept
from switchboard.seed.customers.mail import MailServer, words
from switchboard.seed.customers.people import People
from switchboard.seed.customers.place import HOST, VARIABLE, Place, told
from switchboard.seed.customers.web import Web
from switchboard.seed.documents import ACCOUNTS
from switchboard.seed.workspace import secret

_ACCOUNT_OF = {name: account for account, (_, _, name) in ACCOUNTS.items()}


class _Server(uvicorn.Server):
    """Signals are ours: mail and what is still being written end with it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


async def serve(place: Place) -> None:
    """Listen on both ports until SIGTERM or SIGINT."""
    async with AsyncExitStack() as stack:
        ingest = service_urls().get("ingest")
        edge = await stack.enter_async_context(httpx.AsyncClient(base_url=ingest, trust_env=False)) if ingest else None
        people = People(Kept(place.kept_in), edge, secret())
        stack.push_async_callback(people.leave)

        def take(recipient: str, mail: EmailMessage) -> None:
            sender = parseaddr(str(mail["From"]))[1]
            people.got(_ACCOUNT_OF.get(sender, sender), recipient, words(mail), key=str(mail["Message-ID"]))

        mail_server = MailServer(secret(), take)
        await mail_server.start(place.mail_port)
        stack.push_async_callback(mail_server.stop)
        app = Web(people, secret()).app()
        config = uvicorn.Config(
            app, HOST, place.web_port, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2
        )
        web = _Server(config)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, web.handle_exit, number, None)
        await web.serve()


def main() -> None:
    """Run it where `up --demo` says."""
    place = told()
    if place is None:
        raise NotFound(f"{VARIABLE} is not set: `switchboard up --demo` starts this", reason="no_place")
    asyncio.run(serve(place))


if __name__ == "__main__":
    main()
