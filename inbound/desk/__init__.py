"""The desk: web pages for the people who work with the service.

Pages use the same functions as the command line and the API. Every page and action
names the right it needs; nothing is shown or changed without a session that has it.
"""
