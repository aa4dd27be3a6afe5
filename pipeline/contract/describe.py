"""What the Structs say of their fields: meaning, unit, example, personal data.

The meaning is the docstring below a field. Python keeps none of these, so they are read from the
source, when something is generated and never else.
"""

import ast
import importlib
import inspect
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_origin

from msgspec import Struct, UnsetType, structs

from schemas.about import merged

__all__ = ["Field", "describe", "example", "gaps"]

_MEASURED: Final = (int, float, datetime)


class Field(Struct, frozen=True):
    """One field of a Struct."""

    name: str
    """As in the JSON."""
    meaning: str
    unit: str | None
    example: Any
    personal: bool
    required: bool


Parts: TypeAlias = Mapping[type[Struct], tuple[Field, ...]]


def describe(roots: Iterable[type[Struct]]) -> Parts:
    """The fields of some Structs and of all that they hold, in the order they are met.

    A field is personal data if it says so, or if every field that leads to it does.
    """
    held: dict[type[Struct], bool] = {}
    pending = [(root, False) for root in roots]
    while pending:
        part, personal = pending.pop(0)
        if part in held and (personal or not held[part]):
            continue  # nothing new: what leads to it another way can only make it less personal
        held[part] = personal
        for hint in _hints(part).values():
            about = merged(_notes(hint))
            inner = personal if about.personal is None else about.personal
            pending += [(found, inner) for found in _structs(hint)]
    return {part: tuple(_fields(part, personal=personal)) for part, personal in held.items()}


def gaps(parts: Parts) -> list[str]:
    """What is missing: ``Struct.field: what``."""
    found = []
    for part, fields in parts.items():
        if not part.__doc__:
            found.append(f"{part.__name__}: a docstring")
        for field, hint in zip(fields, _hints(part).values(), strict=True):
            where = f"{part.__name__}.{field.name}"
            if not field.meaning:
                found.append(f"{where}: a docstring below it")
            if field.example is None:
                found.append(f"{where}: an example, About(…)")
            if field.unit is None and _is_measured(hint):
                found.append(f"{where}: a unit, About(unit=…)")
    return found


def example(part: type[Struct]) -> Any:  # noqa: ANN401 - any JSON
    """A whole message, or a part of one, made of its fields' examples."""
    values = {field.name: field.example for field in _fields(part, personal=False)}
    return list(values.values()) if part.__struct_config__.array_like else values


def _fields(part: type[Struct], *, personal: bool) -> Iterator[Field]:
    meanings = _meanings(part)
    hints = _hints(part)
    for field in structs.fields(part):
        about = merged(_notes(hints[field.name]))
        yield Field(
            name=field.encode_name,
            meaning=meanings.get(field.name, ""),
            unit=about.unit,
            example=_example(hints[field.name]),
            personal=personal if about.personal is None else about.personal,
            required=field.required,
        )


@cache
def _hints(part: type[Struct]) -> dict[str, Any]:
    hints = typing.get_type_hints(part, include_extras=True)
    return {field.name: hints[field.name] for field in structs.fields(part)}


def _meanings(part: type[Struct]) -> dict[str, str]:
    """The docstrings below the fields of a Struct and of those it extends."""
    meanings: dict[str, str] = {}
    for cls in reversed(part.__mro__):
        if issubclass(cls, Struct) and cls is not Struct:
            meanings |= _documented(cls.__module__).get(cls.__name__, {})
    return meanings


@cache
def _documented(module: str) -> dict[str, dict[str, str]]:
    """By class and field, the docstrings in a module's source."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    return {
        node.name: {
            field.target.id: inspect.cleandoc(below.value.value)
            for field, below in zip(node.body, node.body[1:], strict=False)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        }
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def _alternatives(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - an annotation is anything
    """The types a hint allows, without None and UNSET; annotations stay on each."""
    if get_origin(hint) is Annotated:
        return _alternatives(get_args(hint)[0])
    if get_origin(hint) in {typing.Union, types.UnionType}:
        return tuple(
            part for part in get_args(hint) if part is not types.NoneType and part is not UnsetType
        )
    return (hint,)


def _notes(hint: Any) -> Iterator[object]:  # noqa: ANN401
    """The annotations of a hint, the inner ones first."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        yield from _notes(inner)
        yield from notes
    elif get_origin(hint) in {typing.Union, types.UnionType}:
        for part in _alternatives(hint):
            yield from _notes(part)


def _bare(hint: Any) -> Any:  # noqa: ANN401
    """The first type that a hint allows, without annotations."""
    (first, *_) = _alternatives(hint)
    return _bare(first) if first is not hint else hint


def _structs(hint: Any) -> Iterator[type[Struct]]:  # noqa: ANN401
    for part in _alternatives(hint):
        bare = get_args(part)[0] if get_origin(part) is Annotated else part
        if isinstance(bare, type) and issubclass(bare, Struct):
            yield bare
        elif get_origin(bare) in {tuple, list, dict}:
            for item in get_args(bare):
                yield from _structs(item) if item is not Ellipsis else ()


def _example(hint: Any) -> Any:  # noqa: ANN401
    about = merged(_notes(hint))
    if about.example is not None:
        return about.example
    bare = _bare(hint)
    if get_origin(bare) is Literal:
        return get_args(bare)[0]
    if get_origin(bare) in {tuple, list}:
        item = _example(get_args(bare)[0])
        return None if item is None else [item]
    if get_origin(bare) is dict:
        key, value = (_example(part) for part in get_args(bare))
        return None if key is None or value is None else {key: value}
    if isinstance(bare, type) and issubclass(bare, Struct):
        return example(bare)
    return True if bare is bool else None


def _is_measured(hint: Any) -> bool:  # noqa: ANN401
    """Whether a value is a number or a time, which means nothing without a unit."""
    return any(part in _MEASURED for part in (_bare(each) for each in _alternatives(hint)))
