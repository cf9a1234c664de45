"""Record batches that the Kafka client cannot take apart are read record by record, each told from its neighbours."""

from typing import Any

from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy as Builder
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.rescue import parse

RECORD = st.tuples(
    st.none() | st.binary(max_size=40),
    st.none() | st.binary(max_size=400),
    st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=20)), max_size=3),
)
RECORDS = st.lists(RECORD, min_size=1, max_size=8)
CODECS = st.sampled_from([0, 1])
"""None and gzip: the ones every installation can read."""


def batch(records: list[Any], *, compression: int = 0, base: int = 0) -> bytearray:
    builder = Builder(2, compression, False, -1, -1, -1, 10_000_000)
    for number, (key, value, headers) in enumerate(records):
        assert builder.append(number, 1_700_000_000_000 + number, key, value, headers) is not None
    made = bytearray(builder.build())
    made[:8] = base.to_bytes(8, "big")
    return made


def sealed(made: bytearray) -> bytes:
    """With the checksum of what it holds now."""
    crc = calc_crc32c(bytes(made[Builder.ATTRIBUTES_OFFSET :]))
    made[Builder.CRC_OFFSET : Builder.CRC_OFFSET + 4] = crc.to_bytes(4, "big")
    return bytes(made)


@given(records=RECORDS, compression=CODECS, base=st.integers(0, 2**40))
def test_sound_records_come_out_as_the_client_gives_them(records: list[Any], compression: int, base: int) -> None:
    data = bytes(batch(records, compression=compression, base=base))
    given_by_client = [
        (r.offset, r.timestamp, r.key, r.value, [(n, v or b"") for n, v in r.headers]) for r in DefaultRecordBatch(data)
    ]
    ours = [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in parse(3, data)]
    assert ours == given_by_client
    assert {(r.partition, r.fault) for r in parse(3, data)} == {(3, None)}


def test_only_the_record_with_the_broken_header_is_at_fault() -> None:
    records = [(b"k", b"%d" % number, [("~name~" if number == 1 else "fine", b"1")]) for number in range(3)]
    data = sealed(bytearray(bytes(batch(records)).replace(b"~name~", b"\xff\xfeame~")))
    found = list(parse(0, data))
    assert [record.value for record in found] == [b"0", b"1", b"2"]
    assert [bool(record.fault) for record in found] == [False, True, False]
    assert found[1].headers == ((r"\xff\xfeame~", b"1"),)


def test_a_batch_whose_checksum_is_wrong_stands_as_one_record_at_its_last_offset() -> None:
    data = batch([(b"k", b"v", [])] * 4, base=100)
    data[-1] ^= 1
    [found] = parse(0, bytes(data))
    assert (found.offset, found.value) == (103, bytes(data))
    assert found.fault is not None and "100 to 103" in found.fault


def test_a_batch_that_the_fetch_cut_off_waits_for_the_next_one() -> None:
    whole, cut = batch([(b"k", b"1", [])]), batch([(b"k", b"2", [])], base=1)
    assert [record.value for record in parse(0, bytes(whole + cut[:-3]))] == [b"1"]


@given(records=RECORDS, at=st.integers(0, 10_000), to=st.integers(0, 255))
def test_a_batch_with_any_byte_changed_never_fails(records: list[Any], at: int, to: int) -> None:
    data = batch(records)
    data[61 + at % (len(data) - 61)] = to
    found = list(parse(0, sealed(data)))
    assert len(found) in (1, len(records))


@given(data=st.binary(max_size=300))
def test_any_bytes_come_to_an_end(data: bytes) -> None:
    list(parse(0, data))
