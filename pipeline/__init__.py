"""Everything after ``mentions.raw``: enrich, index, route; and the command that runs it."""
