"""The shapes of the API's answers."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from services.metrics.domain.window import Window
from services.metrics.kpis.base import Cut, Kpi
from services.metrics.repo.asking import Group

Number = int | datetime | None


class ValueView(BaseModel):
    """A number of a KPI."""

    unit: str = Field(description="s (integer seconds), moment, or what is counted")
    words: str


class KpiView(BaseModel):
    """A KPI, in the words that stand beside its numbers."""

    kpi: str
    title: str
    definition: str
    values: dict[str, ValueView]
    by: list[Cut] = Field(description="What it can be cut by and filtered on")
    counted: list[str] = Field(description="What its tickets can be listed for")
    windowed: bool = Field(description="False where it is of this moment and takes no window")

    @staticmethod
    def of(kpi: Kpi) -> "KpiView":
        """As the API shows it."""
        return KpiView(
            kpi=kpi.name,
            title=kpi.title,
            definition=kpi.definition,
            values={name: ValueView(unit=value.unit, words=value.words) for name, value in kpi.values.items()},
            by=list(kpi.by),
            counted=list(kpi.counted),
            windowed=kpi.windowed,
        )


class KpiList(BaseModel):
    """Every KPI there is."""

    items: list[KpiView]


class WindowView(BaseModel):
    """From its first moment up to but not including its last."""

    from_: datetime = Field(alias="from", serialization_alias="from")
    to: datetime

    @staticmethod
    def of(window: Window) -> "WindowView":
        """As the API shows it."""
        return WindowView(**{"from": window.begin, "to": window.end})


class GroupView(BaseModel):
    """One group; a null in its key is the group that has none: no agent, no shop, no day within the window."""

    key: dict[Cut, str | date | None]
    values: dict[str, Number]

    @staticmethod
    def of(group: Group) -> "GroupView":
        """As the API shows it."""
        return GroupView(key=dict(group.key), values=dict(group.values))


class Numbers(BaseModel):
    """A KPI's numbers; days are those of `zone`."""

    kpi: str
    title: str
    definition: str
    window: WindowView | None = Field(description="Null where the KPI is of this moment")
    at: datetime = Field(description="The moment of asking: what waits is counted as it is then")
    zone: str
    groups: list[GroupView]


class TicketPage(BaseModel):
    """Tickets behind a number, in order of their ids; `next` is the cursor of the next page, null at the end."""

    items: list[UUID]
    next: str | None
