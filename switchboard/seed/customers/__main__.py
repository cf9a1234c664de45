"""`python -m switchboard.seed.customers`: runs the customers' side until it is told to stop."""

import asyncio
from contextlib import AsyncExitStack
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


async def serve(place: Place) -> None:
    """Listen on both ports; uvicorn stops at SIGTERM."""
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
        await uvicorn.Server(uvicorn.Config(app, HOST, place.web_port, access_log=False, lifespan="off")).serve()


def main() -> None:
    """Run it where `up --demo` says."""
    place = told()
    if place is None:
        raise NotFound(f"{VARIABLE} is not set: `switchboard up --demo` starts this", reason="no_place")
    asyncio.run(serve(place))


if __name__ == "__main__":
    main()
