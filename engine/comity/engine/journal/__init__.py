"""The journal: the protocol, and where an event is made durable, in memory and in LMDB.

It knows bytes and names, no classes. For the actors, and for authors of another journal.
"""
