"""Numbers as they are written: every parameter of a chain is an exact rational.

Ties between numbers of suppliers are equalities between rationals. They are found only if 0.4 means 2/5, so a float is
read as the decimal it prints as, and a string may be a decimal or a quotient ``"a/b"``.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from endonet.formulations.errors import InputError

LARGEST = 10**300  # within the range of doubles; a number like 1e999999999 must not be written out in digits
REMEDY = 'give a number such as 0.3, or a quotient such as "3/10"'


def rational(name: str, value: Any) -> Fraction:
    """Return a number as an exact fraction.

    Parameters
    ----------
    name : str
        The field, for messages.
    value : int, Fraction, Decimal, float or str
        A float counts as the shortest decimal that it prints as; a string is a decimal or ``"a/b"``.

    Raises
    ------
    InputError
        If it is no finite number, or has more than 300 digits.

    Examples
    --------
    >>> rational("mu0", 0.4), rational("mu0", "2/5")
    (Fraction(2, 5), Fraction(2, 5))
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, Fraction, Decimal, float, str)):
        raise InputError(name, f"{_short(value)} is not a number", REMEDY)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(name, f"{value} is not finite", REMEDY)
        value = repr(value)
    if isinstance(value, (str, Decimal)):
        value = _from_text(name, value)
    number = Fraction(value)
    if abs(number.numerator) > LARGEST or number.denominator > LARGEST:
        raise InputError(name, "it has more than 300 digits", REMEDY)
    return number


def written(number: Fraction) -> str | int:
    """Return an exact number as it stands in a file: an integer, a short decimal, or ``"a/b"``."""
    return number.numerator if number.denominator == 1 else f"{number.numerator}/{number.denominator}"


def _from_text(name: str, value: str | Decimal) -> Fraction:
    text = value.strip() if isinstance(value, str) else value
    if isinstance(text, str) and len(text) > 1000:
        raise InputError(name, "it has more than 300 digits", REMEDY)
    try:
        if isinstance(text, str) and "/" in text:
            top, _, bottom = text.partition("/")
            return Fraction(int(top), int(bottom))
        number = Decimal(text)
        if not number.is_finite():
            raise InputError(name, f"{value} is not finite", REMEDY)
        if number and abs(number.adjusted()) > 400:
            raise InputError(name, "it has more than 300 digits", REMEDY)
        return Fraction(number)
    except ZeroDivisionError:
        raise InputError(name, f"{_short(value)} divides by zero", REMEDY) from None
    except (ValueError, ArithmeticError):
        raise InputError(name, f"{_short(value)} is not a number", REMEDY) from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"
