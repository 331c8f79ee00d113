"""The bill of materials in CycloneDX: what the archive holds, each with its hash, and who needs whom.

Law: made of the wheels themselves; the same wheels give the same bill.
"""

import hashlib
from datetime import UTC, datetime
from email.parser import Parser
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5
from zipfile import ZipFile

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from tests.packaging.locked import PROGRAM, needed

#: a licence that is written in more characters is its text and not its name
_LONGEST_NAME = 100


def bill_of(wheels: Path, epoch: int) -> str:
    """The bill of a folder of wheels, as JSON; `epoch`: when it says that it was made, epoch seconds."""
    held = {component.name: component for component in map(_component, sorted(wheels.glob("*.whl")))}
    bom = Bom(components=[component for name, component in held.items() if name != PROGRAM])
    bom.metadata.component = held[PROGRAM]
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, UTC)
    bom.serial_number = uuid5(NAMESPACE_URL, " ".join(sorted(_digest(path) for path in wheels.glob("*.whl"))))
    for name, below in needed().items():
        bom.register_dependency(held[name], [held[each] for each in sorted(below)])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(wheel: Path) -> Component:
    with ZipFile(wheel) as archive:
        place = next(
            name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1
        )
        told = Parser().parsestr(archive.read(place).decode("utf-8"))
    name, version = canonicalize_name(told["Name"]), told["Version"]
    return Component(
        name=name,
        version=version,
        type=ComponentType.APPLICATION if name == PROGRAM else ComponentType.LIBRARY,
        description=told["Summary"],
        purl=PackageURL("pypi", name=name, version=version),
        bom_ref=f"{name}=={version}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=_digest(wheel))],
        licenses=_licenses(told["License-Expression"], told["License"]),
    )


def _licenses(expression: str | None, words: str | None) -> list[License]:
    """As the package declares them; a whole text in place of a name says nothing that can be compared."""
    told = expression or (words if words and len(words) < _LONGEST_NAME else "")
    declared = LicenseAcknowledgement.DECLARED
    return [LicenseFactory().make_from_string(told, license_acknowledgement=declared)] if told else []


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
