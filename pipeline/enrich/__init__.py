"""Text in, facts out: language, sentiment, entities, watchlist matches."""
