"""How long each wait is: pauses, limits and numbers of tries, but for what is named below.

`--timeout` ends each of these waits sooner. What one request waits for is decided in
`azure/retry.py` (`classify`), when a plan is made again in `engine/settling.py`. What protects the
settings of others from a write is counted in `engine/apply/settings.py`. Up to which age an object
of the directory may not show everywhere (`YOUNG`), when a credential expires soon
(`EXPIRING_WITHIN`), and how far apart a secret and its version in a key vault may be
(`VERSION_FOLLOWS_WITHIN`), are rules in `model/client_credentials.py`. docs/reliability.md says
what users meet.
"""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Delays:
    """Pauses in seconds, each `growth` times the one before, less up to a fifth by chance."""

    shortest_pause: float
    longest_pause: float
    growth: float = 2.0

    def after(self, tries: int) -> float:
        """The pause after so many tries (from 1)."""
        pause = min(self.longest_pause, self.shortest_pause * self.growth ** min(tries - 1, 30))
        return pause * random.uniform(0.8, 1.0)  # noqa: S311  # jitter


NOTICED_SECONDS = 2.0
"""A longer silence looks like a command that hangs."""
RESERVE = 3.0
"""Seconds before the deadline at which looks and tests stop, so that their results can be shown."""
CLEANUP_SECONDS = 5.0
"""For so long a command that ends waits for what it must not leave halfway."""

# One request

CONNECT_SECONDS = 10.0
"""TCP repeats its first packet after 1, 3 and 7 s (RFC 6298): a host silent until then is down."""
REQUEST_SECONDS = 30.0
"""A request, also of the sign-in, without a whole answer by then is taken for lost."""
OUTAGE_TRIES = 8
"""Over some 5 s: a service that still fails then will not recover within a command."""
USUAL_DELAYS = Delays(0.2, 1.0)
LAG_SECONDS = 300.0
"""Replication that takes longer is an outage.

Others wait 3 to 5 minutes: docs/azure-contract.md, 3.13.
"""
LAG_DELAYS = Delays(0.2, 0.5, growth=1.05)
"""Replicas differ: the more often they are asked, the sooner one answers that has caught up.

Pauses that double overshoot: with replicas that lag by up to 5 s, a `setup` took half a second
longer.
"""
LAG_SPACING_SECONDS = 0.05
"""Between the requests that wait for replicas, all of them together.

Many clients then stay within what Graph takes, 3,000 writes in 150 s: docs/azure-contract.md, 3.12.
"""
CONTENTION_DELAYS = Delays(1.0, 16.0)
"""An object stays busy for seconds, and every try that comes too early is one more:
docs/azure-contract.md, 3.1.
"""
GRAPH_BUSY_SECONDS = 90.0
"""How long a write waits that Graph refuses because of another one."""
OPERATION_SECONDS = 180.0
"""How long Resource Manager may take for another operation on the resource, or for ours.

What came of ours is then read.
"""
OPERATION_PAUSE = 1
"""Seconds between looks at an operation, if Azure names none."""

# Replicas of the directory, beyond one request

LOOK_PAUSE = 1.0
"""Seconds between two looks at what may change by itself."""
AGREEING_READS = 3
"""Reads in a row that have to find nothing: another replica may answer each. Terraform takes 5."""
GONE_AFTER = 5
"""Looks in a row that find nothing, before something is gone. terraform-provider-azuread demands as
many.
"""
DOUBTFUL_TRIES = 8
"""Writes of one credential, 8 s in all: so long may a replica show what is gone, or not know what
is there.
"""
DOUBTFUL_PAUSE = 0.3
"""Seconds, times the number of tries."""
CERTIFICATE_SHOWS_SECONDS = 60.0
"""For so long a new certificate is looked for before an old one is removed: 18 s have been seen."""
REGISTERING_TRIES = 3
"""Requests whose answer was lost, before the error is final."""
APPEARS_LOOKS = 10
"""Looks for what a lost answer may have created: filters lag (docs/azure-contract.md, 3.8)."""
IN_BIN_LOOKS = 30
"""Looks at the recycle bin for what must be there, as its name is taken."""
OWNED_SECONDS = 30.0
"""For which a refusal may mean that a replica has not heard who owns a registration."""
RESTORED_SECONDS = 15.0
"""For which a replica may show a restored registration as it was before its deletion."""

# Other runs

ANOTHER_RUN_SHOWS_SECONDS = 10.0
"""How long another run's registrations may look doubtful.

A run that has just created the same ones takes 3 s; with slow replicas, 10 s.
"""
ANOTHER_RUN_ENDS_SECONDS = 20.0
"""For how long another run is waited for that creates the same registrations.

Such a run takes some 3 s, and with replicas that lag some 10 s more.
"""
SECRET_ARRIVES_WITHIN = timedelta(minutes=1)
"""Another run's secret that is older and has not arrived at its place will not: it is removed."""
LOCK_POLL_SECONDS = 0.05
"""Too short to be noticed, and a waiting process costs nothing."""

# Sites and identities

RESTART_SECONDS = 120.0
"""How long a site may still answer by its old settings after a restart was asked for."""
IDENTITY_LOOKS = 5
"""Looks at an identity that was accepted and does not show yet: 5 s in all."""
LOOKS_WITHOUT_OPERATION = 27
"""Where the operation may not be followed, so that nothing else tells when it is done: 175 s in
all.
"""
IDENTITY_LOOK_PAUSE = 0.5
"""Seconds, times the look's number."""

# Tokens of clients

TOKEN_LAG_SECONDS = 120.0
"""How long a refused credential may be one that has not arrived everywhere.

Credentials have been seen to take 4 to 18 s, and others wait two minutes for them. What is still
refused then is refused: someone has taken it away meanwhile.
"""
TOKEN_DELAYS = Delays(0.4, 4.0, growth=1.2)
"""Between requests for one token, which comes at most a fifth later than it could.

These are eleven requests in the first 10 s. Some 15 are known to be answered by 429 and a wait of a
minute (docs/azure-contract.md, section 2.3), and each refusal is a line in the tenant's sign-in
logs.
"""
ROUND_DELAYS = Delays(0.5, 5.0)
"""Between rounds of several requests, of which fewer may be sent."""
GOOD_ROUNDS = 3
"""How often in a row all tokens of a round have to be given.

Of three replicas, one that does not know the credential is missed once in 40 times.
"""
BETWEEN_ROUNDS = 0.5
"""Seconds, in which such a replica may catch up."""
TESTED_AT_LEAST_SECONDS = 2.0
"""How long a credential is tested that should have arrived everywhere by now."""
MACHINE_TOKEN_SECONDS = 20
"""A managed identity's endpoint is on the machine itself: an answer that is later does not come."""

# Secrets

CHANGE_OVER_SECONDS = 3.0
"""A caller that has just read the old secret asks for its token within this time."""
TAKING_BACK_SECONDS = 20.0
"""For taking something back: someone may be waiting for a command to end that has failed."""
RECOVERY_SECONDS = 60.0
"""How long a key vault may take to recover a deleted secret."""
RECOVERY_POLL_SECONDS = 0.5

# The caller

SIGN_IN_TOOL_SECONDS = 60.0
"""For one answer of az, azd or Azure PowerShell."""
LOOP_SECONDS = 60.0
"""How long the login service wants no request after too many, where it names no time."""
RIGHTS_SECONDS = 5.0
"""How long the answers about the caller's rights may come after all others."""
NAMES_SECONDS = 10.0
"""How long names may take that nothing else waits for."""
