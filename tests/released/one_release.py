"""Runs one release of the service in a process of its own; imports nothing of the tests.

    python -I -S one_release.py TREE SITE_PACKAGES...  < order.json  > answer.json

`{"write": [text, ...]}` decides texts of one client and answers with what a worker of this
release writes: events, messages to send, the stored state, and why a text was no command.
`{"read": answer}` reads what a release wrote and answers with what this one makes of it.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

SUBJECT = UUID(int=9)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def write(texts: list[str]) -> dict[str, Any]:
    """Decide texts that arrive an hour apart, and the results of their messages."""
    from inbound.handlers.commands import decide_command
    from inbound.handlers.decision import CommandRequest
    from inbound.handlers.policies import Policies
    from inbound.handlers.results import decide_result
    from inbound.handlers.state import STATE_VERSION, SubjectState, evolve, write_state
    from inbound.parsers.commands import parse, why_not

    state = SubjectState()
    made: dict[str, Any] = {"events": [], "results": [], "templates": [], "missed": {}}
    for n, text in enumerate(texts):
        command = parse(text)
        if command is None:
            made["missed"][text] = why_not(text).value
            continue
        at = NOON + timedelta(hours=n)
        request = CommandRequest(UUID(int=n + 1), command, at, at, True, "main", "main-1", 0)
        decision = decide_command(state, request, Policies())
        while True:
            for event in decision.events:
                state = evolve(state, event)
                made["events"].append([event.TYPE, event.VERSION, event.to_json().decode()])
            if not decision.replies:
                break
            (reply,) = decision.replies
            made["templates"].append(reply.template)
            result = _submitted(reply, at)
            made["results"].append(result.to_json().decode())
            decision = decide_result(state, result)
    made["state"] = [STATE_VERSION, write_state(state).decode()]
    return made


def _submitted(reply: Any, at: datetime) -> Any:
    from schemas.messages import Outcome, PartResult, SubmitResult

    return SubmitResult(
        message_id=reply.message_id,
        subject_id=SUBJECT,
        request_id=reply.request_id,
        key="k",
        purpose=reply.purpose,
        template=reply.template,
        outcome=Outcome.SUBMITTED,
        parts=(PartResult(status=0, smsc_message_id="1"),),
        centre="main",
        bind="main-1",
        at=at + timedelta(seconds=1),
    )


def read(made: dict[str, Any]) -> dict[str, Any]:
    """Fold, show, send and carry on what another release wrote."""
    from inbound.handlers.results import decide_result
    from inbound.handlers.state import SubjectState, evolve, read_state
    from inbound.smpp.segmentation import part_count
    from inbound.templates.catalogue import load_catalogue
    from inbound.timeline.build import build
    from inbound.timeline.input import TimelineInput, TimelineOptions
    from inbound.timeline.model import Language
    from inbound.timeline.selecting import select
    from schemas.messages import SubmitResult
    from schemas.upcasters import read_event

    state = SubjectState()
    results = [SubmitResult.model_validate_json(one) for one in made["results"]]
    owed = []
    for type_, version, data in made["events"]:
        state = evolve(state, read_event(type_, version, data))
        for result in results:
            owed += [reply.template for reply in decide_result(state, result).replies]
    catalogue = load_catalogue(None, part_count)
    stored = [
        SimpleNamespace(
            position=n,
            stream_id=SUBJECT,
            version=n,
            type=type_,
            schema_version=version,
            data=data,
            metadata=b"{}",
            recorded_at=NOON,
        )
        for n, (type_, version, data) in enumerate(made["events"], 1)
    ]
    sentences, steps = {}, {}
    for language in Language:
        options = TimelineOptions(NOON + timedelta(days=1), "UTC", language)
        timeline = build(TimelineInput(selection=select(stored, options)), options)
        sentences[language.value] = [request.sentence for request in timeline.requests]
        steps[language.value] = [step.text for each in timeline.requests for step in each.steps]
    return {
        "state": [made["state"][0], json.loads(_as_json(state))],
        "stored state": json.loads(_as_json(read_state(made["state"][1].encode()))),
        "owed": sorted(set(owed)),
        "texts": {name: catalogue[name].text for name in made["templates"]},
        "sentences": sentences,
        "steps": steps,
        "rows": _project(stored),
    }


def _as_json(state: Any) -> bytes:
    from inbound.handlers.state import write_state

    return write_state(state)


def _project(stored: list[SimpleNamespace]) -> int:
    from inbound.projections.catalogue import PROJECTIONS
    from inbound.projections.reader import fold_batch

    rows = fold_batch(
        [
            (
                one.position,
                str(one.stream_id),
                one.version,
                one.type,
                one.schema_version,
                one.data,
                "{}",
                one.recorded_at.isoformat(),
            )
            for one in stored
        ],
        tuple(PROJECTIONS.values()),
    )
    return sum(len(each.changed) + len(each.new) for each in rows)


def main() -> None:
    """Answer one order."""
    tree, *installed = sys.argv[1:]
    sys.path[:0] = [tree]
    sys.path += installed
    order = json.load(sys.stdin)
    answer = write(order["write"]) if "write" in order else read(order["read"])
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
