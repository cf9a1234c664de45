"""KPIs say what they mean: every number has a unit and words, and no name lies about its unit."""

import re

import pytest

from services.metrics.kpis import KPIS
from services.metrics.kpis.base import Kpi

EACH = pytest.mark.parametrize("kpi", KPIS.values(), ids=lambda kpi: kpi.name)


@EACH
def test_every_measure_has_its_words_and_no_words_are_without_a_measure(kpi: Kpi) -> None:
    measured = re.findall(r" as (\w+)(?=,|\s*$)", kpi.measures)
    assert measured == list(kpi.values)


@EACH
def test_names_carry_their_units(kpi: Kpi) -> None:
    for name, value in kpi.values.items():
        assert (value.unit == "s") == name.endswith("_s"), name
        assert (value.unit == "moment") == name.endswith("_at"), name
        assert value.words


@EACH
def test_what_is_counted_stands_in_its_sql(kpi: Kpi) -> None:
    said = set(re.findall(r"'([a-z_-]+)'", kpi.observed))
    assert set(kpi.counted) <= said
    assert kpi.definition.endswith(".")
