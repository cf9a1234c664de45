"""A lead sets a rule and a macro: a message is answered and marked by itself, then by an agent in the macro's words."""

from typing import Any

from tests.eventually import eventually
from tests.shop import Shop, settled

MACRO: dict[str, Any] = {
    "name": "We look into it",
    "texts": {"en": "Dear {{ customer.name | default: 'customer' }}, {{ agent.name }} looks into it."},
    "actions": [{"do": "set-state", "state": "on-hold"}, {"do": "add-tags", "tags": ["looked-into"]}],
}
THANKS: dict[str, Any] = {"name": "Thanks", "texts": {"en": "We have your message."}}
RULE: dict[str, Any] = {
    "name": "Refunds first",
    "when": [{"event": "opened"}],
    "conditions": {"all": [{"field": "channel", "any_of": ["http"]}, {"field": "text", "any_of": ["refund"]}]},
    "actions": [{"do": "set-priority", "priority": "urgent"}, {"do": "answer", "macro": "thanks"}],
}


async def test_a_rule_answers_and_marks_and_an_agent_goes_on_with_a_macro(shop: Shop) -> None:
    anna = shop.agents["anna"]
    wrong = RULE | {
        "conditions": {"all": [{"field": "channel", "any_of": ["http"]}, {"field": "txt", "any_of": ["x"]}]}
    }
    refused = await shop.admin.put("/v1/settings/rule/refunds", json=wrong)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/conditions/all/1")
    assert (await anna.client.put("/v1/settings/rule/refunds", json=RULE)).status_code == 403
    for place, document in (("macro/thanks", THANKS), ("macro/looking", MACRO), ("rule/refunds", RULE)):
        assert (await shop.admin.put(f"/v1/settings/{place}", json=document)).status_code == 201
    await settled(shop.desk, "rule/refunds")

    assert (await shop.say("http", "I want a refund!")).is_success

    async def marked() -> list[dict[str, Any]]:
        return [ticket for ticket in await shop.tickets() if ticket["priority"] == "urgent"]

    (ticket,) = await eventually(marked, what="the ticket marked by the rule")

    async def answered() -> dict[str, Any] | None:
        lines = (await anna.client.get(f"/v1/tickets/{ticket['id']}/timeline")).json()["items"]
        return next((line for line in lines if line["author"] == "rule"), None)

    assert (await eventually(answered, what="the rule's answer"))["text"] == "We have your message."
    why = (await shop.admin.get("/v1/rules/refunds/log")).json()["items"]
    assert [(run["ticket"], run["outcome"]) for run in why] == [(ticket["id"], "acted")]
    assert (await anna.client.get("/v1/rules/refunds/log")).status_code == 403

    place = f"/v1/tickets/{ticket['id']}/macros/looking"
    preview = (await anna.client.post(f"{place}/preview")).json()
    assert preview["text"] == "Dear customer, Anna looks into it."
    applied = (await anna.client.post(f"{place}/apply")).json()
    assert (applied["ticket"]["state"], applied["ticket"]["tags"]) == ("on-hold", ["looked-into"])
    sent = await anna.client.post(
        f"/v1/tickets/{ticket['id']}/answers",
        json={"text": applied["text"], "state": "on-hold", "seen_up_to": applied["ticket"]["version"]},
    )
    assert sent.status_code == 201, sent.text
    lines = (await anna.client.get(f"/v1/tickets/{ticket['id']}/timeline")).json()["items"]
    assert [(line["author"], line["by"]) for line in lines if line["what"] == "message"][1:] == [
        ("rule", None),
        ("agent", "anna"),
    ]
    tried = await shop.admin.post("/v1/rules/dry-run", json={"rule": RULE})
    assert [would["ticket"] for would in tried.json()["items"]] == [ticket["id"]]
