"""The vocabulary between tasks, one file per owner: the snapshots it publishes and the orders it takes.

A snapshot is read with `StateReceiver.latest`; an order is sent with `core.channels.ask` or `place`.
"""
