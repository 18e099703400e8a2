"""Reads tables that people export from spreadsheets: CSV, XLSX and ODS.

`open_table` finds out what a file is and where the wanted columns are. It can show that before
anything is written. Rows stream: memory grows neither with the file nor with a hostile row.

Nothing is guessed. A cell whose content is not certain, because a spreadsheet may have changed it
or because its encoding is not certain, raises `CellError` when it is read, and a record that can't
be parsed is returned as a `BadRow`.

Knows nothing about clients or the database, so each import can use it.
"""
