-- Before the snapshot: from here on the table is the one that the snapshot knows.
LOCK TABLE projections.daily_counts IN ACCESS SHARE MODE
