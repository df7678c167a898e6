"""Results on disk: cells as shards, the tables that are made of them, what older versions wrote, whose a folder is."""
