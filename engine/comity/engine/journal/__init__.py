"""The journal: its protocol, and two implementations, in memory and in LMDB.

A journal makes events durable. It knows bytes and names, no classes of events. The actors use this
room, and so do authors of another journal.
"""
