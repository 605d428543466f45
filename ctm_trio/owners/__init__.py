"""One task for each piece of state: it publishes snapshots and takes orders."""
