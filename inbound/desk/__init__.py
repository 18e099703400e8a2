"""The desk: web pages for the people who work with the service.

Pages ask what the command line and the API ask, through the same functions. Every page and action
names the right it needs; nothing is shown or changed without a session that has it.
"""
