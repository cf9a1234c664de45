"""What a rule writes on a ticket: notes, mentions, and answers by a macro that no machine can be drawn into."""

from dataclasses import dataclass
from typing import Any

from services.tickets.answers import Command
from services.tickets.domain.ticket import Ticket
from services.tickets.repo.rules import Said
from services.tickets.telling import Because
from services.tickets.wording import made, text_of, values_of, whole
from shared.bus.settings import SettingsReader
from shared.contracts.actions import AddNote, Answer, Notify
from shared.contracts.macros import Macro
from shared.errors import Conflict
from shared.identity import Identity
from shared.ids import derived_id

ANSWERS_MAX = 3
"""Automatic answers on a ticket within a day: two machines that answer each other come to an end."""


class NotAnswered(Conflict):
    """An automatic answer would be wrong here."""


@dataclass(frozen=True, slots=True)
class Saying:
    """A rule that writes on a ticket because of something."""

    reader: SettingsReader
    ticket: Ticket
    person: tuple[str | None, str | None]
    said: Said
    rule: str
    because: Because

    def command(self, action: Any) -> Command:
        """What it writes; raises Refused where the text has holes, or where it must not be sent."""
        answers = isinstance(action, Answer)
        who = Identity(f"rule/{self.rule}", "admin", self.ticket.workspace)
        return Command(
            who=who,
            ticket=self.ticket.id,
            message=derived_id(self.because.id, f"rule/{self.rule}", str(self.ticket.id), self.because.ordinal),
            text=self._answer(action) if answers else self._note(action),
            note=not answers,
            state=self.ticket.state if answers else None,
            because=self.because,
        )

    def _answer(self, action: Answer) -> str:
        if self.said.automatic:
            raise NotAnswered("a machine wrote last; it is not answered by another", reason="automatic_message")
        if self.said.answers >= ANSWERS_MAX:
            raise NotAnswered(f"rules have answered {self.said.answers} times within a day", reason="too_many_answers")
        macro = self.reader.get("macro", self.ticket.workspace, action.macro)
        if not isinstance(macro, Macro) or not macro.enabled:
            raise NotAnswered(f"there is no macro {action.macro} in use", reason="no_macro")
        if macro.shops and self.ticket.shop not in macro.shops:
            raise NotAnswered(f"the macro {action.macro} is not for this shop", reason="macro_of_another_shop")
        return whole(text_of(self.reader, macro, self.ticket, self._values())[1])

    def _note(self, action: AddNote | Notify) -> str:
        text = made(self.reader, action.text, self.ticket, self._values(), None).text
        return f"{' '.join(f'@{one}' for one in self._told(action))} {text}" if isinstance(action, Notify) else text

    def _told(self, action: Notify) -> tuple[str, ...]:
        holder = (self.ticket.assignee,) if action.holder and self.ticket.assignee else ()
        told = tuple(dict.fromkeys((*holder, *action.agents)))
        if not told:
            raise NotAnswered("nobody holds the ticket, so nobody is told", reason="nobody_to_tell")
        return told

    def _values(self) -> Any:
        return values_of(self.reader, self.ticket, *self.person, None)
