"""Real git repositories for tests, made by git itself and independent of anybody's
configuration.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_ALLOW_PROTOCOL": "file",
}
DAY = 86_400
START = 1_600_000_000


class Repo:
    """A repository whose clock goes one day a commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.at = START
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, given: bytes = b"", env: dict[str, str] | None = None) -> str:
        """What git says, without the line feed at its end."""
        answer = subprocess.run(  # noqa: S603 - a test's own git
            ["git", *arguments],  # noqa: S607 - the git of the machine is what is meant
            cwd=self.folder,
            env={
                **ENV,
                "GIT_AUTHOR_DATE": f"{self.at} +0000",
                "GIT_COMMITTER_DATE": f"{self.at} +0000",
                **(env or {}),
            },
            input=given,
            capture_output=True,
            check=True,
        )
        return answer.stdout.decode(errors="replace").strip()

    def write(self, files: dict[str | bytes, str | bytes | None]) -> None:
        """Files by path; None removes one."""
        for path, content in files.items():
            place = Path(os.fsdecode(os.path.join(os.fsencode(self.folder), os.fsencode(path))))  # noqa: PTH118 - paths may be bytes
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(
        self,
        files: dict[str | bytes, str | bytes | None] | None = None,
        *,
        message: str = "change",
        author: str = "ada",
        committer: str = "ada",
    ) -> str:
        """A commit with these files, one day after the one before."""
        self.at += DAY
        self.write(files or {})
        self.git("add", "--all")
        people = {
            "GIT_AUTHOR_NAME": author.title(),
            "GIT_AUTHOR_EMAIL": f"{author}@example.com",
            "GIT_COMMITTER_NAME": committer.title(),
            "GIT_COMMITTER_EMAIL": f"{committer}@example.com",
        }
        self.git("commit", "--quiet", "--allow-empty", "--message", message, env=people)
        return self.head()

    def head(self) -> str:
        """The full hash of HEAD."""
        return self.git("rev-parse", "HEAD")

    def merge(self, *branches: str) -> str:
        """A merge commit of HEAD and these branches."""
        self.at += DAY
        self.git("merge", "--quiet", "--no-ff", "--message", "merge", *branches)
        return self.head()

    def fast_import(self, stream: bytes) -> None:
        """What `git fast-import` takes, onto main."""
        self.git("fast-import", "--quiet", "--force", given=stream)


def import_stream(
    commits: Sequence[tuple[str, int, dict[bytes, bytes | None]]], *, branch: str = "main"
) -> bytes:
    """A linear history for `fast_import`: author, time, and files by path (None removes one) of
    each commit.
    """
    parts: list[bytes] = []
    for number, (author, at, files) in enumerate(commits, start=1):
        parts.append(
            f"commit refs/heads/{branch}\nmark :{number}\ncommitter {author} "
            f"<{author}@example.com> {at} +0000\n".encode()
        )
        parts.append(b"data 6\nchange\n")
        parts.append(b"" if number == 1 else f"from :{number - 1}\n".encode())
        for path, content in files.items():
            quoted = (
                b'"'
                + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
                + b'"'
            )
            if content is None:
                parts.append(b"D " + quoted + b"\n")
            else:
                parts.append(
                    b"M 100644 inline " + quoted + b"\ndata %d\n" % len(content) + content + b"\n"
                )
        parts.append(b"\n")
    return b"".join(parts)
