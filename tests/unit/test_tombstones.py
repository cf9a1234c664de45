"""An erased identity is recognised when it comes again, also after the key was rotated, and says nothing itself."""

from shared.tombstones import Tombstones

ADA = ("email", "", "ada@example.org")


def test_the_same_identity_is_recognised_and_another_is_not() -> None:
    keys = Tombstones("one-key")
    assert keys.new(*ADA) == keys.new(*ADA)
    assert keys.new(*ADA) != keys.new("email", "", "bob@example.org")
    assert keys.new(*ADA) != keys.new("external", "", "ada@example.org")
    assert "ada" not in keys.new(*ADA) and len(keys.new(*ADA)) == 64


def test_what_was_buried_under_an_older_key_is_recognised_while_that_key_is_kept() -> None:
    buried = Tombstones("old").new(*ADA)
    assert buried in Tombstones("new,old").all(*ADA)
    assert buried != Tombstones("new,old").new(*ADA)
    assert buried not in Tombstones("new").all(*ADA)
