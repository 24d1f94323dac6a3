"""Who clicked, which page: the web application."""
