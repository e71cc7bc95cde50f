"""Writing a file all at once or not at all, so that an interrupted run never leaves half a file behind."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from endonet.instances.formats import FileError


def write(path: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Let ``fill`` write a temporary file in the same folder, then move it to ``path``.

    A new file gets the permissions that the umask grants; a file that is replaced keeps its own. A symbolic link is
    followed. A device or pipe is written to directly.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written to.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            if target.is_dir():
                raise FileError(str(path), "file", "it is a folder", "give a file name")
            with target.open("wb") as stream:
                fill(stream)
            return
        _replace(target, fill)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(str(path), "file", f"it cannot be written ({reason})", "check the folder") from None


def _replace(target: Path, fill: Callable[[BinaryIO], None]) -> None:
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
