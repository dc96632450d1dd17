"""What the processes that have one domain open know of each other: who they are, who leads, news.

The journal, the read models and the outlets use it. Nothing here is needed to read the data.
"""
