"""How answers of the demo's accounts reach its customers: what each account is given to send with."""

from collections.abc import Callable
from typing import Any

from switchboard.seed.customers.place import HOST, Place


def bot_token(secret: str) -> str:
    """What the demo's bot proves itself with."""
    return f"1000:{secret[:32]}"


def way_out(channel: str, account: str, name: str, place: Place, secret: str) -> dict[str, Any]:
    """Options and credentials of an account of this channel."""
    return _WAYS[channel](account, name, place, secret)


def _form(account: str, _name: str, place: Place, _secret: str) -> dict[str, Any]:
    return {"options": {"callback_url": f"{place.url}/callback/{account}"}}


def _bot(account: str, _name: str, place: Place, secret: str) -> dict[str, Any]:
    return {"options": {"api_url": f"{place.url}/bots/{account}"}, "credentials": [{"value": bot_token(secret)}]}


def _mail(_account: str, name: str, place: Place, secret: str) -> dict[str, Any]:
    server = {"smtp_host": HOST, "smtp_port": str(place.mail_port), "smtp_tls": "none"}
    return {"options": {**server, "from": name}, "credentials": [{"value": secret}]}


_WAYS: dict[str, Callable[[str, str, Place, str], dict[str, Any]]] = {
    "http": _form,
    "telegram": _bot,
    "postmark": _mail,
}
