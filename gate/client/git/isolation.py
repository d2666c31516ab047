"""Keeps a repository from influencing how git measures it: git sees its objects, and none of its
settings.

The repository that is judged must not decide how it is measured. So commits, trees and differences
are not asked of the repository itself but of an empty git folder of our own which borrows its
objects. That folder has no configuration of the repository's, no attributes, mailmap or modules
file, no hook, no replaced or grafted object and no remote, because none of these are in it.

Only names (`HEAD`, branches, tags), the remote and the git user are asked of the repository itself,
and there the settings below stand above its own.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

PROTOCOLS = ("file", "http", "https", "ssh")
"""The protocols by which a missing commit may be fetched. `ext` and every helper would run a
program that the address chooses."""

OUTER_SETTINGS = (
    "safe.bareRepository=explicit",  # a bare repository among the files is no repository of ours
    "protocol.ext.allow=never",
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "core.alternateRefsCommand=:",  # does nothing; fetch would run any other
    "gc.auto=0",
    "maintenance.auto=false",
)
"""Settings for the repository itself. They are given on the command line, so they win over every
file."""

INNER_SETTINGS = ("core.quotePath=false", "i18n.logOutputEncoding=UTF-8", "log.mailmap=false")

_ATTRIBUTES = "* diff\n"
"""Every file is text. `--text` says the same, but not to `--numstat` and `--shortstat`, which then
count nothing for files with a NUL in them, or more bytes than `core.bigFileThreshold`."""

_ALWAYS = {
    "GIT_NO_LAZY_FETCH": "1",  # asking for an object that is missing must not start a transfer
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_KEPT = re.compile(
    r"GIT_(?:DIR|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM|ASKPASS|SSH|SSH_COMMAND|SSH_VARIANT"
    r"|CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|(?:HTTP|SSL|PROXY_SSL)_\w+)"
)
"""The variables that say where the repository is and how its remote is reached. Every other
variable of git could change a result."""


def outer_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of git for questions about names, and for fetching."""
    kept = {
        name: value
        for name, value in env.items()
        if not name.startswith("GIT_") or _KEPT.fullmatch(name)
    }
    allowed = env.get("GIT_ALLOW_PROTOCOL")
    protocols = [one for one in PROTOCOLS if allowed is None or one in allowed.split(":")]
    return {
        **kept,
        **_ALWAYS,
        "PATH": absolute_path(env),
        "GIT_ALLOW_PROTOCOL": ":".join(protocols),
        "GIT_GRAFT_FILE": os.devnull,
    }


def inner_environment(env: Mapping[str, str], folder: str, objects: str) -> dict[str, str]:
    """Return the environment of git for everything else: our own git folder, which borrows the
    repository's objects.
    """
    kept = {name: value for name, value in env.items() if not name.startswith("GIT_")}
    return {
        **kept,
        **_ALWAYS,
        "PATH": absolute_path(env),
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_DIR": folder,
        "GIT_OBJECT_DIRECTORY": objects,
        "HOME": folder,  # where a git before 2.32 looks for the user's settings
        "XDG_CONFIG_HOME": folder,
    }


def absolute_path(env: Mapping[str, str]) -> str:
    """Return the search path without relative entries such as `.`.

    They mean a folder of the code that is judged, which could bring a git of its own.
    """
    entries = env.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(one for one in entries if Path(one).is_absolute())


def find_git(env: Mapping[str, str]) -> str | None:
    """Return the whole path of git, or None.

    git is never started by its name alone, because Windows looks into the current folder first, and
    that is the code that is judged.
    """
    names = ("git.exe", "git.cmd") if os.name == "nt" else ("git",)
    for folder in absolute_path(env).split(os.pathsep):
        for name in names:
            place = os.path.join(folder, name)  # noqa: PTH118 - an entry of PATH, not normalised
            if folder and os.path.isfile(place) and os.access(place, os.X_OK):  # noqa: PTH113 - the same
                return place
    return None


def make_folder(object_format: str) -> str:
    """Make an empty git folder that only its owner can read, and return it. Raises OSError."""
    folder = Path(tempfile.mkdtemp(prefix="gate-git-"))
    extension = "[extensions]\n\tobjectformat = sha256\n" if object_format == "sha256" else ""
    version = 1 if extension else 0
    (folder / "refs").mkdir()
    (folder / "info").mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/none\n")
    (folder / "config").write_text(
        f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{extension}"
    )
    (folder / "info" / "attributes").write_text(_ATTRIBUTES)
    return str(folder)


def copy_shallow(source: str, folder: str) -> None:
    """Copy the file that says where a shallow clone ends.

    A fetch changes it, so it is copied again after each. Raises OSError.
    """
    if Path(source).is_file():
        shutil.copyfile(source, Path(folder, "shallow"))
