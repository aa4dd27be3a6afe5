"""Work on mentions: orders (``desk``), what they lead to (``life``), and what is (``book``)."""
