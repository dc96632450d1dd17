"""Events and commands in the forms of other systems. For hosts that send or receive them.

Nothing of comity itself needs this package.
"""
