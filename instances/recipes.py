"""Instances by generator and arguments, in one word that stands wherever a bundled name does.

    sourcing/calibrated:n=100000,K=1000,seed=7
    sourcing/calibrated:n=2000,K=200,parameters.alpha_dom=-3.1,smoothing=null

``family/generator:key=value,…``; a value is a JSON number, true, false or null, and text otherwise; ``key.part`` is one
entry of a mapping. The generators are those that the family's package lists; the same word gives the same instance.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from endonet.formulations import registry
from endonet.formulations.errors import EndonetError, InputError

ROOM = "endonet.instances"
FORM = re.compile(r"([a-z_]+)/([\w-]+):(.*)", re.DOTALL)


def is_recipe(name: str) -> bool:
    """Return whether a name has the form of a recipe of some family."""
    match = FORM.fullmatch(name)
    return match is not None and match[1] in registry.family_names(ROOM)


def make(name: str) -> Any:
    """Return the instance that a recipe makes, under the recipe as its name.

    Raises
    ------
    UnknownNameError
        If the family has no such generator.
    InputError
        If an argument is unknown, missing, given twice or wrong.
    """
    match = FORM.fullmatch(name)
    assert match is not None
    family, short, text = match.groups()
    generator = registry.lookup("generator", short, generators(family))
    given = _arguments(text)
    takes = inspect.signature(generator).parameters
    known = [key for key, kind in takes.items() if kind.kind is not kind.VAR_KEYWORD]
    remedy = f"{family}/{short} takes {', '.join(known)}"
    if len(known) == len(takes):
        for key in given:
            if key not in takes:
                raise InputError(key, "the generator has no such argument", remedy)
    for key in known:
        if takes[key].default is inspect.Parameter.empty and key not in given:
            raise InputError(key, "it is missing", remedy)
    return replace(_called(generator, given, name, remedy), name=name)


def generators(family: str) -> Mapping[str, str]:
    """Return the generators that a family lists, as ``{"name": "module:function"}``."""
    found: Mapping[str, str] = getattr(registry.family_module(ROOM, family), "GENERATORS", {})
    return found


def _called(generator: Callable[..., Any], given: Mapping[str, Any], name: str, remedy: str) -> Any:
    try:
        return generator(**given)
    except EndonetError:
        raise
    except (TypeError, ValueError, OverflowError) as error:  # an argument of a kind that the generator cannot take
        raise InputError(name, str(error), remedy) from None


def _arguments(text: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not key or not value:
            raise InputError(pair, "it is no key=value pair", "write family/generator:key=value,key=value")
        outer, dot, inner = key.partition(".")
        place = given.setdefault(outer, {}) if dot else given
        if not isinstance(place, dict) or (inner or outer) in place:
            raise InputError(key, "it is given twice", "give it once")
        place[inner or outer] = _value(value)
    return given


def _value(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, (int, float, bool, str, type(None))) else text
