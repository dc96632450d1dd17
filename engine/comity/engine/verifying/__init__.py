"""Reads a whole journal and says what is wrong; saves what can be read into a new one."""
