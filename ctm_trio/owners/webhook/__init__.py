"""The webhook owner: `task.py` runs it: `intake.py` takes the alerts, `dispatch.py` delivers them."""
