"""MCT's description, and its settings by what they hold."""

from mct_s2s.inputs.apis import shipped_api
from mct_s2s.model.api import DEFAULT_API
from mct_s2s.model.site_settings import Holds, Setting

MCT = shipped_api(DEFAULT_API)


def _setting(holds: Holds) -> Setting:
    setting = MCT.setting(holds)
    assert setting is not None  # MCT has seven
    return setting


ENABLED, AUDIENCE, ROLE = map(_setting, (Holds.SWITCH, Holds.URI, Holds.ROLE))
OBJECT_IDS, APPLICATION_IDS = map(_setting, (Holds.OBJECT_IDS, Holds.APPLICATION_IDS))
SETTINGS, LISTS = MCT.rows, MCT.lists
NAMES = tuple(MCT.settings)
