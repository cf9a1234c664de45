"""One-time codes to contacts: sent over their own channel, and what follows when the right one comes back.

The code stands in the command to notify and nowhere else: the timeline shows it hidden, its row holds an HMAC.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from services.tickets import contacts, facts, organising, profiles, windows
from services.tickets.acting import Act, Actor, keep
from services.tickets.domain import code_texts, codes
from services.tickets.domain.answering import note
from services.tickets.domain.codes import DIGITS, TRIES, VALID_FOR, Outcome, Verification
from services.tickets.domain.editing import Edit, Edited
from services.tickets.domain.ticket import Ticket
from services.tickets.keys import keys
from services.tickets.merging import locked
from services.tickets.repo import answers, field_changes, people, persons, suggestions, tickets, verifications
from services.tickets.repo.answers import Place, Written
from services.tickets.repo.people import Candidate
from services.tickets.repo.persons import Profile
from services.tickets.repo.verifications import Contact, Route
from services.tickets.telling import say
from shared.bus import Context
from shared.channels import CHANNELS
from shared.contracts.outbound_commands import Recipient, SendMessage
from shared.contracts.settings import Account
from shared.contracts.ticket_events import MessageAdded
from shared.errors import Conflict, Invalid, NotFound
from shared.ids import derived_id, new_id
from shared.text import email_address, phone_number

WHY = "proven-contact"
"""Why two persons may be one: the one has proved to read where the other is known."""
_PLAIN = {contacts.MAIL: email_address, "phone": phone_number}
"""Kinds whose values have one form that is compared."""


class NoWay(Conflict):
    """Nothing says over which account the contact can be reached."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"nothing was heard from this {kind} yet; name the account that the code should go out over",
            reason="no_way_to_send",
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which contact is to be proven, for whom, on which ticket, over which account where that is not known."""

    workspace: str
    person: UUID
    contact: Contact
    ticket: UUID | None = None
    account: str | None = None


async def send(tx: asyncpg.Connection, ctx: Context, actor: Actor, wanted: Wanted) -> tuple[Verification, Ticket]:
    """Send a code to the contact; it can be given back for ten minutes."""
    workspace, contact = wanted.workspace, _plain(wanted.contact)
    profile = await profiles.alive(tx, workspace, wanted.person)
    ticket = await _ticket(tx, actor, wanted)
    to_contact = await verifications.sent_to(tx, workspace, contact, ctx.now)
    codes.require_pause(to_contact, await verifications.sent_for(tx, workspace, profile.id, ctx.now), ctx.now)
    route = await _route(tx, ctx, wanted, contact, ticket)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    id_, message = new_id(), new_id()
    sealed = codes.seal(keys(ctx), id_, code)
    until = ctx.now + VALID_FOR
    new = Verification(id_, profile.id, *contact, sealed, ticket.id, ctx.now, until, 0, None)
    await verifications.insert(tx, workspace, new, message, actor.name)
    return new, await _hand_over(tx, ctx, actor, ticket, route, new, (message, profile, code))


def _plain(contact: Contact) -> Contact:
    kind, scope, value = contact
    plain = _PLAIN[kind](value) if kind in _PLAIN else value.strip()
    if not plain:
        raise Invalid(f"this is no {kind} that anything could be sent to", reason="no_contact")
    return kind, scope, plain


async def _ticket(tx: asyncpg.Connection, actor: Actor, wanted: Wanted) -> Ticket:
    workspace = wanted.workspace
    id_ = wanted.ticket or await verifications.latest_ticket(tx, workspace, wanted.person, actor.shops)
    if id_ is None:
        raise Conflict(f"person {wanted.person} has no ticket that the code could belong to", reason="no_ticket")
    ticket = (await locked(tx, actor, workspace, id_))[id_]
    if ticket.person != wanted.person:
        raise Invalid(f"ticket {id_} is not person {wanted.person}'s", reason="other_person")
    return ticket


async def _route(tx: asyncpg.Connection, ctx: Context, wanted: Wanted, contact: Contact, ticket: Ticket) -> Route:
    """Where the contact was heard last, else the account that is named, else one that mails for the ticket's shop."""
    known = ctx.settings.all("account", wanted.workspace)
    accounts = {id_: one for id_, one in known.items() if isinstance(one, Account) and one.enabled}
    if wanted.account is not None:
        if wanted.account not in accounts:
            raise Invalid(f"there is no account {wanted.account} that is in use", reason="unknown_account")
        return Route(accounts[wanted.account].channel, wanted.account, None, None)
    heard = await verifications.route(tx, wanted.workspace, wanted.person, contact)
    if heard is not None:
        return heard
    mails = _mails(accounts, ticket.shop) if contact[0] == contacts.MAIL else []
    if not mails:
        raise NoWay(contact[0])
    return Route(accounts[mails[0]].channel, mails[0], None, None)


def _mails(accounts: Mapping[str, Account], shop: str | None) -> list[str]:
    return sorted(
        id_
        for id_, one in accounts.items()
        if one.shop == shop and one.channel in CHANNELS and CHANNELS[one.channel].takes_mail
    )


