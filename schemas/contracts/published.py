"""Makes the published JSON Schema of a model: what a reader has to expect.

It differs from pydantic's own in four ways. Fields without a value are left out of the JSON,
so `null` is not a value and such a field is not required. A field with a default is not
required either, because older events lack it. Enums are open: `x-extensible-enum` lists the
known values and allows others. References are resolved, so each schema is self-contained.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas.contracts.catalogue import Contract
from schemas.events import is_announced

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
KNOWN_VALUES: Final = "x-extensible-enum"
ANNOUNCED_VALUES: Final = "x-announced"
FLOW: Final = "x-flow"
TOPICS: Final = "x-topics"


class _AsWritten(GenerateJsonSchema):
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        made = super().enum_schema(schema)
        made[KNOWN_VALUES] = made.pop("enum")
        announced = sorted(value for value in schema["cls"] if is_announced(value))
        if announced:
            made[ANNOUNCED_VALUES] = announced
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 — pydantic's union
        del schema
        return False


def schema_of(contract: Contract, examples: Iterable[Mapping[str, Any]] = ()) -> Schema:
    """Return the published schema of a type: JSON Schema 2020-12 without references."""
    made = contract.model.model_json_schema(
        mode="serialization", schema_generator=_AsWritten, union_format="any_of"
    )
    definitions = made.pop("$defs", {})
    return {
        "$schema": DIALECT,
        "$id": f"urn:scserv:{contract.name}",
        FLOW: contract.flow.value,
        TOPICS: list(contract.topics),
        **_resolved(made, definitions),
        **({"examples": list(examples)} if examples else {}),
    }


def _resolved(node: Any, definitions: Mapping[str, Schema]) -> Any:  # noqa: ANN401 — JSON
    if isinstance(node, list):
        return [_resolved(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    target = node.get("$ref")
    if isinstance(target, str):
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node = {**definitions[target.removeprefix("#/$defs/")], **beside}
    return {key: _resolved(value, definitions) for key, value in node.items()}
