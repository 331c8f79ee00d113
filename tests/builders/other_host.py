"""Another host on this machine: a network namespace whose 127.0.0.1 is this host's, over a cable that can be cut.

Law: it needs root and `ip`; whoever makes it removes it. Services that listen on loopback here are reached there at the
same addresses, so that a split cuts real connections of a real process, and nothing stands in between that holds bytes.
What goes to one port may have a cable of its own, so that one service is cut off while all others are reached.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: the table of routes over the second cable
_TABLE = "231"


class OtherHost:
    """A namespace with a cable to this host, and with a second one for what goes to one port, where one is named."""

    def __init__(self, name: str, service: int = 0) -> None:
        """`service` is the port whose traffic has a cable of its own; 0: no port's has."""
        self.name, self._service = name, service
        #: this host's ends of the cables
        self._cables = [f"n{name}", f"m{name}"] if service else [f"n{name}"]
        #: what stands before a command line that runs there
        self.words = ("ip", "netns", "exec", name)

    def make(self) -> None:
        _ip("netns", "add", self.name)
        net, first = _free_net()
        for place, near in enumerate(self._cables):
            ends = (f"{net}.{first + 4 * place + 1}", f"{net}.{first + 4 * place + 2}")
            self._lay(near, f"f{near}", ends, () if place == 0 else ("table", _TABLE))
        if self._service:
            self._there("ip", "rule", "add", "ipproto", "tcp", "dport", str(self._service), "lookup", _TABLE)

    def _lay(self, near: str, far: str, ends: tuple[str, str], table: tuple[str, ...]) -> None:
        """A cable between these two ends, over which 127.0.0.1 is reached by those who ask this table of routes."""
        here, there = ends
        _ip("link", "add", near, "type", "veth", "peer", "name", far)
        _ip("link", "set", far, "netns", self.name)
        _ip("addr", "add", f"{here}/30", "dev", near)
        Path(f"/proc/sys/net/ipv4/conf/{near}/route_localnet").write_text("1")
        _ip("link", "set", near, "up")
        self._there("ip", "addr", "add", f"{there}/30", "dev", far)
        self._there("ip", "link", "set", far, "up")
        self._there("sh", "-c", f"echo 1 > /proc/sys/net/ipv4/conf/{far}/route_localnet")
        # Its own loopback stays down: 127.0.0.1 is nobody's there, and this host answers for it.
        self._there("ip", "route", "add", "127.0.0.1/32", "via", here, "src", there, *table)

    def _there(self, *words: str) -> None:
        _ip("netns", "exec", self.name, *words)

    def cut(self) -> None:
        """Nothing passes any more, and nobody is told."""
        for near in self._cables:
            _ip("link", "set", near, "down")

    def cut_from_service(self) -> None:
        """The same for the port that has a cable of its own; everything else passes."""
        assert self._service
        _ip("link", "set", self._cables[1], "down")

    def heal(self) -> None:
        for near in self._cables:
            _ip("link", "set", near, "up")

    def remove(self) -> None:
        for near in self._cables:
            subprocess.run(["ip", "link", "del", near], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def can_be_had() -> bool:
    """Whether this machine lets us make one."""
    return os.geteuid() == 0 and shutil.which("ip") is not None and Path("/proc/sys/net/ipv4/conf").exists()


@contextmanager
def other_host(service: int = 0) -> Iterator[OtherHost]:
    """`service` as in OtherHost."""
    host = OtherHost(secrets.token_hex(4), service)
    try:
        host.make()
        yield host
    finally:
        host.remove()


def _free_net() -> tuple[str, int]:
    """Eight addresses of 10.231.0.0/16 that no cable on this machine has: the first three parts, and the last."""
    used = subprocess.run(["ip", "-4", "-o", "addr"], check=True, capture_output=True, text=True).stdout
    while True:
        block = secrets.randbelow(1 << 13)
        net, first = f"10.231.{block >> 5}", 8 * (block & 31)
        if f" {net}.{first + 1}/" not in used:
            return net, first


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