async def _hand_over(
    tx: asyncpg.Connection,
    ctx: Context,
    actor: Actor,
    ticket: Ticket,
    route: Route,
    new: Verification,
    message: tuple[UUID, Profile, str],
) -> Ticket:
    """Keep the message with its code hidden, and hand the real one to notify."""
    id_, profile, code = message
    language = ticket.language or profile.language or profile.spoken
    text = code_texts.text(language, code)
    if route.channel in CHANNELS:
        outgoing = CHANNELS[route.channel].outgoing
        closes_at = windows.closes_at(
            outgoing, windows.options_of(ctx.settings, ticket.workspace, route.account), route.heard_at
        )
        windows.require_fit(route.channel, outgoing, text, None, closes_at=closes_at, now=ctx.now)
    after = note(ticket).ticket
    hidden = text.replace(code, code_texts.HIDDEN)
    place = Place(ticket.workspace, ticket.id, ticket.own)
    written = Written(
        id_, hidden, ctx.now, after.version, None, False, route.channel, route.account, automatic="verification"
    )
    await answers.insert(tx, [(place, written, ticket)])
    await tickets.update(tx, [after])
    added = MessageAdded(**facts.carried(after), message=id_, author="rule", automatic=True, accepted_at=ctx.now)
    say(ctx, after, added, after.version, actor.name)
    command = SendMessage(
        message=id_,
        ticket=ticket.id,
        person=ticket.own,
        channel=route.channel,
        account=route.account,
        recipient=Recipient(kind=new.kind, scope=new.scope, value=new.value, name=profile.name),
        thread=route.thread,
        text=text,
        language=language,
        heard_at=route.heard_at,
        automatic=True,
        secret=True,
    )
    ctx.begin(command, workspace=ticket.workspace, shop=ticket.shop, id=id_, trace=ticket.trace, actor=actor.name)
    return after


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a code that was given."""

    outcome: Outcome | None
    """None where it was wrong."""
    tries_left: int
    suggestion: UUID | None = None


async def give(tx: asyncpg.Connection, ctx: Context, actor: Actor, place: tuple[str, UUID, UUID], code: str) -> Tried:
    """Take a code, as (workspace, person, verification); the right one proves the contact and who writes."""
    workspace, person, id_ = place
    group = await persons.groups(tx, workspace, [person])
    if person not in group:
        raise NotFound(f"there is no person {person}")
    await profiles.alive(tx, workspace, person)
    sent = await verifications.one(tx, workspace, person, id_)
    if sent is None:
        raise NotFound(f"no code {id_} was sent for person {person}")
    codes.require_open(sent, ctx.now)
    if not codes.proves(keys(ctx), sent, code):
        tries = sent.tries + 1
        await verifications.tried(
            tx, workspace, replace(sent, tries=tries, outcome="spent" if tries >= TRIES else None)
        )
        return Tried(None, TRIES - tries)
    suggestion = await _prove(tx, ctx, actor, workspace, sent)
    outcome: Outcome = "verified" if suggestion is None else "suggested"
    await verifications.tried(tx, workspace, replace(sent, tries=sent.tries + 1, outcome=outcome))
    await _tell(tx, ctx, actor, workspace, sent, outcome)
    return Tried(outcome, 0, suggestion)


async def _prove(tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, sent: Verification) -> UUID | None:
    """What the right code proves; gives the suggestion that two persons are one, where it proves no more than that.

    A contact that is known for the person proves whoever writes. One that is not is linked only where the writer is
    proven already: else whoever pretends to be somebody would gain his person with an address of his own.
    """
    contact = (sent.kind, sent.scope, sent.value)
    held = await verifications.holder(tx, workspace, contact)
    if held is not None and held.person == sent.person:
        await verifications.prove(tx, workspace, contact)
        await verifications.prove_writer(tx, workspace, sent.ticket, sent.person)
        return None
    if (
        held is None
        and await verifications.is_proven(tx, workspace, sent.ticket)
        and await verifications.link(tx, workspace, contact, sent.person)
    ):
        return None
    other = held.person if held is not None else await _somebody(tx, ctx, actor, workspace, sent)
    id_ = derived_id(sent.id, "suggestion", str(other))
    await suggestions.suggest(tx, workspace, id_, (other, sent.person), WHY)
    return id_


async def _somebody(tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, sent: Verification) -> UUID:
    """The person of a contact that nobody had: somebody of his own until people say that the two are one."""
    address = (workspace, sent.kind, sent.scope, sent.value)
    new = Candidate(derived_id(sent.id, "person", sent.value), None, None, None, True, ctx.now)
    made = (await people.find_or_make(tx, {address: new}))[address]
    await contacts.tell_now(tx, ctx, [(workspace, made.id)], actor=actor.name)
    return made.id


async def _tell(
    tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, sent: Verification, outcome: Outcome
) -> None:
    ticket = (await tickets.by_id(tx, [(workspace, sent.ticket)]))[0]
    after = replace(ticket, version=ticket.version + 1)
    edited = Edited(ticket, after, after, {"verified": (None, sent.kind)})
    await keep(tx, ctx, [(Act(actor, workspace, ticket.id, Edit(), f"code-{outcome}"), edited)])
    versions = await contacts.tell_now(tx, ctx, [(workspace, sent.person)], actor=actor.name)
    await field_changes.note(tx, workspace, sent.person, versions[workspace, sent.person], ["identities"], actor.name)
    if sent.kind == contacts.MAIL and outcome == "verified":
        domain = contacts.domain_of(sent.value)
        await organising.belong(tx, ctx, actor, workspace, [domain], [sent.person])
