"""JSON files that one run writes and another one reads.

Their JSON Schemas are made of these models.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic.alias_generators import to_camel

from mct_s2s.model.forms import expected
from mct_s2s.model.site_settings import AppSettings

Model = TypeVar("Model", bound=BaseModel)


class SavedFile(BaseModel):
    """Unknown members are ignored, as later versions may add some."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,
    )


def of_settings(kind: str | list[str]) -> WithJsonSchema:
    """A JSON Schema of names with values of that type."""
    return WithJsonSchema({"type": "object", "additionalProperties": {"type": kind}})


def parsed(document: object, model: type[Model]) -> Model:
    """Read a document as a model. Raises ValueError: what is wrong first, and where."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where, expectation = ".".join(map(str, problem["loc"]))[:200], expected(problem)
        raise ValueError(f"{where}: {expectation}".removeprefix(": ")) from None


class Handoff(SavedFile):
    """The file of `setup --handoff FILE`, which `configure-appservice --from FILE` reads.

    It has the values for the App Service, and no secret.
    """

    document: Literal["mct-s2s/handoff/v1"] = Field(alias="schema")
    app_service: str | None = Field(
        min_length=1,
        description=(
            "The App Service it was written for, as NAME or NAME/SLOT; null if none was given."
        ),
    )
    settings: Annotated[Mapping[str, str], of_settings("string")] = Field(
        description="The settings to write."
    )


class Backup(SavedFile):
    """The file of `--backup FILE`, which `configure-appservice --restore FILE` reads.

    It has all application settings as they were before the first change, secrets among them.
    """

    document: Literal["mct-s2s/backup/v1"] = Field(alias="schema")
    app_service: str = Field(min_length=1, description="Resource ID of the App Service.")
    settings: AppSettings = Field(repr=False, description="Every application setting by its name.")
