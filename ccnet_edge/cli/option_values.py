"""Options that become one value object, and options whose text is parsed with our own errors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from ccnet_edge.errors import UsageError
from ccnet_edge.units import parse_ms

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
Option = Callable[[Any], Any]


def collected(command: F, keyword: str, request: type, options: dict[str, Option]) -> F:
    """`command` with `options`, whose values it gets as one `request` object named `keyword`."""

    @functools.wraps(command)
    def collecting(**values: Any) -> Any:
        own = {name: values.pop(name) for name in options}
        return command(**{keyword: request(**own)}, **values)

    wrapped: Any = collecting
    for option in reversed(options.values()):
        wrapped = option(wrapped)
    return cast("F", wrapped)


def parsed(name: str, parse: Callable[[str], Any], metavar: str, line: str) -> Option:
    """An option whose text `parse` turns into a value; an error names the option."""

    def callback(_ctx: click.Context, option: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return parse(text)
        except UsageError as error:
            raise UsageError(f"{option.opts[0]}: {error.message}", hint=error.hint) from error

    return click.option(name, metavar=metavar, callback=callback, help=line)


def parse_seconds(text: str) -> float:
    """Seconds in a time such as `90s`, `12min` or `1h`.

    Raises:
        UsageError: something else.
    """
    return parse_ms(text) / 1e3


def parse_figures(text: str) -> tuple[float, ...]:
    """Figures separated by commas.

    Raises:
        UsageError: something else.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"figures separated by commas were wanted, found {text!r}") from error


def parse_names(text: str) -> tuple[str, ...]:
    """Names separated by commas, without the spaces around them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
