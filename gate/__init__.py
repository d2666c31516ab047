"""The change-enablement gate: may this change go to this environment now?"""

__version__ = "0.1.0"
