"""Print what an image consists of, as CycloneDX: the bill of materials of the wheel, and Debian's
packages beside it.

    image_contents.py WHEEL.cdx.json FOLDER NAME    FOLDER: the image's /var/lib/dpkg/status.d

Distroless images have a file for each package there, in the form of Debian's control files.
"""

import json
import sys
from email.parser import Parser
from pathlib import Path
from typing import Any
from urllib.parse import quote

NO_PACKAGE = ".md5sums"


def debian_package(control: str) -> dict[str, Any]:
    fields = Parser().parsestr(control, headersonly=True)
    name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
    purl = f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def image_contents(wheel: dict[str, Any], folder: Path, name: str) -> dict[str, Any]:
    """Raises ValueError: the image has no list of packages."""
    controls = [
        file for file in sorted(folder.iterdir()) if file.suffix != NO_PACKAGE and file.is_file()
    ]
    if not controls:
        raise ValueError(f"{folder} has no list of packages.")
    packages = [debian_package(file.read_text(encoding="utf-8")) for file in controls]
    program = wheel["metadata"]["component"]
    image = {
        "type": "container",
        "bom-ref": f"image-{name}",
        "name": name,
        "version": program["version"],
    }
    libraries = [*wheel["components"], program, *packages]
    needs = {
        "ref": image["bom-ref"],
        "dependsOn": [program["bom-ref"], *(each["bom-ref"] for each in packages)],
    }
    return {
        **wheel,
        "metadata": {**wheel["metadata"], "component": image},
        "components": libraries,
        "dependencies": [*wheel["dependencies"], needs],
    }


if __name__ == "__main__":
    wheel_file, status_folder, image_name = sys.argv[1:]
    document = json.loads(Path(wheel_file).read_text(encoding="utf-8"))
    json.dump(image_contents(document, Path(status_folder), image_name), sys.stdout, indent=2)
    print()
