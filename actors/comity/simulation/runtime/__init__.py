"""Runs domains in one thread, in virtual time and in an order that a seed chooses.

All rooms of the simulation may use it.
"""
