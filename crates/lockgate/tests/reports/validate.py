"""Asks the projects' own tools whether documents are theirs: validate.py FORMAT FILE. Says what is wrong, and exits 1."""

import sys


def cyclonedx(path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path) as file:
        wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read())
    return [str(wrong)] if wrong else []


def spdx(path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    return [one.validation_message for one in validate_full_spdx_document(parse_file(path))]


def spdx3(path):
    from spdx_python_model import v3_0_1 as model

    objects = model.SHACLObjectSet()
    with open(path) as file:
        model.JSONLDDeserializer().read(file, objects)
    wrong = [f"{name} is named and not there" for name in objects.missing_ids]
    if not any(isinstance(one, model.SpdxDocument) for one in objects.foreach()):
        wrong.append("there is no SpdxDocument")
    return wrong


wrong = {"cyclonedx": cyclonedx, "spdx": spdx, "spdx3": spdx3}[sys.argv[1]](sys.argv[2])
for one in wrong[:20]:
    print(one)
sys.exit(1 if wrong else 0)
