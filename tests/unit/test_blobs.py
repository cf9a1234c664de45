"""The blob store on a folder: what is written is read, and what fails says so."""

from pathlib import Path

import pytest

from shared.blobs import BlobStore, person_prefix
from shared.errors import NotFound, StoreUnavailable


async def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "made" / "when-needed"))
    await store.put([("main/a/1", b"one"), ("main/a/2", b"")])
    assert await store.beginning("main/a/1", at_most=100) == (b"one", 3)
    assert await store.beginning("main/a/1", at_most=2) == (b"on", 3)
    assert await store.beginning("main/a/2", at_most=2) == (b"", 0)


async def test_writing_again_overwrites(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path))
    await store.put([("a", b"first")])
    await store.put([("a", b"again")])
    assert (await store.beginning("a", at_most=9))[0] == b"again"


async def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await BlobStore(str(tmp_path)).beginning("nothing", at_most=1)


async def test_a_store_that_cannot_be_written_says_what_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable, match="SWITCHBOARD_BLOBS") as away:
        await BlobStore(str(tmp_path / "file")).put([("a", b"x")])
    assert str(tmp_path) not in str(away.value)


def test_an_identity_has_one_place_that_does_not_tell_who_it_is() -> None:
    place = person_prefix("main", "email", "", "ada@example.org")
    assert place == person_prefix("main", "email", "", "ada@example.org")
    assert place.startswith("main/")
    assert "ada" not in place
    others = [("other", "email", "", "ada@example.org"), ("main", "external", "form", "ada@example.org")]
    assert place not in [person_prefix(*identity) for identity in others]
