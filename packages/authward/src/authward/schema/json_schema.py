"""Added fields in the OpenAPI document: what bodies may have, and what answers show."""

from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, Field, create_model

from authward.schema.fields import DBField

_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "number": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date-time"},
    "string[]": {"type": "array", "items": {"type": "string"}},
    "number[]": {"type": "array", "items": {"type": "number"}},
    "json": {},
}


def with_additional_properties(
    schema: dict[str, Any], fields: Mapping[str, DBField], *, creates: bool
) -> dict[str, Any]:
    """Return the JSON schema of a body that may have these fields too."""
    given = {name: field for name, field in fields.items() if field.input}
    if not given:
        return schema
    properties = {name: json_schema(field) for name, field in given.items()}
    added: dict[str, Any] = {"properties": {**schema.get("properties", {}), **properties}}
    if creates:
        needed = [n for n, f in given.items() if f.required and f.default_value is None]
        added["required"] = [*schema.get("required", []), *needed]
    elif "anyOf" in schema:
        added["anyOf"] = [*schema["anyOf"], *({"required": [name]} for name in given)]
    return schema | added


def json_schema(field: DBField) -> dict[str, Any]:
    """Return the JSON schema of a field's values."""
    if isinstance(field.type, tuple):
        schema: dict[str, Any] = {"type": "string", "enum": list(field.type)}
    else:
        schema = _TYPES[field.type]
    return schema if field.required or not schema else {"anyOf": [schema, {"type": "null"}]}


def with_additional_fields(
    model: type[BaseModel], name: str, fields: Mapping[str, DBField]
) -> type[BaseModel]:
    """Return the model of a user or a session that shows these fields too."""
    shown = {n: field for n, field in fields.items() if field.returned}
    if not shown:
        return model
    definitions: dict[str, Any] = {
        n: (Any, Field(alias=n, json_schema_extra=json_schema(field))) for n, field in shown.items()
    }
    return create_model(name, __base__=model, __doc__=model.__doc__, **definitions)


def replace_models(response_model: Any, models: Mapping[Any, Any]) -> Any:
    """Return a model, or a type made of models, in which some models stand for others."""
    if response_model in models:
        return models[response_model]
    if isinstance(response_model, type) and issubclass(response_model, BaseModel):
        return _replace_models_within(response_model, models)
    arguments = tuple(replace_models(argument, models) for argument in get_args(response_model))
    if arguments == get_args(response_model):
        return response_model
    origin: Any = get_origin(response_model)
    return Union[arguments] if origin is UnionType else origin[arguments]  # noqa: UP007


def _replace_models_within(model: type[BaseModel], models: Mapping[Any, Any]) -> type[BaseModel]:
    changed: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        annotation = replace_models(field.annotation, models)
        if annotation != field.annotation:
            changed[name] = (annotation, field)
    return create_model(model.__name__, __base__=model, **changed) if changed else model
