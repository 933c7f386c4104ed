"""Log-ins and refreshes, one module a provider, told as steps that know no network (flow.py)."""
