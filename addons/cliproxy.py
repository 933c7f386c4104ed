"""cliproxy: mitmdump -s addons/cliproxy.py (or mitmweb, or mitmproxy).

Makes what is shared, and lists the addons in the order in which they see a request. Hooks run in this order on the
way in and on
the way out: it is a queue, not an onion.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the one place that may: mitmdump -s does not

from addons.authorize import Authorize
from addons.commands.accounts import AccountCommands
from addons.commands.flows import FlowCommands
from addons.commands.resend import Resend
from addons.cooldowns import Cooldowns
from addons.engine.addon import Engine
from addons.engine.terms import Terms
from addons.exchanges import Exchanges
from addons.greet import Greet
from addons.guard import Guard
from addons.keep import Keep
from addons.kept_flows import kept_flows
from addons.listen import Listen
from addons.logs import Logs
from addons.memory import Memory
from addons.models import Models
from addons.passes import Passes
from addons.projects import projects_of
from addons.record import Record
from addons.redact import Redact
from addons.refresh import Refresh
from addons.request_log import RequestLog
from addons.route import Route
from addons.settings import Settings
from addons.show import Show
from addons.usage import Usage
from addons.web_page import WebPage

exchanges = Exchanges()
settings = Settings()
terms = Terms(exchanges, settings)
models = Models(settings, exchanges)
listen = Listen(settings)
passes = Passes()

memory = Memory(exchanges)
refresh = Refresh(settings)
authorize = Authorize(exchanges, memory, refresh, projects_of(settings))
terms.choose = authorize.choose
request_log = RequestLog(settings)
usage = Usage(exchanges, settings, lambda: refresh.troubles)

addons = [
    settings,  # options and config: everyone below asks it
    Logs(settings),  # main.log
    Cooldowns(settings),  # what rests, over a restart
    listen,  # our port, and only ours
    Engine(settings, terms),  # our HTTP layer under each client connection
    refresh,  # tokens of log-ins are renewed
    Guard(settings, terms, exchanges, passes),  # who may ask
    Redact(settings),  # keys out of what can be seen
    models,  # answers model lists
    Route(settings, exchanges),  # opens the exchange
    authorize,  # which credential, what is sent, what failures mean
    memory,  # answers that their clients cannot carry back whole
    usage,  # what each credential was used for
    AccountCommands(settings, usage, refresh, authorize.projects),  # what a person does to accounts
    Greet(settings, models, listen),
    WebPage(),  # mitmweb's list, with room for comments
    FlowCommands(settings, Resend(settings, passes)),  # what a person does with a flow by hand
    Show(exchanges, settings),  # views of what happened
    kept_flows,  # and what else there is to compare with
    Record(exchanges, request_log.wants),  # it sees what everyone did, and closes the exchange
    request_log,  # files of requests
    Keep(settings),  # how much of it stays in the list
]
