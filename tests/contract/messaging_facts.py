"""Facts of Messenger's and Instagram's recorded events, compared with what they give."""

from typing import Any

from shared.channels.base import Parsed
from tests.contract.meta_facts import at, differing


def disagreements(parsed: Parsed, facts: dict[str, Any]) -> dict[str, Any]:
    """What a request's one event says otherwise than the facts."""
    (fact,) = facts["messaging"]
    if parsed.receipts:
        return _receipts(parsed, fact)
    (received,) = parsed.received
    said = received.message
    mid = fact.get("mid") or fact.get("edited_mid") or fact.get("reacts_to")
    wanted: dict[str, Any] = {
        "people": True,
        "time": at(fact["timestamp"]),
        "echo": fact.get("is_echo"),
        "edit": fact.get("edited_mid"),
        "withdrawn": mid if fact.get("is_deleted") else None,
        "reacts_to": fact.get("reacts_to"),
        "references": (fact["reply_to"],) if "reply_to" in fact else (),
    }
    found: dict[str, Any] = {
        "people": said.sender.value in (str(fact["sender"]), str(fact["recipient"])),
        "time": said.provider_time,
        "echo": said.echo,
        "edit": said.edit_of,
        "withdrawn": said.withdraws,
        "reacts_to": said.reacts_to,
        "references": said.references,
    }
    if not fact.get("is_echo"):
        wanted["sender"], found["sender"] = str(fact["sender"]), said.sender.value
    if "mid" in fact and not fact.get("is_deleted"):
        wanted["mid"], found["mid"] = mid, said.natural_id
    for name in ("text", "reaction", "postback"):
        if name in fact:
            wanted[name], found[name] = fact.get("postback_title") or fact[name], said.text
    files = [kind for kind in fact.get("attachment_types", ()) if kind not in ("fallback", "template", "location")]
    if files:
        wanted["files"], found["files"] = files, [file.name for file in said.attachments if file.reference]
    elif "attachment_types" in fact:
        wanted["spoken"], found["spoken"] = True, bool(said.text)
    return differing(wanted, found)


def _receipts(parsed: Parsed, fact: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "states": {receipt.state for receipt in parsed.receipts},
        "ids": [receipt.provider_id for receipt in parsed.receipts],
        "through": parsed.receipts[0].through,
        "whom": parsed.receipts[0].recipient,
    }
    seen = fact.get("read")
    wanted: dict[str, Any] = {"states": {"read" if seen else "delivered"}, "through": None, "whom": None}
    wanted["ids"] = fact.get("delivered_mids") or [seen]
    if isinstance(seen, int):
        wanted |= {"ids": [""], "through": at(seen), "whom": str(fact["sender"])}
    return differing(wanted, found)
