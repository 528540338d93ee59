"""Modules that have another place now: importing one by its old path names the new one.

``moved.txt`` has a line for each: its old path, its new one, and what was documented in it and is
called otherwise or stands elsewhere, as ``name=path``. It is read only when an import fails. The
set-up imports this: the standard library alone, in a syntax that an older Python reads.
"""

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

PACKAGES = ("golden.", "tb.")


def moves() -> "dict[str, list[str]]":
    """The new path of each module, and ``name=path`` of what is not there, by its old path."""
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    return {words[0]: words[1:] for words in map(str.split, text.splitlines())}


def has_moved(old: str, known: "dict[str, list[str]]") -> ModuleNotFoundError:
    """The error, in one line, of a module that is imported by its old path."""
    new, *names = known[old]
    elsewhere = "".join("; {} is now {}".format(*name.split("=")) for name in names)
    return ModuleNotFoundError(f"{old} has moved: import {new}{elsewhere}")


def missing_name(module: str, name: str) -> Exception:
    """The error of a package that took the name of a module, where it lacks a name of that."""
    known = moves()
    if any(each.startswith(f"{name}=") for each in known[module]):
        return has_moved(module, known)
    return AttributeError(f"module {module!r} has no attribute {name!r}")


class MovedFinder:
    """The last finder: asked for what no other has found."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        """Refuse a module that has moved.

        Raises
        ------
        ModuleNotFoundError
            One line with the module's new path.
        """
        if not name.startswith(PACKAGES):
            return None
        known = moves()
        if name in known:
            raise has_moved(name, known)
        if any(old.startswith(f"{name}.") for old in known):
            # A folder that is gone: empty, so that its modules are asked for.
            return ModuleSpec(name, None, is_package=True)
        return None


sys.meta_path.append(MovedFinder)
