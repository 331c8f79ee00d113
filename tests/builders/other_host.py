"""Another host on this machine: a network namespace whose 127.0.0.1 is this host's, over a cable that can be cut.

Law: it needs root and `ip`; whoever makes it removes it. Services that listen on loopback here are reached there at the
same addresses, so that a split cuts real connections of a real process, and nothing stands in between that holds bytes.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class OtherHost:
    """A namespace with one cable to this host."""

    def __init__(self, name: str) -> None:
        self.name, self._near = name, f"n{name}"
        #: what stands before a command line that runs there
        self.words = ("ip", "netns", "exec", name)

    def make(self) -> None:
        near, far, net = self._near, f"f{self.name}", int(self.name, 16) % 250
        _ip("netns", "add", self.name)
        _ip("link", "add", near, "type", "veth", "peer", "name", far)
        _ip("link", "set", far, "netns", self.name)
        _ip("addr", "add", f"10.231.{net}.1/30", "dev", near)
        Path(f"/proc/sys/net/ipv4/conf/{near}/route_localnet").write_text("1")
        _ip("link", "set", near, "up")
        there = ("netns", "exec", self.name)
        _ip(*there, "ip", "addr", "add", f"10.231.{net}.2/30", "dev", far)
        _ip(*there, "ip", "link", "set", far, "up")
        _ip(*there, "sh", "-c", f"echo 1 > /proc/sys/net/ipv4/conf/{far}/route_localnet")
        # Its own loopback stays down: 127.0.0.1 is nobody's there, and this host answers for it.
        _ip(*there, "ip", "route", "add", "127.0.0.1/32", "via", f"10.231.{net}.1", "src", f"10.231.{net}.2")

    def cut(self) -> None:
        """Nothing passes any more, and nobody is told."""
        _ip("link", "set", self._near, "down")

    def heal(self) -> None:
        _ip("link", "set", self._near, "up")

    def remove(self) -> None:
        subprocess.run(["ip", "link", "del", self._near], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def can_be_had() -> bool:
    """Whether this machine lets us make one."""
    return os.geteuid() == 0 and shutil.which("ip") is not None and Path("/proc/sys/net/ipv4/conf").exists()


@contextmanager
def other_host() -> Iterator[OtherHost]:
    host = OtherHost(secrets.token_hex(4))
    try:
        host.make()
        yield host
    finally:
        host.remove()


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
