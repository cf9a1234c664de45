"""The blob store: files and bodies that are too large for a record, by key; a folder, or whatever obstore reaches.

Keys of a person's content begin with `person_prefix`, so that erasing an identity is deleting a prefix.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from shared.errors import NotFound, StoreUnavailable

if TYPE_CHECKING:
    from obstore import GetResult

log = logging.getLogger(__name__)

Blob = tuple[str, bytes]
"""Key and content."""

TIMEOUT_S = 15
PIECE_BYTES = 256 * 1024


def person_prefix(workspace: str, kind: str, scope: str, value: str) -> str:
    """Where the content of one identity lies; the hash keeps addresses out of keys, URLs and logs."""
    identity = hashlib.sha256("\x1f".join((workspace, kind, scope, value)).encode()).hexdigest()
    return f"{workspace}/{identity[:40]}"


class BlobStore:
    """Writes and reads whole blobs; the store is opened at the first use, so a service starts without it."""

    def __init__(self, place: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._place = place
        self._timeout_s = timeout_s
        self._opened: ObjectStore | None = None

    async def put(self, blobs: Sequence[Blob]) -> None:
        """Write all, side by side; raises StoreUnavailable where one was not written. Writing again overwrites."""
        if blobs:
            await self._ask("write", asyncio.gather(*[self._put(key, content) for key, content in blobs]))

    async def beginning(self, key: str, *, at_most: int) -> tuple[bytes, int]:
        """The first `at_most` bytes and the size of the whole; raises NotFound or StoreUnavailable."""
        try:
            return cast("tuple[bytes, int]", await self._ask("read", self._beginning(key, at_most)))
        except FileNotFoundError as error:
            raise NotFound("the content is no longer in the blob store") from error

    async def stream(self, key: str) -> tuple[int, AsyncIterator[bytes]]:
        """The size of a blob and its content in pieces; raises NotFound or StoreUnavailable before the first."""
        try:
            found = cast("GetResult", await self._ask("read", obstore.get_async(self._store(), key)))
        except FileNotFoundError as error:
            raise NotFound("the content is no longer in the blob store") from error
        return int(found.meta["size"]), _pieces(found)

    async def delete_under(self, prefix: str, *, before: datetime) -> None:
        """Delete everything written before that moment whose key begins with the prefix and a slash.

        Raises StoreUnavailable where something may still be there; the next call goes on with the rest.
        """
        await self._ask("delete", self._delete_under(prefix, before))

    async def _delete_under(self, prefix: str, before: datetime) -> None:
        with contextlib.suppress(FileNotFoundError):
            async for page in obstore.list(self._store(), prefix):
                older = [str(found["path"]) for found in page if found["last_modified"] < before]
                await asyncio.gather(*[self._delete(path) for path in older])

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete all; what is not there is deleted already. Raises StoreUnavailable where one may still be there."""
        if keys:
            await self._ask("delete", asyncio.gather(*[self._delete(key) for key in keys]))

    async def _delete(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store(), key)

    async def _put(self, key: str, content: bytes) -> None:
        await obstore.put_async(self._store(), key, content)

    async def _beginning(self, key: str, at_most: int) -> tuple[bytes, int]:
        size = int((await obstore.head_async(self._store(), key))["size"])
        if size == 0:
            return b"", 0
        return bytes(await obstore.get_range_async(self._store(), key, start=0, end=min(size, at_most))), size

    async def _ask(self, what: str, answer: Any) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await answer
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            log.warning("the blob store failed", extra={"action": what, "error": f"{type(error).__name__}: {error}"})
            raise StoreUnavailable(
                f"the blob store could not {what}: {_why(error)}; check SWITCHBOARD_BLOBS", reason="blobs_unavailable"
            ) from error

    def _store(self) -> ObjectStore:
        if self._opened is None:
            remote = "://" in self._place
            self._opened = from_url(self._place) if remote else LocalStore(Path(self._place).absolute(), mkdir=True)
        return self._opened


async def _pieces(found: "GetResult") -> AsyncIterator[bytes]:
    async for piece in found.stream(min_chunk_size=PIECE_BYTES):
        yield bytes(piece)


def _why(error: BaseException) -> str:
    """A word for the caller; keys and paths stay in our log."""
    text = str(error).lower()
    known = {
        "no space left": "no space left on the device",
        "quota": "the quota is used up",
        "read-only": "it is read-only",
        "permission denied": "permission denied",
        "not a directory": "its path is not a folder",
    }
    return next((word for mark, word in known.items() if mark in text), "it did not answer as it should")
