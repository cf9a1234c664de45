"""Recorded webhooks of WhatsApp: each gives what it says, or a reason why it is left aside or looked at."""

from pathlib import Path
from typing import Any

from shared.channels.base import Parsed
from tests.contract.meta_facts import assert_told, at, differing, outcomes

STATES = {"played": "read"}


def disagreements(parsed: Parsed, facts: dict[str, Any]) -> dict[str, Any]:
    """What messages and receipts say otherwise than the facts."""
    said = [*facts.get("messages", ()), *facts.get("echoes", ())]
    told = facts.get("statuses", [])
    wrong = differing({"messages": len(said)}, {"messages": len(parsed.received)})
    wrong |= differing({"statuses": len(told)}, {"statuses": len(parsed.receipts)})
    for number, (received, fact) in enumerate(zip(parsed.received, said, strict=False)):
        wrong |= {f"{number}:{name}": pair for name, pair in message(received.message, fact, facts).items()}
    for number, (receipt, fact) in enumerate(zip(parsed.receipts, told, strict=False)):
        wanted = {
            "id": fact["id"],
            "state": STATES.get(fact["status"], fact["status"]),
            "failed": "error_codes" in fact,
        }
        found = {"id": receipt.provider_id, "state": receipt.state, "failed": receipt.reason is not None}
        moment = at(fact["timestamp"])
        if moment:
            wanted["at"], found["at"] = moment, receipt.at
        wrong |= {f"{number}:{name}": pair for name, pair in differing(wanted, found).items()}
    return wrong


def message(said: Any, fact: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """What one message says otherwise."""
    wanted: dict[str, Any] = {"id": fact["id"], "time": at(fact["timestamp"]), "echo": "to" in fact or None}
    found: dict[str, Any] = {"id": said.natural_id, "time": said.provider_time, "echo": said.echo}
    who = fact.get("to") or fact.get("from")
    if who:
        wanted["from"], found["from"] = who, said.sender.value.removeprefix("+")
        wanted["kind"] = "phone" if who.isdigit() else "whatsapp"
        found["kind"] = said.sender.kind
    if facts.get("contact_names"):
        wanted["name"], found["name"] = True, said.sender.name in facts["contact_names"]
    about = {"edit": said.edit_of, "revoke": said.withdraws, "reaction": said.reacts_to}
    for kind, target in about.items():
        wanted[kind], found[kind] = fact["type"] == kind, target is not None
    if "reacts_to" in fact:
        wanted |= {"target": fact["reacts_to"], "emoji": fact.get("emoji", "")}
        found |= {"target": said.reacts_to, "emoji": said.text}
    if "reply_to" in fact:
        wanted["reply_to"], found["reply_to"] = (fact["reply_to"],), said.references
    for name in ("text", "caption"):
        if name in fact:
            wanted[name], found[name] = fact[name], said.text
    for name in ("title", "description", "latitude", "longitude"):
        if name in fact:
            wanted[name], found[name] = True, str(fact[name]) in said.text
    if "media_id" in fact:
        (file,) = said.attachments
        wanted |= {"file": (fact["media_id"], fact["mime_type"])}
        found |= {"file": (file.reference, file.media_type)}
        if "filename" in fact:
            wanted["filename"], found["filename"] = fact["filename"], file.name
    return differing(wanted, found)


def test_every_recorded_webhook_agrees_with_its_facts(corpora: Path) -> None:
    found = list(outcomes(corpora, "whatsapp", disagreements))
    assert_told(found, size=138, taken=81)
    looked_at = {one.file: one.came_to for one in found if one.came_to not in KNOWN}
    assert set(looked_at.values()) <= {"unsupported_message", "unknown_content"}
    assert len(looked_at) <= 6


KNOWN = {"taken", "not-a-message", "service-message", "call"}


def test_the_comparison_finds_what_is_wrong(corpora: Path) -> None:
    turned = lambda parsed, facts: disagreements(parsed, _otherwise(facts))  # noqa: E731
    found = [one for one in outcomes(corpora, "whatsapp", turned) if one.came_to == "taken"]
    assert [one.file for one in found if not one.wrong] == []


def _otherwise(facts: dict[str, Any]) -> dict[str, Any]:
    lists = ("messages", "echoes", "statuses")
    return facts | {name: [{**one, "id": "else"} for one in facts[name]] for name in lists if name in facts}
